"""One import as lines for people: what landed, what did not and why, what nobody looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["taken_over"]

_REFUSED_SHOWN, _IGNORED_SHOWN = 20, 5


def taken_over(data: dict[str, Any]) -> str:
    """The lines of a ``tree_imported`` event, whose texts are clean by now."""
    # Caches appear wherever tests ran and are nobody's doing.
    refused = [
        f"  ✗ not imported: {path}: {why}"
        for path, why in data["refused"].items()
        if not why.startswith("a cache")
    ]
    shown = refused[:_REFUSED_SHOWN]
    if len(refused) > len(shown):
        shown.append(f"  ✗ not imported: {len(refused) - len(shown)} more → interlock show --json")
    text = f"import    {len(data['changed'])} path(s) taken over"
    return "\n".join([text, *shown, *_ignored(data["ignored"])])


def _ignored(paths: Sequence[str]) -> list[str]:
    if not paths:
        return []
    more = f" and {len(paths) - _IGNORED_SHOWN} more" if len(paths) > _IGNORED_SHOWN else ""
    named = ", ".join(paths[:_IGNORED_SHOWN])
    remedy = "to have one taken over, a person changes .gitignore"
    return [f"  · not looked at, the base's .gitignore names it: {named}{more} → {remedy}"]
