"""The level of confinement in words: the same ones wherever a person looks."""

from __future__ import annotations

from interlock.cli.output import clean

__all__ = ["at_levels", "banner", "named"]


def named(level: str) -> str:
    """A level; a dash where there is none yet."""
    return clean(level) or "-"


def at_levels(made: str, judged: str) -> str:
    """The levels at which something was made and judged, and what to do if that is not full."""
    by = f"judged at {clean(judged)}" if judged else "nothing was run to judge it"
    return f"made at {named(made)}, {by}{banner(made) or banner(judged or made)}"


def banner(level: str) -> str:
    """What is added to every level below full, and to nothing else."""
    return "" if level in ("full", "") else " (below full → interlock doctor)"
