"""RED: the new tests fail on the phase's base, each by itself and for the right reason."""

from __future__ import annotations

from dataclasses import replace

from interlock.core.facts import Cause, GateFacts, RedFacts, Run, TestOutcome
from interlock.core.gates.claims import false_claim
from interlock.core.gates.kind import CheckKind, Needs, result
from interlock.core.gates.plan import criteria
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KINDS"]

_RUN_AGAIN = "Fix the test, run it with run_tests and request the transition again."


def _unmeasured(spec: CheckSpec, red: RedFacts | None) -> CheckResult | None:
    if red is None:
        return result(spec, Outcome.NOT_YET, "the judge has not measured RED yet")
    if red.problem or red.red is None:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"nothing could be measured: {red.problem or 'no run'}",
            remedy="interlock evidence TASK shows the judge's output.",
        )
    if red.red.collect_errors:
        path, why = next(iter(red.red.collect_errors.items()))
        return result(
            spec,
            Outcome.FAIL,
            f"{path} cannot be collected: {why.strip().splitlines()[-1] if why.strip() else why}",
            remedy="Fix the file, or list the missing name under new_symbols in the plan.",
            facts={"collect_errors": dict(red.red.collect_errors)},
        )
    if not red.red.whole:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"the run did not end by itself: {red.red.problem}",
            remedy=_RUN_AGAIN,
        )
    return None


def _tests_are_failing(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := _unmeasured(spec, facts.red):
        return missing
    assert facts.red is not None
    assert facts.red.red is not None
    red = facts.red.red
    by_id = {test.id: test for test in red.tests}
    new = [by_id[i] for i in facts.red.new_tests if i in by_id]
    if not new:
        return result(
            spec,
            Outcome.FAIL,
            "no new test was collected",
            remedy="Write a test for each acceptance criterion below the test paths.",
        )
    if green := [t.id for t in new if t.outcome is TestOutcome.PASSED]:
        return result(
            spec,
            Outcome.FAIL,
            f"{green[0]} passes already on the base",
            remedy="A new test must fail before the code is written; assert what is missing.",
            facts={"passing": green},
        )
    wrong = [t for t in new if t.cause not in (Cause.ASSERTION, Cause.PLANNED_SYMBOL)]
    if wrong:
        test = wrong[0]
        return result(
            spec,
            Outcome.FAIL,
            f"{test.id} does not fail by an assertion or a planned symbol but is "
            f"{test.outcome.value} ({test.exception or 'no exception'}: {test.message})",
            remedy=_RUN_AGAIN,
            facts={"tests": [t.id for t in wrong]},
        )
    if broken := _broken(facts.red):
        return result(
            spec,
            Outcome.FAIL,
            f"{broken[0]} passed on the base and does not any more",
            remedy="Leave existing tests as they are, or bring back what they need.",
            facts={"tests": broken},
        )
    claim = facts.artifacts.get("test_run_result")
    if lie := false_claim(claim, _whole(facts.red, red), facts.tree):
        return result(
            spec,
            Outcome.FAIL,
            f"the claimed test result is false: {lie}",
            remedy="Run the tests with run_tests and hand in what they said.",
        )
    return result(spec, Outcome.PASS, f"{len(new)} new test(s) fail as they should")


def _whole(facts: RedFacts, red: Run) -> Run:
    """The suite as an agent sees it: RED runs the changed files only, the base ran the others."""
    others = () if facts.base is None else facts.base.tests
    return replace(red, tests=red.tests + tuple(t for t in others if t.id not in red.ids))


def _broken(red: RedFacts) -> list[str]:
    if red.base is None or red.red is None:
        return []
    was_green = red.base.with_outcome(TestOutcome.PASSED) - set(red.new_tests)
    still = red.red.with_outcome(TestOutcome.PASSED)
    return sorted((was_green & red.red.ids) - still)


def _tests_exist_for_acceptance_criteria(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := _unmeasured(spec, facts.red):
        return missing
    assert facts.red is not None
    assert facts.red.red is not None
    collected = {i.partition("::")[0] for i in facts.red.red.ids}
    listed = (facts.artifacts.get("test_files") or {}).get("test_files") or ()
    covered = {
        str(name) for item in listed if item.get("path") in collected for name in item["covers"]
    }
    uncovered = [key for key in criteria(facts.artifacts) if key not in covered]
    if uncovered:
        return result(
            spec,
            Outcome.FAIL,
            f"no collected test covers {', '.join(uncovered)}",
            remedy="Write the test and list its file with covers in test_files.",
            facts={"uncovered": uncovered, "collected_files": sorted(collected)},
        )
    return result(spec, Outcome.PASS, "each criterion has a collected test")


KINDS = (
    CheckKind(name="tests_are_failing", evaluate=_tests_are_failing, needs=frozenset({Needs.RED})),
    CheckKind(
        name="tests_exist_for_acceptance_criteria",
        evaluate=_tests_exist_for_acceptance_criteria,
        needs=frozenset({Needs.RED}),
    ),
)
