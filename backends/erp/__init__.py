"""The ERPs: what was ordered, and the master data of items."""
