"""GREEN: the frozen tests pass on the candidate's sources, and the runner that says so can be
believed.

A forged result shares a process with an honest one; what gives it away is that it stays green
where green is impossible: without the sources (revert), with inverted assertions (twin), in a test
that must fail (control). A run that did not end by itself shows nothing either way.
"""

from __future__ import annotations

from interlock.core.facts import GateFacts, GreenFacts, Run, TestOutcome
from interlock.core.gates.claims import false_claim
from interlock.core.gates.flaky import flaky
from interlock.core.gates.kind import CheckKind, Examples, Needs, result
from interlock.core.gates.samples import NEW, OLD, green, run
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KINDS"]

_LOOK = "interlock evidence TASK shows the judge's runs."
_SKIPS = (TestOutcome.SKIPPED, TestOutcome.XFAILED, TestOutcome.XPASSED)
_BAD = (TestOutcome.FAILED, TestOutcome.ERROR)


def _unmeasured(spec: CheckSpec, facts: GreenFacts | None) -> CheckResult | None:
    if facts is None:
        return result(spec, Outcome.NOT_YET, "the judge has not measured GREEN yet")
    if facts.problem or facts.suite is None:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"nothing could be measured: {facts.problem or 'no run'}",
            remedy=facts.remedy or _LOOK,
        )
    if facts.frozen_changed:
        return result(
            spec,
            Outcome.FAIL,
            f"frozen since RED, but changed: {', '.join(facts.frozen_changed)}",
            remedy="Go back to TDD to change tests or their configuration, visibly.",
            facts={"changed": list(facts.frozen_changed)},
        )
    if facts.suite.collect_errors:
        return result(
            spec,
            Outcome.FAIL,
            f"{next(iter(facts.suite.collect_errors))} cannot be collected",
            remedy=_LOOK,
            facts={"collect_errors": dict(facts.suite.collect_errors)},
        )
    if not facts.suite.whole:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"the test run is not whole: {facts.suite.problem or 'it did not end by itself'}",
            remedy=_LOOK,
        )
    if not facts.red_tests:
        return result(
            spec,
            Outcome.UNDETERMINED,
            "no test was frozen at RED, so nothing shows that the change does anything",
            remedy="Go back to TDD and write a test that fails first.",
        )
    return None


def _all_tests_pass(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := _unmeasured(spec, facts.green):
        return missing
    measured = facts.green
    assert measured is not None
    assert measured.suite is not None
    lie = false_claim(facts.artifacts.get("test_run_result"), measured.suite, facts.tree)
    if failing := _failing(spec, measured, measured.suite, lie):
        return failing
    if doubt := _doubt(spec, measured):
        return doubt
    if lie:
        return result(
            spec,
            Outcome.FAIL,
            f"the claimed test result is false: {lie}",
            remedy="Run the tests with run_tests and hand in what they said.",
        )
    passed = len(measured.suite.with_outcome(TestOutcome.PASSED))
    count = len(measured.red_tests)
    return result(spec, Outcome.PASS, f"{passed} pass, {count} of them were red before")


def _failing(spec: CheckSpec, measured: GreenFacts, suite: Run, lie: str) -> CheckResult | None:
    passed = suite.with_outcome(TestOutcome.PASSED)
    doubtful: set[str] = set()
    for ids, what in (
        (measured.red_tests, " was red and is {}"),
        (measured.base_green, " was green and is {}"),
        (suite.with_outcome(*_BAD), " fails"),
    ):
        doubtful |= (set(ids) - passed) & set(measured.flaky)
        if not_green := sorted(set(ids) - passed - doubtful):
            told = f"; the claimed test result is false as well: {lie}" if lie else ""
            return result(
                spec,
                Outcome.FAIL,
                not_green[0] + what.format(_outcome(suite, not_green[0])) + told,
                remedy="Make it pass with run_tests, then request the transition again.",
                facts={"tests": not_green},
            )
    return flaky(spec, sorted(doubtful)) if doubtful else None


def _outcome(suite: Run, test_id: str) -> str:
    return next((t.outcome.value for t in suite.tests if t.id == test_id), "missing")


def _doubt(spec: CheckSpec, measured: GreenFacts) -> CheckResult | None:
    """Green where green is impossible: the results cannot be believed."""
    red = set(measured.red_tests)
    control, revert, twin = measured.control, measured.revert, measured.twin
    if control is None or twin is None or revert is None:
        return result(spec, Outcome.UNDETERMINED, "a control run is missing", remedy=_LOOK)
    if control.with_outcome(TestOutcome.PASSED):
        return result(
            spec,
            Outcome.FAIL,
            "a control test that must fail did not: the code under test tampers with its runner",
            remedy=_LOOK,
        )
    for measured_run in (control, revert, twin):
        if not measured_run.whole:
            return result(
                spec,
                Outcome.UNDETERMINED,
                f"the {measured_run.purpose} run is not whole: {measured_run.problem}",
                remedy=_LOOK,
            )
    if not control.with_outcome(*_BAD):
        return result(spec, Outcome.UNDETERMINED, "no control test ran", remedy=_LOOK)
    if kept := sorted(red & revert.with_outcome(TestOutcome.PASSED)):
        return result(
            spec,
            Outcome.FAIL,
            f"{kept[0]} passes without the change to the sources",
            remedy="The test must depend on the code it is about; go back to TDD.",
            facts={"tests": kept},
        )
    return _twin_doubt(spec, red - set(measured.not_inverted), red, twin)


def _twin_doubt(
    spec: CheckSpec, inverted: set[str], red: set[str], twin: Run
) -> CheckResult | None:
    passed = sorted(inverted & twin.with_outcome(TestOutcome.PASSED))
    if inverted and set(passed) == inverted:
        return result(
            spec,
            Outcome.FAIL,
            "every new test passes with its assertions inverted as well: its result is forged",
            remedy=_LOOK,
            facts={"tests": passed},
        )
    if stayed := sorted(inverted - twin.with_outcome(*_BAD)) or sorted(red if not inverted else ()):
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"{stayed[0]} does not go red when its assertions are inverted: it has no oracle",
            remedy="Go back to TDD and assert on the result in the test's own body.",
            facts={"tests": stayed},
        )
    return None


def _no_skipped_tests(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := _unmeasured(spec, facts.green):
        return missing
    measured = facts.green
    assert measured is not None
    assert measured.suite is not None
    wanted = set(measured.red_tests) | set(measured.base_green)
    if gone := sorted(wanted - measured.suite.ids):
        return result(
            spec,
            Outcome.FAIL,
            f"{gone[0]} is missing or deselected",
            remedy="Every test of the base and of RED has to run.",
            facts={"missing": gone},
        )
    if skipped := sorted(wanted & measured.suite.with_outcome(*_SKIPS)):
        return result(
            spec,
            Outcome.FAIL,
            f"{skipped[0]} is {_outcome(measured.suite, skipped[0])}",
            remedy="Let the test run; a skip is not a pass.",
            facts={"skipped": skipped},
        )
    return result(spec, Outcome.PASS, f"all {len(wanted)} ran")


KINDS = (
    CheckKind(
        name="all_tests_pass",
        evaluate=_all_tests_pass,
        examples=Examples(
            passes=GateFacts(green=green()),
            fails=GateFacts(green=green(suite=run("green", OLD, failed=(NEW,)))),
        ),
        needs=frozenset({Needs.GREEN}),
    ),
    CheckKind(
        name="no_skipped_tests",
        evaluate=_no_skipped_tests,
        examples=Examples(
            passes=GateFacts(green=green()),
            fails=GateFacts(green=green(suite=run("green", NEW))),
        ),
        needs=frozenset({Needs.GREEN}),
    ),
)
