"""The server's side of the supervisor: the worker door, and the wire that both speak."""
