"""The only process that opens the database; the composition root."""
