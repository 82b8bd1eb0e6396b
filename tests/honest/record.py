"""What a run found, as a file; and the whole set of figures that the report is made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from tests.honest.replay import Kind, Step

__all__ = ["FIGURES", "Refusal", "Report", "read", "write"]

FIGURES = Path(__file__).with_name("figures.json")


Release = tuple[str, str]
"""A package and its version."""

_Of = TypeVar("_Of", bound="Step | Refusal")


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A step with the work not done.

    Args:
        way: how it was not done.
        blocked: whether GREEN refused it.
        why: the check and its message.
    """

    package: str
    new: str
    way: str
    blocked: bool
    why: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run over all packages.

    Args:
        level: of confinement.
        python, pytest: versions.
        seconds: wall time of the whole.
        steps: in the order of the catalogue.
        refusals: of dishonest variants.
    """

    level: str
    python: str
    pytest: str
    seconds: int
    steps: Sequence[Step]
    refusals: Sequence[Refusal]

    @property
    def changes(self) -> list[Step]:
        """Steps that are features or fixes."""
        return [step for step in self.steps if step.kind is Kind.CHANGE]

    @property
    def wrong(self) -> list[Step]:
        """Those of them that were not let through."""
        return [step for step in self.changes if not step.is_right]

    def renewed(self, run: Report, order: Sequence[Release]) -> Report:
        """This report with what a later run over some of its steps found.

        Args:
            run: the later run; its level and versions count.
            order: all releases, as the report lists them.
        """
        again = {(step.package, step.new) for step in run.steps}

        def merged(ours: Sequence[_Of], theirs: Sequence[_Of]) -> list[_Of]:
            found = [*(one for one in ours if (one.package, one.new) not in again), *theirs]
            return sorted(found, key=lambda one: order.index((one.package, one.new)))

        steps = merged(self.steps, run.steps)
        return msgspec.structs.replace(
            run,
            seconds=int(sum(step.seconds for step in steps)),
            steps=steps,
            refusals=merged(self.refusals, run.refusals),
        )


def read(path: Path = FIGURES) -> Report:
    """The report of an earlier run."""
    return msgspec.json.decode(path.read_bytes(), type=Report)


def write(report: Report, path: Path = FIGURES) -> None:
    """Keep a report, readable in a diff."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
