"""Exit code, table and document follow from what was found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interlock.ports.confinement import Level
from interlock.testing.adversary.tricks import Outcome
from interlock.testing.demo.report import PHASES, Honest, Judged, Report

HONEST = Honest(status="completed", phases=PHASES, commit="0" * 40, seconds=1.0)
TRICK = Judged(
    id="old-token",
    title="Use the token of a phase that was left",
    threat="E",
    outcome=Outcome.PREVENTED,
    declared=Outcome.PREVENTED,
    reason="HTTP 401: the session has no part in the task → Claim a task.",
    facts=(),
    seconds=1.0,
)
GOOD = Report(
    level=Level.FULL,
    why_level=(),
    honest=HONEST,
    tricks=(TRICK,),
    trespasses=(),
    audit={"ok": True},
    evidence="/evidence",
    seconds=2.0,
)


def test_all_as_declared_is_ok() -> None:
    assert GOOD.ok
    assert GOOD.document()["ok"] is True
    assert GOOD.summary().startswith("OK at level full")


@pytest.mark.parametrize(
    "bad",
    [
        replace(GOOD, honest=replace(HONEST, status="ready")),
        replace(GOOD, honest=replace(HONEST, phases=("PLAN", "COMPLETE"))),
        replace(GOOD, tricks=()),
        replace(GOOD, tricks=(TRICK, replace(TRICK, outcome=Outcome.DETECTED))),
        replace(GOOD, tricks=(replace(TRICK, outcome=Outcome.PASSED, declared=Outcome.PASSED),)),
        replace(GOOD, trespasses=("HEAD was changed in the project",)),
        replace(GOOD, audit={"ok": False}),
        replace(GOOD, audit={}),
    ],
)
def test_anything_else_is_not(bad: Report) -> None:
    assert not bad.ok
    assert bad.summary().startswith("FAILED")


def test_the_table_breaks_reasons_and_nothing_else() -> None:
    table = GOOD.table(80)
    assert all(len(line) <= 80 for line in table.splitlines())
    assert " ".join(table.split()).endswith(TRICK.reason)
    assert "old-token" in table
