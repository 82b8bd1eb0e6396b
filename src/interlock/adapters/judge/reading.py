"""What is found in a change by reading it, file by file."""

from __future__ import annotations

from collections.abc import Callable

from interlock.adapters.judge.snapshot import Snapshot
from interlock.core.facts import Finding

__all__ = ["found"]


def found(
    base: Snapshot,
    candidate: Snapshot,
    look: Callable[[str, bytes | None, bytes], tuple[Finding, ...]],
    *,
    without: Callable[[str], bool] = lambda _path: False,
) -> tuple[Finding, ...]:
    """What a look at each file that differs from the base gives."""
    return tuple(
        finding
        for path in candidate.differing(base)
        if path in candidate.paths and not without(path)
        for finding in look(
            path, base.read(path) if path in base.paths else None, candidate.read(path)
        )
    )
