"""Coding agents that a session can run."""
