"""One request's runs: a variant goes in, what its tests did comes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

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
        environment: host directory of the built environment.
        tree: one of them; its size is what room is made for.
        seconds: wall time that one run may take.

    Raises:
        UnavailableError: the sandbox or the runner in it does not start.
    """

    def __init__(
        self, place: Place, environment: Path, statics: Statics, tree: Snapshot, seconds: int
    ) -> None:
        self._statics = statics
        self._seconds = seconds
        self._session = RunnerSession(place, environment, tree.size())

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
            settings=self._statics.main_configuration(tree.paths, tree.read),
            keep=variant.keep,
            drop=variant.drop,
            seed=variant.seed,
            watch=variant.watch,
            seconds=min(self._seconds, seconds or self._seconds),
        )
        run = to_run(variant.name, tree.oid, raw, blame or Blame())
        return Measured(
            run=replace(run, tests=tuple(t for t in run.tests if t.id not in variant.own)),
            own=tuple(t for t in run.tests if t.id in variant.own),
            raw=raw,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()
