"""The audit log's segments, chain and seals."""
