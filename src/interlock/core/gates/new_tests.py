"""What new tests are worth: the code under test decides how they end, and the runner finds them."""

from __future__ import annotations

from dataclasses import replace

from interlock.core.facts import GateFacts
from interlock.core.gates.belief import inconclusive
from interlock.core.gates.kind import CheckKind, Examples, Needs, result
from interlock.core.gates.red import unmeasured
from interlock.core.gates.samples import NEW, red
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KINDS"]

_SHOWN = 3


def _tests_are_meaningful(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := unmeasured(spec, facts):
        return missing
    assert facts.red is not None
    if not facts.red.new_tests:
        return result(spec, Outcome.NOT_APPLICABLE, "there is no new test")
    found = {**_blind(facts), **facts.red.meaningless}
    if not found:
        message = f"{len(facts.red.new_tests)} new test(s) assert something of the code under test"
        return result(spec, Outcome.PASS, message)
    told = [f"{test} {why}" for test, why in found.items()]
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return result(
        spec,
        Outcome.FAIL,
        f"{'; '.join(told[:_SHOWN])}{more}",
        remedy="Let each test compare what the code gives back, or leaves behind, with what it "
        "should be.",
        facts={"tests": found},
    )


def _blind(facts: GateFacts) -> dict[str, str]:
    """What more is known once the code is there: tests that no fault and no twin turns red."""
    measured = facts.green
    if measured is None or measured.twin is None or not measured.twin.whole:
        return {}
    noticing = {test for mutant in measured.mutants for test in mutant.noticed_by}
    return {test: why for test, why in inconclusive(measured).items() if test not in noticing}


def _test_files_follow_convention(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if missing := unmeasured(spec, facts):
        return missing
    assert facts.red is not None
    files = facts.red.undiscovered
    if files is None:
        return result(
            spec,
            Outcome.UNDETERMINED,
            "the runner did not get to the end of looking for tests by itself",
            remedy="Run the tests with run_tests and without naming a file, and see what stops it.",
        )
    if files:
        return result(
            spec,
            Outcome.FAIL,
            f"the runner does not find {', '.join(files[:_SHOWN])} by itself",
            remedy="Name the file and put it where the project's other tests are (test_*.py), or "
            "let the project's test settings take it in.",
            facts={"files": list(files)},
        )
    return result(spec, Outcome.PASS, "the runner finds the new tests by itself")


KINDS = (
    CheckKind(
        name="tests_are_meaningful",
        passes_when="each new test gets to an assertion that depends on the code under test",
        evaluate=_tests_are_meaningful,
        examples=Examples(
            passes=GateFacts(red=red()),
            fails=GateFacts(red=replace(red(), meaningless={NEW: "asserts nothing"})),
        ),
        needs=frozenset({Needs.RED}),
    ),
    CheckKind(
        name="test_files_follow_convention",
        passes_when="the runner finds the test files by itself",
        evaluate=_test_files_follow_convention,
        examples=Examples(
            passes=GateFacts(red=replace(red(), undiscovered=())),
            fails=GateFacts(red=replace(red(), undiscovered=("tests/slug_checks.py",))),
        ),
        needs=frozenset({Needs.RED}),
    ),
)
