"""The server's doors: one per agent session, one for people. Neither has the other's routes."""
