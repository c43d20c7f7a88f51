"""The order management systems: what was promised."""
