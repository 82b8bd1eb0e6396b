"""Workflow packs: data only, read through importlib.resources."""
