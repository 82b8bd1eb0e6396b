"""Runs inside the sandbox under `python -I -S`: standard library only."""
