"""RED and GREEN, one measurement at a time: what each of them has to look like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interlock.core.facts import (
    Cause,
    Fate,
    Finding,
    GateFacts,
    GreenFacts,
    Mutant,
    RedFacts,
    Run,
    TestOutcome,
    TestResult,
)
from interlock.core.gates.registry import CHECKS
from interlock.core.gates.samples import NEW, OLD, PLAN, green, red, run
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

F, U, W = Outcome.FAIL, Outcome.UNDETERMINED, Outcome.WARN
SECOND = "tests/test_new.py::test_second"


def _check(name: str, **facts: Any) -> CheckResult:
    return CHECKS[name].evaluate(CheckSpec(check=name), GateFacts(**facts))


def _with(test: str, outcome: TestOutcome, cause: Cause = Cause.NONE) -> Run:
    """The old test passes, another one ends like this."""
    other = TestResult(id=test, outcome=outcome, cause=cause)
    return Run(purpose="x", tree="", whole=True, tests=(*run("x", OLD).tests, other))


def _unwhole(measured: Run) -> Run:
    return replace(measured, whole=False, problem="the runner ended early")


def _broken(measured: Run) -> Run:
    return replace(measured, collect_errors={"tests/test_new.py": "E\nNameError: x"})


RED: dict[str, tuple[RedFacts, Outcome]] = {
    "as it should be": (red(), Outcome.PASS),
    "by a planned symbol": (
        red(new=_with(NEW, TestOutcome.ERROR, Cause.PLANNED_SYMBOL)),
        Outcome.PASS,
    ),
    "by an exception of the code under test": (
        red(new=_with(NEW, TestOutcome.FAILED, Cause.BEHAVIOUR)),
        Outcome.PASS,
    ),
    "beside its guards": (
        replace(
            red(),
            red=run("red", OLD, SECOND, failed=(NEW,)),
            new_tests=(NEW, SECOND),
            guards=(SECOND,),
        ),
        Outcome.PASS,
    ),
    "nothing could be measured": (replace(red(), problem="no environment"), U),
    "no run of the tests": (replace(red(), red=None), U),
    "no run of the base": (replace(red(), base=None), U),
    "a run that did not end": (red(new=_unwhole(run("red", OLD, failed=(NEW,)))), U),
    "a base that did not end": (red(base=_unwhole(run("base", OLD))), U),
    "a file that cannot be collected": (red(new=_broken(run("red", OLD))), F),
    "no new test": (replace(red(), new_tests=()), F),
    "a new test that did not run": (replace(red(), new_tests=(NEW, SECOND)), U),
    "a new test that passes beside another": (
        replace(red(), red=run("red", OLD, SECOND, failed=(NEW,)), new_tests=(NEW, SECOND)),
        F,
    ),
    "a new test that passes": (red(new=run("red", OLD, NEW)), F),
    "a new test with a typo": (red(new=_with(NEW, TestOutcome.FAILED, Cause.OTHER)), F),
    "a new test that is skipped": (red(new=_with(NEW, TestOutcome.SKIPPED)), F),
    "a new test that is expected to fail": (red(new=_with(NEW, TestOutcome.XFAILED)), F),
    "an old test broken": (red(new=run("red", failed=(NEW, OLD))), F),
    "an old test that is flaky": (replace(red(new=run("red", failed=(NEW, OLD))), flaky=(OLD,)), U),
}


@pytest.mark.parametrize("name", sorted(RED))
def test_red_is_measured_or_not_there(name: str) -> None:
    facts, outcome = RED[name]
    assert _check("tests_are_failing", red=facts).outcome is outcome


def _green(**changes: Any) -> GreenFacts:
    return replace(green(), **changes)


RAN = run("x", OLD, NEW)


def _two(**changes: Any) -> GreenFacts:
    """Two new tests; the second one has no expected value."""
    measured = _green(
        red_tests=(NEW, SECOND),
        suite=run("g", OLD, NEW, SECOND),
        revert=run("revert", failed=(NEW, SECOND)),
        control=run("control", failed=(NEW, SECOND)),
        twin=run("twin", failed=(NEW, SECOND)),
        perturbed=run("perturbed", SECOND, failed=(NEW,)),
        neutral=run("neutral", NEW, SECOND),
    )
    return replace(measured, **changes)


def _with_both(measured: Run, test: str, cause: Cause) -> Run:
    other = TestResult(id=test, outcome=TestOutcome.FAILED, cause=cause)
    return replace(measured, tests=(*measured.tests, other))


def _mutant(*noticed_by: str) -> Mutant:
    return Mutant(
        symbol="a.py::f",
        path="a.py",
        line=3,
        what="return None",
        diff="- return x\n+ return None",
        fate=Fate.NOTICED if noticed_by else Fate.SURVIVED,
        noticed_by=noticed_by,
    )


def _finding(kind: str) -> Finding:
    return Finding(kind=kind, path="a.py", line=7, message="imports pytest")


_PLANNED = replace(_mutant(), symbol="a.py::g", planned=True)

GREEN: dict[str, tuple[GreenFacts, Outcome]] = {
    "as it should be": (green(), Outcome.PASS),
    "nothing could be measured": (_green(problem="time-out"), U),
    "no run": (_green(suite=None), U),
    "frozen files changed": (_green(frozen_changed=("tests/test_new.py",)), F),
    "a suite that did not end": (green(suite=_unwhole(RAN)), U),
    "a file that cannot be collected": (green(suite=_broken(RAN)), F),
    "no test was frozen": (_green(red_tests=()), U),
    "what was red fails": (green(suite=run("g", OLD, failed=(NEW,))), F),
    "what was red is missing": (green(suite=run("g", OLD)), F),
    "what was red is skipped": (green(suite=_with(NEW, TestOutcome.SKIPPED)), F),
    "what was green fails": (green(suite=run("g", NEW, failed=(OLD,))), F),
    "what was green is missing": (green(suite=run("g", NEW)), F),
    "what was green is flaky": (_green(suite=run("g", NEW, failed=(OLD,)), flaky=(OLD,)), U),
    "one is flaky, another fails": (
        _green(suite=run("g", NEW, failed=(OLD, SECOND)), flaky=(OLD,)),
        F,
    ),
    "a parameter that is part of its id is another": (
        _green(suite=run("g", OLD, NEW, "t.py::f[2]"), base_green=(OLD, "t.py::f[1]")),
        Outcome.PASS,
    ),
    "of two parameters one is missing": (
        _green(
            suite=run("g", OLD, NEW, "t.py::f[3]"),
            base_green=(OLD, "t.py::f[1]", "t.py::f[2]"),
        ),
        F,
    ),
    "the place of one is taken by another that was there": (
        _green(
            suite=run("g", OLD, NEW, "t.py::f[2]"),
            base_green=(OLD, "t.py::f[1]", "t.py::f[2]"),
        ),
        F,
    ),
    "another parameter fails": (
        _green(suite=run("g", OLD, NEW, failed=("t.py::f[2]",)), base_green=(OLD, "t.py::f[1]")),
        F,
    ),
    "any other test fails": (green(suite=run("g", OLD, NEW, failed=(SECOND,))), F),
    "no control": (_green(control=None), U),
    "no twin": (_green(twin=None), U),
    "no revert": (_green(revert=None), U),
    "the control passes": (_green(control=run("control", "c::c")), F),
    "one of the controls passes": (_green(control=run("control", "c::a", failed=("c::b",))), F),
    "the control did not run": (_green(control=run("control")), U),
    "the control was skipped": (_green(control=_with("c::c", TestOutcome.SKIPPED)), F),
    "the control ended early": (_green(control=_unwhole(run("control", failed=("c::c",)))), U),
    "green without the sources": (_green(revert=run("revert", NEW)), F),
    "the revert ended early": (_green(revert=_unwhole(run("revert"))), U),
    "not to be collected without the sources": (
        _green(revert=_broken(run("revert"))),
        Outcome.PASS,
    ),
    "green with inverted assertions": (_green(twin=run("twin", NEW)), U),
    "the twin ended early": (_green(twin=_unwhole(run("twin", failed=(NEW,)))), U),
    "the twin did not run the test": (_green(twin=run("twin")), U),
    "the twin skipped the test": (_green(twin=_with(NEW, TestOutcome.SKIPPED)), U),
    "nothing to invert": (_green(not_inverted=(NEW,)), U),
    "one of two has no oracle": (_two(twin=run("twin", SECOND, failed=(NEW,))), W),
    "one of two has no assertion": (_two(not_inverted=(SECOND,)), W),
    "one of two fails by an error": (
        _two(twin=_with_both(run("twin", failed=(NEW,)), SECOND, Cause.OTHER)),
        W,
    ),
    "no test of two has an oracle": (
        _two(twin=run("twin", SECOND, failed=(NEW,)), not_inverted=(NEW,)),
        U,
    ),
    "no perturbed run": (_green(perturbed=None), U),
    "no neutral run": (_green(neutral=None), U),
    "a control without one of the tests": (_green(control=run("control", failed=("c::c",))), U),
    "a test that cannot be sunk": (
        _green(control=run("control", failed=("c::c",)), not_sunk=(NEW,)),
        Outcome.PASS,
    ),
    "one sunk test passes": (_green(control=run("control", NEW, failed=("c::c",))), F),
    "green only as it is written": (_green(neutral=run("neutral", failed=(NEW,))), F),
    "red in other words twice": (
        _green(neutral=run("neutral", failed=(NEW,)), neutral_again=run("n", failed=(NEW,))),
        F,
    ),
    "red in another order": (
        _green(neutral=run("neutral", failed=(NEW,)), neutral_again=run("n", NEW)),
        U,
    ),
    "the neutral run ended early": (_green(neutral=_unwhole(run("neutral", NEW))), U),
    "green with other values, once compared": (
        _green(perturbed=run("perturbed", NEW), unexpected=run("unexpected", failed=(NEW,))),
        F,
    ),
    "green with other values, not compared": (
        _green(perturbed=run("perturbed", NEW), unexpected=run("unexpected", NEW)),
        U,
    ),
    "one of two is green with other values": (
        _two(perturbed=run("p", SECOND, failed=(NEW,)), perturbed_tests=(NEW, SECOND)),
        W,
    ),
    "nothing to change": (
        _green(perturbed=run("perturbed", NEW), perturbed_tests=()),
        Outcome.PASS,
    ),
    "no changed function": (_green(mutants=()), Outcome.PASS),
    "a fault that nobody notices": (_green(mutants=(_mutant(),)), F),
    "a fault that nobody notices beside one that is noticed": (
        _green(mutants=(_mutant(), _mutant(NEW))),
        Outcome.PASS,
    ),
    "a fault that an old test notices": (_green(mutants=(_mutant(OLD),)), Outcome.PASS),
    "a fault that only a test without an oracle notices": (
        _two(mutants=(_mutant(SECOND),), not_inverted=(SECOND,)),
        F,
    ),
    "faults that were not run": (
        _green(mutants=(replace(_mutant(), fate=Fate.NOT_RUN),)),
        Outcome.PASS,
    ),
    "one of two functions has no noticed fault": (
        _green(mutants=(_mutant(NEW), replace(_mutant(), symbol="a.py::g"))),
        W,
    ),
    "a planned function has no noticed fault of two": (
        _green(mutants=(_mutant(NEW), _PLANNED, replace(_PLANNED, line=4))),
        F,
    ),
    "a planned function has no noticed fault of one": (_green(mutants=(_mutant(NEW), _PLANNED)), W),
    "a finding that blocks": (_green(findings=(_finding("runner_import"),)), F),
    "a finding that is told": (_green(findings=(_finding("names_tests"),)), W),
}


@pytest.mark.parametrize("name", sorted(GREEN))
def test_green_is_measured_and_believed_or_not_there(name: str) -> None:
    facts, outcome = GREEN[name]
    found = _check("all_tests_pass", green=facts)
    assert found.outcome is outcome
    assert found.reason.remedy or outcome is Outcome.PASS


def test_a_fault_that_nobody_notices_is_told_with_its_place_and_a_way_on() -> None:
    reason = _check("all_tests_pass", green=_green(mutants=(_mutant(),))).reason
    assert (
        reason.message == "no test notices any fault in a.py::f: a.py:3 - return x | + return None"
    )
    assert reason.remedy == "Go back to TDD and assert what f is for, or leave it as it was."
    beside = _check("all_tests_pass", green=_green(mutants=(_mutant(), _mutant(NEW)))).reason
    assert "1 of 2 faults are noticed" in beside.message
    assert beside.facts["survivors"] == ["a.py:3 - return x | + return None"]


def test_a_workflow_may_accept_a_kind_of_finding() -> None:
    spec = CheckSpec(check="all_tests_pass", params={"accept": ("runner_import",)})
    facts = GateFacts(green=_green(findings=(_finding("runner_import"),)))
    assert CHECKS["all_tests_pass"].evaluate(spec, facts).outcome is W


SKIPS: dict[str, tuple[GreenFacts, Outcome]] = {
    "all ran": (green(), Outcome.PASS),
    "a failing test ran as well": (green(suite=run("g", OLD, failed=(NEW,))), Outcome.PASS),
    "missing": (green(suite=run("g", OLD)), F),
    "skipped": (green(suite=_with(NEW, TestOutcome.SKIPPED)), F),
    "expected to fail": (green(suite=_with(NEW, TestOutcome.XFAILED)), F),
    "passed though expected to fail": (green(suite=_with(NEW, TestOutcome.XPASSED)), F),
    "nothing that had to run": (_green(red_tests=(), base_green=()), U),
}


@pytest.mark.parametrize("name", sorted(SKIPS))
def test_what_was_there_has_to_run(name: str) -> None:
    facts, outcome = SKIPS[name]
    assert _check("no_skipped_tests", green=facts).outcome is outcome


def test_a_criterion_without_a_plan_is_covered_by_nothing() -> None:
    tests = {"test_files": [{"path": "tests/test_new.py", "covers": ["AC-1"]}]}
    name = "tests_exist_for_acceptance_criteria"
    assert _check(name, artifacts={"test_files": tests}, red=red()).outcome is U
    there = {"test_files": tests, "plan_document": PLAN}
    assert _check(name, artifacts=there, red=red()).outcome is Outcome.PASS
    elsewhere = {"test_files": [{"path": "tests/test_gone.py", "covers": ["AC-1"]}]}
    uncollected = {"test_files": elsewhere, "plan_document": PLAN}
    assert _check(name, artifacts=uncollected, red=red()).outcome is F


PATHS = {
    "a directory": (["src/pkg/**"], True),
    "two directories and a file": (["src/**", "docs/**", "setup.cfg"], True),
    "everything": (["**"], False),
    "everything in the root": (["*"], False),
    "everything in other words": (["?*"], False),
    "everything in two halves": (["[a-m]*", "[!a-m]*"], False),
    "everything beside something": (["src/**", "**/*"], False),
    "everything below the root": (["*/**"], False),
    "the root": (["/"], False),
    "the root as a shell says it": (["."], False),
    "a path as a shell says it": (["./src/**"], False),
    "a pattern that cannot be read": (["src/[a-"], False),
    "nothing": ([], False),
    "no texts": ([1, None], False),
}


@pytest.mark.parametrize("name", sorted(PATHS))
def test_a_scope_leaves_something_out(name: str) -> None:
    paths, is_bounded = PATHS[name]
    scope = {"in_scope": ["x"], "constraints": ["y"], "paths": paths}
    outcome = _check("scope_is_bounded", artifacts={"scope_definition": scope}).outcome
    assert outcome is (Outcome.PASS if is_bounded else F)


@pytest.mark.parametrize("missing", ["in_scope", "constraints", "paths"])
def test_a_scope_states_each_part(missing: str) -> None:
    scope = {"in_scope": ["x"], "constraints": ["y"], "paths": ["src/**"], missing: []}
    assert _check("scope_is_bounded", artifacts={"scope_definition": scope}).outcome is F


CRITERIA: dict[str, list[dict[str, str]]] = {
    "none": [],
    "its own text again": [{"criterion": "It works.", "how_to_verify": "it  WORKS"}],
    "two of one id": [
        {"id": "A", "criterion": "x", "how_to_verify": "run y"},
        {"id": "A", "criterion": "z", "how_to_verify": "run q"},
    ],
    "one that is named like the place of another": [
        {"id": "AC-2", "criterion": "x", "how_to_verify": "run y"},
        {"criterion": "z", "how_to_verify": "run q"},
    ],
}


@pytest.mark.parametrize("name", sorted(CRITERIA))
def test_criteria_that_nobody_can_verify_are_none(name: str) -> None:
    plan = {**PLAN, "acceptance_criteria": CRITERIA[name]}
    outcome = _check("plan_has_acceptance_criteria", artifacts={"plan_document": plan}).outcome
    assert outcome is F


def _missing(exception: str) -> RedFacts:
    test = TestResult(
        id=NEW,
        outcome=TestOutcome.FAILED,
        cause=Cause.OTHER,
        exception=exception,
        message="module 'text' has no attribute 'slug'",
    )
    return red(new=Run(purpose="x", tree="", whole=True, tests=(*run("x", OLD).tests, test)))


@pytest.mark.parametrize("exception", ["AttributeError", "ImportError"])
def test_a_name_that_the_plan_spells_otherwise_is_compared_with_what_it_names(
    exception: str,
) -> None:
    plan = {"plan_document": {**PLAN, "new_symbols": ["text.slugs:slug"]}}
    reason = _check("tests_are_failing", red=_missing(exception), artifacts=plan).reason
    assert f"a planned symbol or the code under test: {exception}: module" in reason.message
    assert "the plan's new_symbols: text.slugs:slug" in reason.message
    assert "go back to PLAN" in reason.remedy


def test_a_failure_of_another_kind_is_not_the_plans_fault() -> None:
    reason = _check("tests_are_failing", red=_missing("TypeError")).reason
    assert "new_symbols" not in reason.message
    assert "PLAN" not in reason.remedy


def test_a_file_that_cannot_be_collected_is_compared_with_what_the_plan_names() -> None:
    reason = _check("tests_are_failing", red=red(new=_broken(run("red", OLD)))).reason
    assert "the plan's new_symbols: none" in reason.message
    assert "go back to PLAN" in reason.remedy


@pytest.mark.parametrize("check", ["tests_are_failing", "all_tests_pass"])
def test_a_problem_brings_its_own_remedy(check: str) -> None:
    facts = {
        "red": RedFacts(problem="not trusted", remedy="interlock trust"),
        "green": GreenFacts(problem="not trusted", remedy="interlock trust"),
    }
    assert _check(check, **facts).reason.remedy == "interlock trust"


def test_an_empty_part_of_the_scope_is_named() -> None:
    scope = {"in_scope": ["a"], "constraints": [], "paths": ["src/**"]}
    found = _check("scope_is_bounded", artifacts={"scope_definition": scope})
    assert "scope_definition.constraints" in found.reason.message
