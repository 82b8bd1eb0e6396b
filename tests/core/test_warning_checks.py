"""Coverage, comments, new tests and reviewers' comments: what each check says of what was
measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.facts import CoveredFile, Finding, GateFacts
from interlock.core.gates.registry import CHECKS
from interlock.core.gates.samples import NEW, SCOPE, added, green, red, run
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

P, F, U, N = Outcome.PASS, Outcome.FAIL, Outcome.UNDETERMINED, Outcome.NOT_APPLICABLE


def _check(name: str, params: dict[str, Any] | None = None, **facts: Any) -> CheckResult:
    return CHECKS[name].evaluate(CheckSpec(check=name, params=params or {}), GateFacts(**facts))


def _file(statements: int, missed: tuple[int, ...], changed: tuple[int, ...]) -> CoveredFile:
    return CoveredFile(path="a.py", statements=statements, missed=missed, changed=changed)


COVERAGE = {
    "all ran": (_file(10, (), (1, 2)), P),
    "just enough": (_file(5, (1,), (1, 2, 3, 4, 5)), P),
    "too little of what changed": (_file(100, (1, 2), (1, 2, 3, 4)), F),
    "too little of the file": (_file(10, (7, 8, 9), (1, 2)), F),
    "no statement changed": (_file(10, (7, 8, 9), ()), N),
}


@pytest.mark.parametrize("name", COVERAGE)
def test_changed_lines_and_changed_files_have_to_run(name: str) -> None:
    file, outcome = COVERAGE[name]
    measured = replace(green(), coverage=(file,))
    assert _check("coverage_threshold_met", {"threshold": 80}, green=measured).outcome is outcome


def test_missed_lines_are_named() -> None:
    measured = replace(green(), coverage=(_file(9, (3, 4, 5, 9), (3, 4, 5, 9)),))
    found = _check("coverage_threshold_met", green=measured).reason
    assert "0 % of 4 changed statement(s)" in found.message
    assert "a.py:3-5, 9" in found.message
    assert found.facts["files"]["a.py"]["missed_changes"] == "3-5, 9"


@pytest.mark.parametrize("suite", [None, run("green"), replace(run("green", NEW), whole=False)])
def test_coverage_of_nothing_is_not_known(suite: Any) -> None:
    measured = replace(green(), suite=suite)
    assert _check("coverage_threshold_met", green=measured).outcome is U


@given(st.integers(1, 60), st.data())
def test_more_that_runs_never_fails_what_passed(size: int, data: st.DataObject) -> None:
    missed = data.draw(st.sets(st.integers(1, size)))
    threshold = data.draw(st.integers(0, 100))

    def passes(lines: set[int]) -> bool:
        file = _file(size, tuple(sorted(lines)), tuple(range(1, size + 1)))
        measured = replace(green(), coverage=(file,))
        found = _check("coverage_threshold_met", {"threshold": threshold}, green=measured)
        return found.outcome is P

    if missed and passes(missed):
        assert passes(set(sorted(missed)[1:]))


BLOCK = Finding(kind="commented_code", path="a.py", line=7, message="return x.y")


def test_commented_out_code_is_named_by_place() -> None:
    facts: dict[str, Any] = {
        "changes": added("a.py", "b.go"),
        "green": replace(green(), commented=(BLOCK,)),
    }
    found = _check("no_commented_out_code", **facts)
    assert found.outcome is F
    assert "a.py:7 return x.y" in found.reason.message
    clean = _check("no_commented_out_code", **facts | {"green": replace(green(), commented=())})
    assert clean.outcome is P
    assert "1 changed file(s) of other languages were not read" in clean.reason.message


def test_a_change_in_another_language_is_not_judged_by_its_comments() -> None:
    measured = replace(green(), commented=())
    found = _check("no_commented_out_code", changes=added("b.go"), green=measured)
    assert found.outcome is N
    assert _check("no_commented_out_code", green=green()).outcome is U


def test_each_new_test_without_meaning_is_named_with_its_reason() -> None:
    facts = replace(red(), meaningless={NEW: "asserts nothing"})
    found = _check("tests_are_meaningful", red=facts)
    assert (found.outcome, found.reason.message) == (F, f"{NEW} asserts nothing")
    assert found.reason.facts["tests"] == {NEW: "asserts nothing"}


def test_once_the_code_is_there_a_test_without_an_oracle_has_to_notice_a_fault() -> None:
    blind = green(twin=run("twin", NEW))
    assert _check("tests_are_meaningful", red=red(), green=blind).outcome is P
    unnoticed = replace(blind, mutants=())
    found = _check("tests_are_meaningful", red=red(), green=unnoticed)
    assert "does not go red when its assertions are inverted" in found.reason.message


def test_files_that_discovery_passes_by_are_named() -> None:
    def found(files: tuple[str, ...] | None) -> CheckResult:
        return _check("test_files_follow_convention", red=replace(red(), undiscovered=files))

    assert found(()).outcome is P
    assert found(None).outcome is U
    assert "tests/checks.py" in found(("tests/checks.py",)).reason.message


def test_a_change_outside_the_scope_is_not_bounded_by_it() -> None:
    documents: dict[str, Any] = {"artifacts": {"scope_definition": SCOPE}}
    assert _check("scope_is_bounded", **documents, own_changes=added("src/a.py")).outcome is P
    found = _check("scope_is_bounded", **documents, own_changes=added("src/a.py", "docs/b.md"))
    assert found.outcome is F
    assert found.reason.facts["outside"] == ["docs/b.md"]
