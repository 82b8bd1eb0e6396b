"""One request's runs: a variant goes in, what its tests did comes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.place import Place
from interlock.adapters.judge.results import Blame, RawRun, to_run
from interlock.adapters.judge.session import RunnerSession
from interlock.adapters.judge.snapshot import Snapshot
from interlock.adapters.judge.variants import Variant
from interlock.core.facts import Run, TestResult
from interlock.ports.statics import Statics

__all__ = ["Measured", "Workbench"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run.

    Args:
        run: of the project's tests.
        own: results of the judge's own tests.
        raw: what it was made of.
    """

    run: Run
    own: tuple[TestResult, ...]
    raw: RawRun


class Workbench:
    """A sandbox with a runner, for trees that are near one.

    Args:
        conditions: what all runs have beside the tree.
        tree: one of them; its size is what room is made for.
        seconds: wall time that one run may take.

    Raises:
        UnavailableError: the sandbox or the runner in it does not start.
    """

    def __init__(
        self,
        place: Place,
        conditions: Conditions,
        statics: Statics,
        tree: Snapshot,
        seconds: int,
    ) -> None:
        self._prefix = conditions.prefix
        self._statics = statics
        self._seconds = seconds
        self._session = RunnerSession(place, conditions, tree.size())

    def measure(
        self, variant: Variant, *, blame: Blame | None = None, seconds: float | None = None
    ) -> Measured:
        """Run a variant.

        Args:
            blame: how failures by planned symbols are recognised.
            seconds: less time than other runs have.
        """
        tree = variant.tree
        raw = self._session.run(
            tree,
            arguments=variant.arguments,
            settings=self._settings(tree),
            keep=variant.keep,
            drop=variant.drop,
            seed=variant.seed,
            watch=variant.watch,
            minded=variant.minded,
            seconds=min(self._seconds, seconds or self._seconds),
        )
        run = to_run(variant.name, tree.oid, raw, blame or Blame())
        return Measured(
            run=replace(run, tests=tuple(t for t in run.tests if t.id not in variant.own)),
            own=tuple(t for t in run.tests if t.id in variant.own),
            raw=raw,
        )

    def _settings(self, tree: Snapshot) -> str | None:
        """Path of the project's settings for its runner."""
        start = len(self._prefix)
        below = [path[start:] for path in tree.paths if path.startswith(self._prefix)]
        found = self._statics.main_configuration(below, lambda path: tree.read(self._prefix + path))
        return None if found is None else self._prefix + found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()
