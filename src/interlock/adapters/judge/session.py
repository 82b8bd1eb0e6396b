"""All runs of one request: variants of a tree, one after the other, each on a fresh copy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Self

from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.place import Place
from interlock.adapters.judge.redaction import Redaction
from interlock.adapters.judge.results import RawRun
from interlock.adapters.judge.runner_process import Lost, RunnerProcess
from interlock.adapters.judge.snapshot import Snapshot
from interlock.failpoints import reach

__all__ = ["RunnerSession"]

_KILLED = -9


class RunnerSession:
    """Keeps a runner for its runs; a run that takes the runner with it costs the others nothing.

    Args:
        place: see there.
        conditions: environment, runner and what is beside them.
        bytes_needed: size of the trees that will be run, about.
    """

    def __init__(self, place: Place, conditions: Conditions, bytes_needed: int) -> None:
        self._means = (place, conditions, bytes_needed)
        self._conditions = conditions
        self._redaction = Redaction(conditions.secrets)
        self._runner: RunnerProcess | None = None

    def run(
        self,
        tree: Snapshot,
        *,
        arguments: Sequence[str],
        settings: str | None,
        keep: frozenset[str] | None,
        drop: frozenset[str],
        seconds: float,
        seed: int | None = None,
        watch: Sequence[str] = (),
        minded: Sequence[str] = (),
    ) -> RawRun:
        """Run pytest on a fresh copy of a tree.

        Args:
            tree: what ``/w`` holds.
            arguments: files for pytest; none means what the project's settings say.
            settings: path of the file with the project's settings for pytest.
            keep: ids to run; ``None`` means all.
            drop: ids not to run.
            seconds: wall time for pytest.
            seed: of the random order of the tests; ``None`` leaves them in the project's order.
            watch: paths of which the lines that run are reported.
            minded: tests of which it is reported what functions of these they reach.

        Raises:
            UnavailableError: no runner starts. That one was lost in the middle is a result.
        """
        job = {
            "arguments": list(arguments),
            "settings": settings,
            "keep": None if keep is None else sorted(keep),
            "drop": sorted(drop),
            "watch": list(watch),
            "minded": list(minded),
            "seed": seed,
            "directory": self._conditions.spec.directory,
            "services": [asdict(service) for service in self._conditions.spec.services],
            "secrets": dict(self._conditions.secrets),
        }
        if self._runner is None:
            self._runner = RunnerProcess(*self._means)
        reach("judge.run")
        begin = time.monotonic()
        try:
            raw = self._runner.run(job, self._conditions.completed(tree), seconds)
        except Lost as lost:
            self.close()
            raw = RawRun(
                status=_KILLED,
                timed_out=False,
                frames=b"",
                output="",
                seconds=time.monotonic() - begin,
                problem=str(lost),
            )
        return self._redaction.of(raw)

    def close(self) -> None:
        """End everything inside and remove the copy of the tree. May be called again."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
