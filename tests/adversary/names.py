"""The tricks, read once for their names."""

from __future__ import annotations

from interlock.testing.adversary.tricks import load_tricks

TRICKS = load_tricks()
