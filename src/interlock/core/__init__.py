"""Pure decisions: what is allowed, what happens next, and why."""
