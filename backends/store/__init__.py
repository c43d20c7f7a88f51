"""The book's shelves: where bytes are kept for rooms that know what they mean."""
