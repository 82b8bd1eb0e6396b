"""How the suites of bases ran: each measured once for a base and an environment, then kept.

Whoever wants a run that is going on elsewhere, in another thread or process, waits for that one.
Only whole runs are kept: what could not be measured is tried again by the next who asks.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from interlock.adapters.durable import replace_file
from interlock.adapters.lockfile import waiting_lock
from interlock.core.facts import Run

__all__ = ["BaseRun", "BaseRuns"]

# Bumped when a kept run would no longer be what a run gives.
_FORMAT = 2
_KEPT = 128


class BaseRuns:
    """Runs of one project's bases.

    Args:
        directory: where they are kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def of(self, tree: str, environment: str, *circumstances: str) -> BaseRun:
        """The run of a tree in an environment.

        Args:
            tree: oid of the base.
            environment: digest.
            circumstances: what else may decide how it ends: the confinement level and the like.
        """
        key = json.dumps([_FORMAT, tree, environment, *circumstances])
        return BaseRun(self._directory / hashlib.sha256(key.encode()).hexdigest())


class BaseRun:
    """The runs of one base: ``first`` in the project's order, ``again`` in a random one.

    Args:
        stem: path of its files, without their endings.
    """

    def __init__(self, stem: Path) -> None:
        self._stem = stem

    def first(self, measure: Callable[[], Run]) -> Run:
        """The run in the project's own order; measured now if nobody has yet."""
        return self._kept("first", measure)

    def again(self, measure: Callable[[], Run]) -> Run:
        """The run in random order."""
        return self._kept("again", measure)

    @property
    def flaky(self) -> tuple[str, ...]:
        """Ids that did not end alike in both runs; none as long as there are not both."""
        first, again = self._read("first"), self._read("again")
        if first is None or again is None:
            return ()
        one, other = ({t.id: t.outcome for t in run.tests} for run in (first, again))
        return tuple(sorted(i for i in one.keys() | other if one.get(i) is not other.get(i)))

    def _path(self, which: str) -> Path:
        return self._stem.with_suffix(f".{which}.json")

    def _read(self, which: str) -> Run | None:
        try:
            return msgspec.json.decode(self._path(which).read_bytes(), type=Run)
        except FileNotFoundError:
            return None

    def _kept(self, which: str, measure: Callable[[], Run]) -> Run:
        if (known := self._read(which)) is not None:
            return known
        self._stem.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with waiting_lock(self._stem.with_suffix(f".{which}.lock")):
            if (known := self._read(which)) is not None:
                return known
            run = measure()
            if run.whole:
                path = self._path(which)
                temporary = path.with_suffix(f".{secrets.token_hex(4)}")
                data = msgspec.json.encode(run)
                replace_file(path, data, temporary=temporary, family="measured")
                _forget_the_oldest(path.parent)
        return run


def _forget_the_oldest(directory: Path) -> None:
    kept = sorted(directory.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_KEPT:]:
        # Another process may have been quicker. Locks stay: removing one would let two in at once.
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
