"""Levels of confinement in the order of their strength, as the records name them.

A level that a record does not name counts as the weakest.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["FULL", "is_weaker", "weakest"]

FULL = "full"

_STRENGTH = {"none": 0, "partial": 1, FULL: 2}


def is_weaker(level: str, wanted: str) -> bool:
    """Whether ``level`` holds less than ``wanted``."""
    return _STRENGTH.get(level, 0) < _STRENGTH[wanted or "none"]


def weakest(levels: Iterable[str]) -> str:
    """The weakest of those that are named; empty if none is."""
    return min(filter(None, levels), key=lambda level: _STRENGTH.get(level, 0), default="")
