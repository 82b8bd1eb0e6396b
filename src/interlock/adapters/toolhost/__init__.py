"""The host's end of a session's toolhost."""
