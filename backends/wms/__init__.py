"""The warehouse systems: what was allocated and shipped."""
