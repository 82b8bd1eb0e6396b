"""Event stores and operational tables."""
