"""Where judge jobs run, and the two paths that are the same in every sandbox.

An environment is built at ``/env`` with the base at ``/w``, and is mounted there read-only wherever
it is used: what it holds of absolute paths, an editable install above all, leads to the tree that
is there now and to no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.confinement import UidRange
from interlock.ports.confinement import Level, Limits

__all__ = ["ENVIRONMENT", "TREE", "Place"]

TREE, ENVIRONMENT = "/w", "/env"
_AFTER_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and how confined judge jobs run.

    Args:
        level: of confinement.
        uids: users for jobs; not those that sessions are given.
        scratch: directory for trees where the sandbox has no memory of its own for them.
        limits: of one sandbox.
        after_s: seconds that a runner gets to end and clean up after the time of a run is over.
    """

    level: Level
    uids: UidRange
    scratch: Path
    limits: Limits
    after_s: float = _AFTER_S
