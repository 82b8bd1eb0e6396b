"""GREEN: the frozen tests pass on the candidate's sources, and the runner that says so can be
believed.

A forged result shares a process with an honest one; what gives it away is that it stays green
where green is
impossible: without the sources (revert), with inverted assertions (twin), in a test that must
fail (control).
"""

from __future__ import annotations

from interlock.core.facts import GateFacts, GreenFacts, Run, TestOutcome
from interlock.core.gates.claims import false_claim
from interlock.core.gates.kind import CheckKind, Needs, result
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KINDS"]

_LOOK = "interlock evidence TASK shows the judge's runs."
_SKIPS = (TestOutcome.SKIPPED, TestOutcome.XFAILED, TestOutcome.XPASSED)


def _unmeasured(spec: CheckSpec, green: GreenFacts | None) -> CheckResult | None:
    if green is None:
        return result(spec, Outcome.NOT_YET, "the judge has not measured GREEN yet")
    if green.problem or green.suite is None:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"nothing could be measured: {green.problem or 'no run'}",
            remedy=_LOOK,
        )
    if green.frozen_changed:
        return result(
            spec,
            Outcome.FAIL,
            f"frozen since RED, but changed: {', '.join(green.frozen_changed)}",
            remedy="Go back to TDD to change tests or their configuration, visibly.",
            facts={"changed": list(green.frozen_changed)},
        )
    if not green.suite.whole:
        return result(
            spec,
            Outcome.FAIL if green.suite.collect_errors else Outcome.UNDETERMINED,
            f"the test run is not whole: {green.suite.problem or 'a file was not collected'}",
            remedy=_LOOK,
            facts={"collect_errors": dict(green.suite.collect_errors)},
        )
    return None


def _all_tests_pass(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := _unmeasured(spec, facts.green):
        return missing
    green = facts.green
    assert green is not None
    assert green.suite is not None
    passed = green.suite.with_outcome(TestOutcome.PASSED)
    for ids, what in ((green.red_tests, "was red and"), (green.base_green, "was green and")):
        if not_green := sorted(set(ids) - passed):
            return result(
                spec,
                Outcome.FAIL,
                f"{not_green[0]} {what} is {_outcome(green.suite, not_green[0])}",
                remedy="Make it pass with run_tests, then request the transition again.",
                facts={"tests": not_green},
            )
    if not green.red_tests:
        return result(
            spec,
            Outcome.UNDETERMINED,
            "no test was frozen at RED, so nothing shows that the change does anything",
            remedy="Go back to TDD and write a test that fails first.",
        )
    if failing := sorted(green.suite.with_outcome(TestOutcome.FAILED, TestOutcome.ERROR)):
        return result(
            spec, Outcome.FAIL, f"{failing[0]} fails", remedy=_LOOK, facts={"tests": failing}
        )
    if doubt := _doubt(spec, green):
        return doubt
    if lie := false_claim(facts.artifacts.get("test_run_result"), green.suite, facts.tree):
        return result(
            spec,
            Outcome.FAIL,
            f"the claimed test result is false: {lie}",
            remedy="Run the tests with run_tests and hand in what they said.",
        )
    count = len(green.red_tests)
    return result(spec, Outcome.PASS, f"{len(passed)} pass, {count} of them were red before")


def _outcome(run: Run, test_id: str) -> str:
    return next((t.outcome.value for t in run.tests if t.id == test_id), "missing")


def _doubt(spec: CheckSpec, green: GreenFacts) -> CheckResult | None:
    """Green where green is impossible: the results cannot be believed."""
    red = set(green.red_tests)
    if green.control is None or green.twin is None or green.revert is None:
        return result(spec, Outcome.UNDETERMINED, "a control run is missing", remedy=_LOOK)
    if green.control.with_outcome(TestOutcome.PASSED) or not green.control.tests:
        return result(
            spec,
            Outcome.FAIL,
            "a control test that must fail did not: the code under test tampers with its runner",
            remedy=_LOOK,
        )
    if kept := sorted(red & green.revert.with_outcome(TestOutcome.PASSED)):
        return result(
            spec,
            Outcome.FAIL,
            f"{kept[0]} passes without the change to the sources",
            remedy="The test must depend on the code it is about; go back to TDD.",
            facts={"tests": kept},
        )
    return _twin_doubt(spec, green, red, green.twin)


def _twin_doubt(spec: CheckSpec, green: GreenFacts, red: set[str], twin: Run) -> CheckResult | None:
    inverted = red - set(green.not_inverted)
    stayed = sorted(inverted & twin.with_outcome(TestOutcome.PASSED))
    if inverted and set(stayed) == inverted:
        return result(
            spec,
            Outcome.FAIL,
            "every new test passes with its assertions inverted as well: its result is forged",
            remedy=_LOOK,
            facts={"tests": stayed},
        )
    if stayed or not inverted:
        test = stayed[0] if stayed else sorted(red)[0]
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"{test} does not go red when its assertions are inverted: it has no oracle",
            remedy="Go back to TDD and assert on the result in the test's own body.",
            facts={"tests": stayed or sorted(red)},
        )
    return None


def _no_skipped_tests(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := _unmeasured(spec, facts.green):
        return missing
    green = facts.green
    assert green is not None
    assert green.suite is not None
    wanted = set(green.red_tests) | set(green.base_green)
    if gone := sorted(wanted - green.suite.ids):
        return result(
            spec,
            Outcome.FAIL,
            f"{gone[0]} is missing or deselected",
            remedy="Every test of the base and of RED has to run.",
            facts={"missing": gone},
        )
    if skipped := sorted(wanted & green.suite.with_outcome(*_SKIPS)):
        return result(
            spec,
            Outcome.FAIL,
            f"{skipped[0]} is {_outcome(green.suite, skipped[0])}",
            remedy="Let the test run; a skip is not a pass.",
            facts={"skipped": skipped},
        )
    return result(spec, Outcome.PASS, f"all {len(wanted)} ran")


KINDS = (
    CheckKind(name="all_tests_pass", evaluate=_all_tests_pass, needs=frozenset({Needs.GREEN})),
    CheckKind(name="no_skipped_tests", evaluate=_no_skipped_tests, needs=frozenset({Needs.GREEN})),
)
