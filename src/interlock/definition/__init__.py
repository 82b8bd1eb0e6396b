"""From YAML text to the core's model, with positions and diagnostics."""
