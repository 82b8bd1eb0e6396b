"""What every surface says of a task whose rules do not all bind: the same line everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.cli.output import clean

__all__ = ["mode_lines", "shown_mode"]


def mode_lines(found: Mapping[str, Any], indent: str = "") -> list[str]:
    """The banner of a task, an item or a bundle; no line if everything is strict."""
    banner = found["enforcement"]["banner"]
    return [f"{indent}! {clean(banner)}"] if banner else []


def shown_mode(found: Mapping[str, Any]) -> str:
    """The modes with the place that each comes from."""
    said = found["enforcement"]

    def part(what: str) -> str:
        origin = said[f"{what}_origin"]
        return f"{what} {clean(said[what])}{f' ({clean(origin)})' if origin else ''}"

    return f"{part('gates')}, {part('tools')}"
