"""A session from nothing, taking its tree over, and writing it out for the judge: 20,000 files,
first and again."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.checkout import checkouts
from bench.figures import Budget, Figure, Measured, NotRunError, Plan
from bench.supervised import Ground, ground
from interlock.adapters.confinement import probe
from interlock.adapters.trees.project import Project
from interlock.adapters.trees.repository import Repository
from interlock.engine.importing import take_over
from interlock.ports.confinement import Level

__all__ = ["measure"]

FILES = 20_000
CHANGED = 50
_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
_ROOM_BYTES = 1 << 30


def measure(plan: Plan) -> Measured:
    """Each round: a new session, its first import, one of nothing new, one of some changes.

    The budgets are about what we do, so they are judged in memory. How long a disk takes to make
    20,000 files, and how long a session on it then takes, stands beside.
    """
    if probe().level is not Level.FULL:
        raise NotRunError(f"no sandbox at level full: {'; '.join(probe().reasons)}")
    if not _has_room(_MEMORY):
        raise NotRunError(f"{_MEMORY} has not {_ROOM_BYTES >> 20} MiB left")
    times = asyncio.run(_rounds(plan.rounds, _MEMORY))
    times |= checkouts(FILES, plan.rounds, _MEMORY)
    figures = [Figure(name=name, unit="ms", rounds=tuple(values)) for name, values in times.items()]
    slow = asyncio.run(_on_disk(1 if plan.quick else 3))
    by_name = {figure.name: figure for figure in figures}
    return Measured(
        figures=(*figures, *slow),
        budgets=(
            Budget(figure=by_name["session from nothing"], limit=2000),
            Budget(figure=by_name["import, cold"], limit=1000),
            Budget(figure=by_name["import, warm"], limit=200),
            Budget(figure=by_name["judge check-out"], limit=1000),
        ),
    )


def _has_room(place: Path) -> bool:
    if not (place.is_dir() and os.access(place, os.W_OK)):
        return False
    space = os.statvfs(place)
    return space.f_bavail * space.f_frsize > _ROOM_BYTES


class _Watch:
    """Times by name, one per round."""

    def __init__(self) -> None:
        self.times: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.times[name].append(1000 * (time.perf_counter() - began))


async def _rounds(rounds: int, parent: Path) -> dict[str, list[float]]:
    watch = _Watch()
    async with ground(FILES, parent) as place:
        for _ in range(rounds):
            await _round(place, watch)
    return watch.times


async def _on_disk(rounds: int) -> list[Figure]:
    watch = _Watch()
    async with ground(FILES) as place:
        for number in range(rounds):
            with watch("on disk: 20,000 plain files"):
                _write_plainly(place.state / f"plain-{number}")
            with watch("on disk: session from nothing"):
                session = await place.session()
            await place.end(session)
    return [Figure(name=name, unit="ms", rounds=tuple(t)) for name, t in watch.times.items()]


def _write_plainly(place: Path) -> None:
    """As many files as the session's clone has, by the shortest way there is."""
    for first in range(0, FILES, 100):
        directory = place / str(first)
        directory.mkdir(parents=True)
        for number in range(100):
            descriptor = os.open(directory / str(number), os.O_CREAT | os.O_WRONLY)
            os.write(descriptor, b"x" * 400)
            os.close(descriptor)


async def _round(place: Ground, watch: _Watch) -> None:
    # A new object each time: what a server has in memory of the base is part of "cold".
    project = Project(Repository.open(place.state / "repo.git"), place.state)
    with watch("session from nothing"):
        session = await place.session()
    for name in ("import, cold", "import, warm"):
        with watch(name):
            imported = await take_over(session, project, place.base.tree, _anything)
        assert imported.tree == place.base.tree
    with watch("scandir and stat alone"):
        _look_at(place)
    change = f"for n in src/d000/m000[0-4]*.py; do echo '# {session.session_id}' >> $n; done"
    await session.toolhost.call("run", shell=change)
    with watch(f"import, {CHANGED} files changed"):
        imported = await take_over(session, project, place.base.tree, _anything)
    assert len(imported.changes) == CHANGED
    await place.end(session)


def _look_at(place: Ground) -> None:
    """What every look for changes has to do, and nothing else: in the same round a yardstick."""
    (scratch,) = place.state.glob("scratch/ses_*/w/src")
    for directory in os.scandir(scratch):
        for entry in os.scandir(directory.path):
            entry.stat(follow_symlinks=False)


def _anything(_path: str) -> None:
    return None
