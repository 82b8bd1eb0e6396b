"""Pure policies over tools, paths and shell commands."""
