"""Sandboxes, from user namespaces down to none, probed by trying."""
