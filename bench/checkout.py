"""What a run of the judge costs beside its tests: 20,000 files come to stand in the sandbox."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.supervised import repository_of
from interlock.adapters.confinement import UidRange
from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.place import Place
from interlock.adapters.judge.session import RunnerSession
from interlock.adapters.judge.snapshot import Contents
from interlock.ports.confinement import Level, Limits

__all__ = ["checkouts"]

_TEST = "tests/test_one.py"
_CHANGED = 50
_SECONDS = 60.0


def checkouts(files: int, rounds: int, parent: Path) -> dict[str, list[float]]:
    """Milliseconds by name, one value per round.

    ``export of a base`` happens once per base. ``judge check-out`` is all that a run adds to its
    tests: finding what differs from the base, writing the tree to a place that no run has used, and
    taking away what the run leaves.
    """
    found: dict[str, list[float]] = {"export of a base": [], "judge check-out": []}
    with tempfile.TemporaryDirectory(prefix="il-bench-", dir=parent) as name:
        place = Path(name)
        place.chmod(0o711)
        repository, base = repository_of(place, files)
        base_tree = repository.replace(base.tree, {_TEST: b"def test_one():\n    assert True\n"})
        for number in range(rounds):
            began = time.perf_counter()
            Contents(repository, base_tree, place / f"base-{number}")
            found["export of a base"].append(1000 * (time.perf_counter() - began))
        contents = Contents(repository, base_tree, place / "base-0")
        with _session(place, contents.tree(base_tree).size()) as session:
            for number in range(-1, rounds):
                changes = {
                    f"src/d000/m{each:05d}.py": b"x = %d\n" % (number + each)
                    for each in range(_CHANGED)
                }
                tree = repository.replace(base_tree, changes)
                began = time.perf_counter()
                raw = session.run(
                    Contents(repository, base_tree, place / "base-0").tree(tree),
                    arguments=(_TEST,),
                    settings=None,
                    keep=None,
                    drop=frozenset(),
                    seconds=_SECONDS,
                )
                took = time.perf_counter() - began - raw.seconds
                assert raw.status == 0, raw
                if number >= 0:  # the first starts the sandbox
                    found["judge check-out"].append(1000 * took)
    return found


@contextmanager
def _session(place: Path, needed: int) -> Iterator[RunnerSession]:
    where = Place(level=Level.FULL, uids=UidRange(), scratch=place / "scratch", limits=Limits())
    # An environment of our own would take longer to build than everything that is measured.
    with RunnerSession(where, Conditions.of_this_process(), needed) as session:
        yield session
