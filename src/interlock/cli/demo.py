"""``interlock demo``: an honest agent gets through, a cheating one does not; exit 0 only if all of
it ended as declared."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import click

from interlock.cli.output import clean, clean_lines, emit, json_option, say
from interlock.cli.progress import line
from interlock.errors import UsageError
from interlock.testing.adversary.tricks import Trick, load_tricks
from interlock.testing.demo.report import Judged
from interlock.testing.demo.run import AT_ONCE, Listener, run_demo

__all__ = ["demo"]


@click.command()
@click.option(
    "--level",
    type=click.Choice(["full", "partial", "none"]),
    default="full",
    show_default=True,
    help="Strongest confinement to use where it works.",
)
@click.option("--only", multiple=True, metavar="ID", help="Play this trick only; repeatable.")
@click.option(
    "--evidence",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory for the evidence; a new temporary one if not given.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 16),
    default=AT_ONCE,
    show_default=True,
    help="Tricks played together.",
)
@json_option
def demo(
    level: str, only: tuple[str, ...], evidence: Path | None, at_once: int, as_json: bool
) -> int:
    """Show on a project of its own what is stopped, how, and that honest work gets through.

    Needs no repository and touches nothing of yours; only the evidence stays.
    """
    tricks = _chosen(load_tricks(), only)
    report = run_demo(tricks, _listener(), level=level, at_once=at_once, evidence=evidence)
    lines: list[str] = []
    if report.tricks:
        lines += [report.table(shutil.get_terminal_size((160, 24)).columns), ""]
    if not report.honest.ok:
        lines.append(f"✗ the honest task is {report.honest.status}: {report.honest.reason}")
    lines += [f"✗ {changed}" for changed in report.trespasses]
    lines += [f"Evidence: {report.evidence}", report.summary()]
    emit(report.document(), as_json=as_json, text=clean_lines("\n".join(lines)))
    return 0 if report.ok else 3


def _chosen(tricks: tuple[Trick, ...], only: tuple[str, ...]) -> tuple[Trick, ...]:
    unknown = sorted(set(only) - {trick.id for trick in tricks})
    if unknown:
        raise UsageError(
            f"there is no trick {unknown[0]!r}",
            code="IL-DEM-010",
            remedy=f"One of {', '.join(trick.id for trick in tricks)}.",
        )
    return tuple(trick for trick in tricks if not only or trick.id in only)


def _listener() -> Listener:
    began = time.monotonic()

    def stamped(text: str) -> None:
        say(clean_lines(f"{time.monotonic() - began:6.1f}s  {text}"))

    def event(event: dict[str, Any]) -> None:
        if text := line(event):
            stamped(text)

    def trick(found: Judged) -> None:
        ended = found.outcome.value
        if found.ok:
            stamped(f"✓ {ended:<13} {clean(found.title)}")
        else:
            stamped(f"✗ {ended:<13} {clean(found.title)}: {found.declared.value} was declared")

    return Listener(step=lambda text: say(f"\n{text}"), event=event, trick=trick)
