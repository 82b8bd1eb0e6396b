"""Work that adds no behaviour: what has to be seen of it before its green is believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interlock.core.facts import CoveredFile, Fate, Finding, GateFacts, GreenFacts, Mutant
from interlock.core.gates.registry import CHECKS
from interlock.core.gates.samples import NEW, OLD, green, run
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

FAULT = green().mutants[0]


def fault(symbol: str, fate: Fate) -> Mutant:
    noticed = (NEW,) if fate is Fate.NOTICED else ()
    return replace(FAULT, symbol=symbol, fate=fate, noticed_by=noticed)


def measured(kind: str = "refactor", **changes: Any) -> GreenFacts:
    return replace(green(), kind=kind, revert=None, base_green=(OLD, NEW), **changes)


def checked(facts: GreenFacts, kind: str = "", check: str = "all_tests_pass") -> CheckResult:
    named = {"work.kind": kind or facts.kind}
    return CHECKS[check].evaluate(CheckSpec(check=check), GateFacts(green=facts, named=named))


def test_old_tests_that_notice_faults_are_enough_for_a_refactoring() -> None:
    assert checked(measured()).outcome is Outcome.PASS
    assert "as on the base" in checked(measured()).reason.message
    assert checked(measured(), check="no_skipped_tests").outcome is Outcome.PASS


@pytest.mark.parametrize("kind", ["docs", "dependencies"])
def test_green_on_the_base_is_enough_for_what_holds_no_code(kind: str) -> None:
    bare = GreenFacts(kind=kind, suite=run("green", OLD), base_green=(OLD,))
    assert checked(bare).outcome is Outcome.PASS
    assert checked(replace(bare, suite=run("green", failed=(OLD,)))).outcome is Outcome.FAIL
    assert checked(replace(bare, frozen_changed=("README.md",))).outcome is Outcome.FAIL


def test_documentation_needs_no_tests_where_there_are_none() -> None:
    assert checked(GreenFacts(kind="docs")).outcome is Outcome.NOT_APPLICABLE
    assert checked(GreenFacts(kind="dependencies")).outcome is Outcome.UNDETERMINED
    assert checked(GreenFacts(kind="docs", problem="no sandbox")).outcome is Outcome.UNDETERMINED


@pytest.mark.parametrize("kind", ["feature", "fix"])
def test_what_was_measured_without_new_tests_is_not_enough_for_more(kind: str) -> None:
    for check in ("all_tests_pass", "no_skipped_tests"):
        assert checked(measured(), kind, check).outcome is Outcome.UNDETERMINED
        assert checked(GreenFacts(kind="docs"), kind, check).outcome is Outcome.UNDETERMINED


SURVIVED = (fault("a.py::f", Fate.SURVIVED), fault("a.py::f", Fate.SURVIVED))
NOTICED = (fault("a.py::g", Fate.NOTICED),)
NEW_BRANCH = CoveredFile(path="a.py", statements=9, missed=(7,), changed=(3, 7))


@pytest.mark.parametrize(
    "changes, outcome, said",
    [
        ({"coverage": (NEW_BRANCH,)}, Outcome.FAIL, "a.py:7 is new and no test runs it"),
        ({"coverage": (replace(NEW_BRANCH, missed=(5,)),)}, Outcome.PASS, ""),
        ({"mutants": SURVIVED + NOTICED}, Outcome.FAIL, "a.py::f changed or moved"),
        ({"mutants": SURVIVED[:1]}, Outcome.FAIL, "a.py::f changed or moved"),
        ({"mutants": SURVIVED[:1] + NOTICED}, Outcome.WARN, ""),
        ({"mutants": ()}, Outcome.PASS, ""),
        (
            {"red_tests": (), "control": None, "mutants": (fault("a.py::f", Fate.NOT_RUN),)},
            Outcome.FAIL,
            "no test calls a.py::f",
        ),
        ({"red_tests": (), "control": None, "mutants": ()}, Outcome.PASS, ""),
        ({"twin": run("twin", NEW)}, Outcome.UNDETERMINED, "is conclusive"),
        ({"control": run("control", NEW)}, Outcome.FAIL, "tampers with its runner"),
        (
            {"findings": (Finding(kind="runner_import", path="a.py", line=1, message="m"),)},
            Outcome.FAIL,
            "runner_import",
        ),
        ({"suite": run("green", OLD, failed=(NEW,))}, Outcome.FAIL, ""),
        ({"suite": run("green", OLD)}, Outcome.FAIL, "missing"),
    ],
)
def test_a_refactoring_is_shown_to_change_nothing(
    changes: dict[str, Any], outcome: Outcome, said: str
) -> None:
    found = checked(measured(**changes))
    assert found.outcome is outcome, found.reason.message
    assert said in found.reason.message
    assert found.reason.remedy or outcome is Outcome.PASS
