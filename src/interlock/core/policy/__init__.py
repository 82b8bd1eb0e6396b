"""Pure policies over tools (``tools``), paths (``paths``) and shell commands (``shell``)."""
