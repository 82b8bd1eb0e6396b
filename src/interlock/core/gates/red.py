"""RED: the new tests fail on the phase's base, each by itself and for the right reason."""

from __future__ import annotations

from dataclasses import replace

from interlock.core.facts import Cause, GateFacts, RedFacts, Run, TestOutcome, TestResult
from interlock.core.gates.claims import false_claim
from interlock.core.gates.documents import items, text, texts
from interlock.core.gates.flaky import flaky
from interlock.core.gates.kind import CheckKind, Examples, Needs, result
from interlock.core.gates.plan import criteria
from interlock.core.gates.samples import NEW, OLD, PLAN, red, run
from interlock.core.model import CheckSpec, GateSpec, PhaseSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KINDS", "freezes", "unmeasured"]

_RUN_AGAIN = "Fix the test, run it with run_tests and request the transition again."
_LOOK = "interlock evidence TASK shows the judge's output."
_REPLAN = (
    "The plan has to list the name exactly as the test uses it: go back to PLAN, add it to "
    "new_symbols and hand in the plan again."
)
_RIGHT = (Cause.ASSERTION, Cause.PLANNED_SYMBOL, Cause.BEHAVIOUR)
_MISSING_NAME = ("AttributeError", "ImportError", "ModuleNotFoundError", "NameError")


def freezes(where: PhaseSpec | GateSpec) -> bool:
    """Whether tests are pinned by this gate, or by a gate of this phase."""
    gates = where.gates if isinstance(where, PhaseSpec) else (where,)
    return any(c.check == "tests_are_failing" for gate in gates for c in gate.checks)


def unmeasured(spec: CheckSpec, everything: GateFacts) -> CheckResult | None:
    """What a check of RED comes to where there is nothing to look at."""
    facts = everything.red
    if facts is None:
        return result(spec, Outcome.NOT_YET, "the judge has not measured RED yet")
    if facts.problem or facts.red is None or facts.base is None:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"nothing could be measured: {facts.problem or 'no run'}",
            remedy=facts.remedy or _LOOK,
        )
    if facts.red.collect_errors:
        path, why = next(iter(facts.red.collect_errors.items()))
        return result(
            spec,
            Outcome.FAIL,
            f"{path} cannot be collected: {why.strip().splitlines()[-1] if why.strip() else why}"
            f"; {_planned(everything)}",
            remedy=f"Fix the file if the name is misspelled. {_REPLAN}",
            facts={"collect_errors": dict(facts.red.collect_errors)},
        )
    for measured in (facts.base, facts.red):
        if not measured.whole:
            return result(
                spec,
                Outcome.UNDETERMINED,
                f"the run of {measured.purpose} did not end by itself: {measured.problem}",
                remedy=_RUN_AGAIN,
            )
    return None


def _tests_are_failing(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := unmeasured(spec, facts):
        return missing
    assert facts.red is not None
    assert facts.red.red is not None
    candidate = facts.red.red
    lie = false_claim(
        facts.artifacts.get("test_run_result"),
        _whole(facts.red, candidate),
        facts.tree,
        is_same_tree=not facts.has_foreign_changes,
    )
    if wrong := _wrong(spec, facts, facts.red, candidate, lie):
        return wrong
    if lie:
        return result(
            spec,
            Outcome.FAIL,
            f"the claimed test result is false: {lie}",
            remedy="Run the tests with run_tests and hand in what they said.",
        )
    return result(spec, Outcome.PASS, f"{len(facts.red.new_tests)} new test(s) fail as they should")


def _wrong(
    spec: CheckSpec, everything: GateFacts, facts: RedFacts, candidate: Run, lie: str
) -> CheckResult | None:
    """The first thing that is not as RED should be."""
    by_id = {test.id: test for test in candidate.tests}
    told = f"; the claimed test result is false as well: {lie}" if lie else ""
    if gone := [i for i in facts.new_tests if i not in by_id]:
        message, remedy, ids = f"{gone[0]} did not run", _LOOK, gone
        return result(
            spec, Outcome.UNDETERMINED, message + told, remedy=remedy, facts={"tests": ids}
        )
    new = [by_id[i] for i in facts.new_tests]
    to_fail = [test for test in new if test.id not in facts.guards]
    if not new:
        message = "no new test was collected"
        remedy, ids = "Write a test for each acceptance criterion below the test paths.", []
    elif ids := [t.id for t in to_fail if t.outcome is TestOutcome.PASSED]:
        message = f"{ids[0]} passes already on the base"
        remedy = "A new test must fail before the code is written; assert what is missing."
    elif wrong := [t for t in to_fail if t.cause not in _RIGHT]:
        test, ids = wrong[0], [t.id for t in wrong]
        message, remedy = _wrong_reason(test, everything)
    elif (ids := _broken(facts, candidate)) and set(ids) <= set(facts.flaky):
        return flaky(spec, ids)
    elif ids := [test for test in ids if test not in facts.flaky]:
        message = f"{ids[0]} passed on the base and does not any more"
        remedy = "Leave existing tests as they are, or bring back what they need."
    else:
        return None
    return result(spec, Outcome.FAIL, message + told, remedy=remedy, facts={"tests": ids})


def _wrong_reason(test: TestResult, everything: GateFacts) -> tuple[str, str]:
    """What a new test fails of instead, and what helps: a missing name has to be planned."""
    if test.outcome in (TestOutcome.SKIPPED, TestOutcome.XFAILED, TestOutcome.XPASSED):
        said = f"{test.id} does not fail: it is {test.outcome.value}"
        return said, "Let the test run and fail: without skip and xfail."
    said = (
        f"{test.id} does not fail by an assertion, a planned symbol or the code under test: "
        f"{test.exception or 'no exception'}: {test.message or 'no message'}"
    )
    if test.exception.rpartition(".")[2] in _MISSING_NAME:
        return f"{said}; {_planned(everything)}", f"{_REPLAN} Or let the test use a planned name."
    return said, _RUN_AGAIN


def _planned(everything: GateFacts) -> str:
    names = texts(everything.artifacts.get("plan_document"), "new_symbols")
    return f"the plan's new_symbols: {', '.join(names) or 'none'}"


def _whole(facts: RedFacts, candidate: Run) -> Run:
    """The suite as an agent sees it: RED runs the changed files only, the base ran the others."""
    if facts.base is None:
        return candidate
    others = tuple(t for t in facts.base.tests if t.id not in candidate.ids)
    errors = {**facts.base.collect_errors, **candidate.collect_errors}
    return replace(candidate, tests=candidate.tests + others, collect_errors=errors)


def _broken(facts: RedFacts, candidate: Run) -> list[str]:
    if facts.base is None:
        return []
    was_green = facts.base.with_outcome(TestOutcome.PASSED) - set(facts.new_tests)
    return sorted((was_green & candidate.ids) - candidate.with_outcome(TestOutcome.PASSED))


def _tests_exist_for_acceptance_criteria(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := unmeasured(spec, facts):
        return missing
    assert facts.red is not None
    assert facts.red.red is not None
    wanted = [key for key, _ in criteria(facts.artifacts)]
    if not wanted:
        return result(
            spec,
            Outcome.UNDETERMINED,
            "there is no plan_document whose criteria could be covered",
            remedy="Go back to the phase that takes plan_document and hand it in.",
        )
    collected = {i.partition("::")[0] for i in facts.red.red.ids}
    covered = {
        name
        for item in items(facts.artifacts.get("test_files"), "test_files")
        if text(item, "path") in collected
        for name in texts(item, "covers")
    }
    if uncovered := [key for key in wanted if key not in covered]:
        return result(
            spec,
            Outcome.FAIL,
            f"no collected test covers {', '.join(uncovered)}",
            remedy="Write the test and list its file with covers in test_files.",
            facts={"uncovered": uncovered, "collected_files": sorted(collected)},
        )
    return result(spec, Outcome.PASS, "each criterion has a collected test")


def _covering(*names: str) -> GateFacts:
    listed = [{"path": "tests/test_new.py", "covers": list(names)}]
    artifacts = {"plan_document": PLAN, "test_files": {"test_files": listed}}
    return GateFacts(artifacts=artifacts, red=red())


KINDS = (
    CheckKind(
        name="tests_are_failing",
        passes_when=(
            "each new test fails on the base, by an assertion, a planned symbol or an exception of "
            "the code under test"
        ),
        evaluate=_tests_are_failing,
        examples=Examples(
            passes=GateFacts(red=red()), fails=GateFacts(red=red(new=run("red", OLD, NEW)))
        ),
        needs=frozenset({Needs.RED}),
    ),
    CheckKind(
        name="tests_exist_for_acceptance_criteria",
        passes_when="each criterion is covered by a test that the runner collects",
        evaluate=_tests_exist_for_acceptance_criteria,
        examples=Examples(passes=_covering("AC-1"), fails=_covering("AC-2")),
        needs=frozenset({Needs.RED}),
    ),
)
