"""Coverage of what changed: how much of it the judge saw the suite run.

Two shares have to reach the threshold: that of the changed statements, all together, and of each
file with changed statements that of all its statements. Statements are counted and named by their
first line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from interlock.core.facts import CoveredFile, GateFacts
from interlock.core.gates.kind import CheckKind, Examples, Needs, result, settings
from interlock.core.gates.samples import green
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KINDS"]

_THRESHOLD = 80
_LOOK = "interlock evidence TASK shows the judge's runs."
_SHOWN = 3

_PERCENT = {
    "type": "number",
    "minimum": 0,
    "maximum": 100,
    "default": _THRESHOLD,
    "title": "a number from 0 to 100",
    "description": "percent of changed lines, and of each changed file, that tests have to run",
}


def _unmeasured(spec: CheckSpec, facts: GateFacts) -> CheckResult | None:
    measured = facts.green
    if measured is None:
        return result(spec, Outcome.NOT_YET, "the judge has not measured coverage yet")
    suite = measured.suite
    if suite is None or not suite.whole or not suite.tests:
        why = measured.problem or (suite.problem if suite else "") or "no test ran"
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"coverage could not be measured: {why}",
            remedy=measured.remedy or _LOOK,
        )
    return None


def _coverage_threshold_met(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := _unmeasured(spec, facts):
        return missing
    assert facts.green is not None
    files = [file for file in facts.green.coverage if file.changed]
    if not files:
        return result(spec, Outcome.NOT_APPLICABLE, "no statement of a source was changed")
    threshold = spec.params.get("threshold", _THRESHOLD)
    changed = sum(len(file.changed) for file in files)
    ran = changed - sum(len(file.missed_changes) for file in files)
    low = [f for f in files if not _reaches(f.statements - len(f.missed), f.statements, threshold)]
    known = {
        "threshold": threshold,
        "changed": {"statements": changed, "ran": ran},
        "files": {file.path: _about(file) for file in files},
    }
    if not _reaches(ran, changed, threshold):
        missed = [file for file in files if file.missed_changes]
        message = (
            f"{_percent(ran, changed)} of {changed} changed statement(s) run in the tests, "
            f"{threshold} % have to: {_places(missed, changes=True)} do not"
        )
        remedy = (
            "Go back to TDD and write a test that runs these lines, or take out what nothing needs."
        )
        return result(spec, Outcome.FAIL, message, remedy=remedy, facts=known)
    if low:
        ran_of = low[0].statements - len(low[0].missed)
        message = (
            f"{low[0].path} is covered to {_percent(ran_of, low[0].statements)}, {threshold} % is "
            f"asked of changed files: {_places(low, changes=False)} do not run"
        )
        remedy = "Go back to TDD and test the rest of the changed file as well."
        return result(spec, Outcome.FAIL, message, remedy=remedy, facts=known)
    message = f"{_percent(ran, changed)} of {changed} changed statement(s) run in the tests"
    return result(spec, Outcome.PASS, message, facts=known)


def _reaches(part: int, whole: int, threshold: float) -> bool:
    return 100 * part >= threshold * whole


def _percent(part: int, whole: int) -> str:
    """Rounded down, so that no message says that something just missed was reached."""
    return f"{100 * part // whole} %"


def _about(file: CoveredFile) -> dict[str, Any]:
    return {
        "statements": file.statements,
        "missed": _ranges(file.missed),
        "changed": len(file.changed),
        "missed_changes": _ranges(file.missed_changes),
    }


def _places(files: list[CoveredFile], *, changes: bool) -> str:
    lines = [(f.path, f.missed_changes if changes else f.missed) for f in files]
    shown = "; ".join(f"{path}:{_ranges(missed)}" for path, missed in lines[:_SHOWN])
    return f"{shown} and {len(lines) - _SHOWN} more file(s)" if len(lines) > _SHOWN else shown


def _ranges(lines: Iterable[int]) -> str:
    """Numbers as people write them: ``3-5, 9``."""
    found: list[list[int]] = []
    for line in sorted(set(lines)):
        if found and line == found[-1][1] + 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in found)


def _covered(missed: tuple[int, ...]) -> GateFacts:
    file = CoveredFile(path="src/text.py", statements=10, missed=missed, changed=(1, 2, 3, 4, 5))
    return GateFacts(green=replace(green(), coverage=(file,)))


KINDS = (
    CheckKind(
        name="coverage_threshold_met",
        passes_when="changed lines and changed files are covered to the threshold",
        schema=settings(threshold=_PERCENT),
        evaluate=_coverage_threshold_met,
        examples=Examples(
            passes=_covered(missed=(5,)),
            fails=_covered(missed=(4, 5)),
            params={"threshold": 80},
        ),
        needs=frozenset({Needs.GREEN}),
    ),
)
