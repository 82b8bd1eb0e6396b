"""Every fail point and where it is hit: by a task of a whole house, or by a smaller test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DIES", "ELSEWHERE", "FAILS", "SAMPLE", "Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """What happens at a point while a task runs.

    Args:
        action: see ``failpoints``.
        turn: how often the point is passed until it takes effect.
        role: only in this process.
        fresh: only a house that has done nothing yet comes by.
    """

    point: str
    action: str = "kill"
    turn: int = 1
    role: str = ""
    fresh: bool = False

    def __str__(self) -> str:
        return f"{self.point}-{self.action}"


def _cases(*points: str, role: str = "", fresh: bool = False) -> tuple[Case, ...]:
    return tuple(Case(point, role=role, fresh=fresh) for point in points)


DIES = (
    *_cases("secret.link", "signing.write", "base.fetched", "door.rename", fresh=True),
    *_cases("environment.build", "environment.built", fresh=True),
    *_cases("environment.write", "environment.sync", "environment.rename", fresh=True),
    *_cases("environment.renamed", fresh=True),
    *_cases("measured.write", "measured.sync", "measured.rename", "measured.renamed", fresh=True),
    Case("judge.export", fresh=True),
    Case("store.begin", turn=3),
    Case("store.commit", turn=8),
    Case("store.committed", turn=12),
    Case("audit.write", turn=2),
    Case("audit.sync", turn=5),
    Case("audit.synced", turn=9),
    # Later tasks hand in the same documents, and those are there.
    *_cases("blob.write", "blob.sync", "blob.rename", "blob.renamed", fresh=True),
    Case("git.spawn", turn=4, role="server"),
    Case("git.spawn", turn=3, role="supervisor"),
    *_cases("tree.stored", "tree.written", "tree.ref", "land.sent", "land.ref"),
    *_cases("import.frozen", "import.walked", "import.received", "import.finished"),
    *_cases("import.reverted"),
    *_cases("house.scratch", "house.started", "house.opened", "house.spawned"),
    *_cases("scratch.clone", "scratch.rename", "scratch.renamed", "scratch.bury"),
    *_cases("session.launch", "session.launched", "judge.launch", "judge.run"),
    *_cases("launcher.fork", "launcher.prepared", "launcher.started", "launcher.ended"),
    *_cases("toolhost.write", "toolhost.rename", "toolhost.renamed", "toolhost.freeze"),
    *_cases("toolhost.spawn", "toolhost.spawned", "toolhost.walk", "toolhost.revert"),
)
"""A process dies there; the monitor starts the next one and the task goes on to its end."""

FAILS = (
    Case("environment.build", "enospc", fresh=True),
    Case("measured.sync", "eio", fresh=True),
    Case("store.commit", "enospc", turn=5),
    Case("audit.write", "enospc", turn=4),
    Case("audit.sync", "eio", turn=6),
    Case("blob.sync", "enospc", fresh=True),
    Case("git.spawn", "enospc", turn=6, role="server"),
    Case("tree.stored", "enospc"),
    Case("tree.ref", "eio"),
    Case("land.sent", "eio"),
    Case("import.walked", "eio"),
    Case("house.started", "eio"),
    Case("scratch.clone", "enospc"),
    Case("scratch.rename", "eio"),
    Case("session.launch", "enospc"),
    Case("judge.launch", "eio"),
    Case("launcher.fork", "eio"),
    Case("toolhost.rename", "enospc"),
    Case("toolhost.spawn", "eio"),
    Case("toolhost.walk", "eio"),
)
"""A step fails there; it is said with a remedy, and the task can go on to its end."""

SAMPLE = (
    Case("store.commit", turn=9),
    Case("audit.sync", turn=6),
    Case("blob.renamed", turn=2),
    Case("import.finished"),
    Case("tree.ref"),
    Case("scratch.rename", turn=2),
    Case("judge.run"),
    Case("land.ref"),
)
"""What every run of the tests takes, all of it in one task."""

ELSEWHERE: Mapping[str, str] = {
    "audit.turn": "tests/crash/test_records.py",
    "audit.segment": "tests/crash/test_records.py",
    "audit.cut": "tests/crash/test_records.py",
    "audit.key.write": "tests/crash/test_records.py",
    "audit.key.sync": "tests/crash/test_records.py",
    "audit.key.rename": "tests/crash/test_records.py",
    "audit.key.renamed": "tests/crash/test_records.py",
    "secret.write": "tests/crash/test_records.py",
    "secret.sync": "tests/crash/test_records.py",
    "secret.rename": "tests/crash/test_records.py",
    "secret.renamed": "tests/crash/test_records.py",
}
"""Points that a task would have to run for hours to reach, or not at all."""
