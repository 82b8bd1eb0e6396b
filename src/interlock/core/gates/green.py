"""GREEN: the frozen tests pass on the candidate's sources, and that can be believed."""

from __future__ import annotations

from interlock.core.facts import Fate, GateFacts, GreenFacts, Run, TestOutcome
from interlock.core.gates.belief import doubt, found_in_text, inconclusive, survivors, unnoticed
from interlock.core.gates.claims import false_claim
from interlock.core.gates.flaky import flaky
from interlock.core.gates.kind import CheckKind, Examples, Needs, result, settings
from interlock.core.gates.samples import NEW, OLD, green, run
from interlock.core.gates.unchanged import changes_behaviour
from interlock.core.model import CheckSpec
from interlock.core.parameters import replaced
from interlock.core.reasons import CheckResult, Outcome
from interlock.core.work import WITHOUT_RED, Kind

__all__ = ["KINDS"]

_LOOK = "interlock evidence TASK shows the judge's runs."
_SKIPS = (TestOutcome.SKIPPED, TestOutcome.XFAILED, TestOutcome.XPASSED)
_BAD = (TestOutcome.FAILED, TestOutcome.ERROR)


def _unmeasured(spec: CheckSpec, everything: GateFacts) -> CheckResult | None:
    facts = everything.green
    if facts is None:
        return result(spec, Outcome.NOT_YET, "the judge has not measured GREEN yet")
    if facts.kind and (everything.named.get("work.kind") not in WITHOUT_RED):
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"it was measured as {facts.kind} work, without new tests, and is more than that",
            remedy="Go back to TDD and write a test that fails first.",
        )
    if facts.kind == Kind.DOCS and not facts.problem and facts.suite is None:
        return result(spec, Outcome.NOT_APPLICABLE, "documentation alone, and there are no tests")
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
            f"{_pinned(facts)}, but changed: {', '.join(facts.frozen_changed)}",
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
    if not facts.red_tests and not facts.kind:
        return result(
            spec,
            Outcome.UNDETERMINED,
            "no test was frozen at RED, so nothing shows that the change does anything",
            remedy="Go back to TDD and write a test that fails first.",
        )
    return None


def _pinned(facts: GreenFacts) -> str:
    return f"{facts.kind} work keeps the base's tests" if facts.kind else "frozen since RED"


def _all_tests_pass(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := _unmeasured(spec, facts):
        return missing
    measured = facts.green
    assert measured is not None
    assert measured.suite is not None
    lie = false_claim(facts.artifacts.get("test_run_result"), measured.suite, facts.tree)
    if failing := _failing(spec, measured, measured.suite, lie):
        return failing
    accepted = frozenset(spec.params.get("accept", ()))
    if found := (changes_behaviour if measured.kind else doubt)(measured, accepted):
        return result(spec, found.outcome, found.message, remedy=found.remedy, facts=found.facts)
    if lie:
        return result(
            spec,
            Outcome.FAIL,
            f"the claimed test result is false: {lie}",
            remedy="Run the tests with run_tests and hand in what they said.",
        )
    return _believed(spec, measured, measured.suite)


def _believed(spec: CheckSpec, measured: GreenFacts, suite: Run) -> CheckResult:
    """Green, with what a reviewer should know all the same."""
    passed = len(suite.with_outcome(TestOutcome.PASSED))
    message = f"{passed} pass, {_of_them(measured)}"
    noticed = sum(mutant.fate is Fate.NOTICED for mutant in measured.mutants)
    message += f"; {noticed} of {len(measured.mutants)} faults are noticed"
    blind, signs = inconclusive(measured), found_in_text(measured)
    notes = [f"{test} {why}" for test, why in blind.items()] + signs
    notes += [f"no test notices any fault in {symbol}" for symbol in unnoticed(measured)]
    facts = {"inconclusive": blind, "findings": signs, "survivors": survivors(measured)}
    if not notes:
        return result(spec, Outcome.PASS, message, facts=facts)
    remedy = "Read it before you rely on it; an inconclusive test needs an assertion of its own."
    return result(spec, Outcome.WARN, f"{message}; {notes[0]}", remedy=remedy, facts=facts)


def _of_them(measured: GreenFacts) -> str:
    if measured.kind:
        return f"as on the base, {len(measured.red_tests)} of them reach what changed"
    return f"{len(measured.red_tests)} of them were red before"


def _failing(spec: CheckSpec, measured: GreenFacts, suite: Run, lie: str) -> CheckResult | None:
    passed = suite.with_outcome(TestOutcome.PASSED)
    elsewhere = replaced(_wanted(measured), suite)
    doubtful: set[str] = set()
    for ids, what in (
        (measured.red_tests, " was red and is {}"),
        (measured.base_green, " was green and is {}"),
        (suite.with_outcome(*_BAD), " fails"),
    ):
        doubtful |= (set(ids) - passed) & set(measured.flaky)
        if not_green := sorted(set(ids) - passed - doubtful - elsewhere):
            told = f"; the claimed test result is false as well: {lie}" if lie else ""
            return result(
                spec,
                Outcome.FAIL,
                not_green[0] + what.format(_outcome(suite, not_green[0])) + told,
                remedy="Make it pass with run_tests, then request the transition again.",
                facts={"tests": not_green},
            )
    return flaky(spec, sorted(doubtful)) if doubtful else None


def _wanted(measured: GreenFacts) -> frozenset[str]:
    return frozenset({*measured.red_tests, *measured.base_green})


def _outcome(suite: Run, test_id: str) -> str:
    return next((t.outcome.value for t in suite.tests if t.id == test_id), "missing")


def _no_skipped_tests(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := _unmeasured(spec, facts):
        return missing
    measured = facts.green
    assert measured is not None
    assert measured.suite is not None
    wanted = _wanted(measured)
    if gone := sorted(wanted - measured.suite.ids - replaced(wanted, measured.suite)):
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
        passes_when="the frozen tests pass on the candidate's sources and can be believed",
        schema=settings(
            accept={
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "default": [],
                "title": "a list of kinds of findings",
                "description": "kinds of findings that the project has a reason for",
            }
        ),
        evaluate=_all_tests_pass,
        examples=Examples(
            passes=GateFacts(green=green()),
            fails=GateFacts(green=green(suite=run("green", OLD, failed=(NEW,)))),
        ),
        needs=frozenset({Needs.GREEN}),
    ),
    CheckKind(
        name="no_skipped_tests",
        passes_when="no test is skipped, deselected, expected to fail or missing",
        evaluate=_no_skipped_tests,
        examples=Examples(
            passes=GateFacts(green=green()),
            fails=GateFacts(green=green(suite=run("green", NEW))),
        ),
        needs=frozenset({Needs.GREEN}),
    ),
)
