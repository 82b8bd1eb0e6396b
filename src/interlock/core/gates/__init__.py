"""Pure gate checks, one file per kind."""
