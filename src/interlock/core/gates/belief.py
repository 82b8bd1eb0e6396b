"""Whether green results can be believed.

A forged result shares a process with an honest one; what gives it away is that it stays green
where green is impossible, or is green only as long as nobody touches a text. One new test of which
that cannot be told either way is *inconclusive* and is reported; a change is refused if no new test
is conclusive, or if no conclusive one notices any fault, or none in a function that was planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interlock.core.facts import Cause, Fate, GreenFacts, Mutant, Run, TestOutcome
from interlock.core.reasons import Outcome

__all__ = [
    "BLOCKING_FINDINGS",
    "Doubt",
    "doubt",
    "forged",
    "found_in_text",
    "inconclusive",
    "survivors",
    "unnoticed",
]

LOOK = "interlock evidence TASK shows the judge's runs."
_BACK = "Go back to TDD and"
_BAD = (TestOutcome.FAILED, TestOutcome.ERROR)
_SHOWN = 3
_ENOUGH = 2

BLOCKING_FINDINGS = frozenset(
    {"bytecode", "equals_everything", "plugin", "runner_import", "runner_name", "startup_file"}
)
"""Kinds of findings that code under test has no honest reason for; others are only reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why green is not believed, or not known to be believable."""

    outcome: Outcome
    message: str
    remedy: str = LOOK
    facts: Mapping[str, Any] = field(default_factory=dict)


def doubt(measured: GreenFacts, accepted: frozenset[str] = frozenset()) -> Doubt | None:
    """The first reason not to believe that the new tests are green.

    Args:
        accepted: kinds of findings that the workflow accepts.
    """
    runs = _runs(measured)
    if missing := [name for name, run in runs.items() if run is None]:
        return Doubt(outcome=Outcome.UNDETERMINED, message=f"the {missing[0]} run is missing")
    return (
        _control(measured)
        or _unwhole(measured)
        or _sunk(measured)
        or _revert(measured)
        or _neutral(measured)
        or _perturbed(measured)
        or _finding(measured, accepted)
        or _no_oracle(measured)
        or _faults(measured)
    )


def forged(measured: GreenFacts, accepted: frozenset[str] = frozenset()) -> Doubt | None:
    """The first sign that results do not come from the tests, where old ones were questioned."""
    if measured.control is None:
        return _finding(measured, accepted)
    return (
        _control(measured) or _unwhole(measured) or _sunk(measured) or _finding(measured, accepted)
    )


def _runs(measured: GreenFacts) -> dict[str, Run | None]:
    return {
        "control": measured.control,
        "revert": measured.revert,
        "neutral": measured.neutral,
        "twin": measured.twin,
        "perturbed": measured.perturbed,
    }


def inconclusive(measured: GreenFacts) -> dict[str, str]:
    """New tests that show nothing by being green, each with what is the matter with it."""
    red = set(measured.red_tests)
    found = dict.fromkeys(red & set(measured.not_inverted), "has no assertion of its own")
    twin = {test.id: test for test in measured.twin.tests} if measured.twin else {}
    for test in red - found.keys():
        if test not in twin or twin[test].outcome not in _BAD:
            found[test] = "does not go red when its assertions are inverted"
        elif twin[test].cause is not Cause.ASSERTION:
            found[test] = f"fails by {twin[test].exception or 'an error'} when it is inverted"
    for test in sorted(_equal_anyway(measured) - found.keys()):
        found[test] = "does not go red when it expects other values"
    return dict(sorted(found.items()))


def survivors(measured: GreenFacts) -> list[str]:
    """Faults that no test noticed, by place."""
    return [_place(m) for m in measured.mutants if m.fate is Fate.SURVIVED]


def found_in_text(measured: GreenFacts) -> list[str]:
    """All findings, by place."""
    return [f"{f.path}:{f.line} {f.message}" for f in measured.findings]


def _finding(measured: GreenFacts, accepted: frozenset[str]) -> Doubt | None:
    found = [f for f in measured.findings if f.kind in BLOCKING_FINDINGS - accepted]
    if not found:
        return None
    first = found[0]
    return Doubt(
        outcome=Outcome.FAIL,
        message=f"{first.path}:{first.line} {first.message}: code that is tested has no business "
        f"with its test runner ({first.kind})",
        remedy="Take it out. If the project cannot do without, a person writes "
        f"`accept: [{first.kind}]` beside all_tests_pass in agent_workflow.yaml.",
        facts={"findings": found_in_text(measured)},
    )


def _control(measured: GreenFacts) -> Doubt | None:
    assert measured.control is not None
    ours = set(measured.red_tests)
    found = measured.control.with_outcome(TestOutcome.PASSED)
    passed = sorted(found, key=lambda test: (test not in ours, test))
    if not passed:
        return None
    return Doubt(
        outcome=Outcome.FAIL,
        message="a control test that must fail did not: the code under test tampers with its "
        f"runner ({passed[0]})",
        facts={"tests": passed},
    )


def _unwhole(measured: GreenFacts) -> Doubt | None:
    for name, run in _runs(measured).items():
        if run is not None and not run.whole:
            message = f"the {name} run is not whole: {run.problem}"
            return Doubt(outcome=Outcome.UNDETERMINED, message=message)
    return None


def _sunk(measured: GreenFacts) -> Doubt | None:
    """Every new test went down where it had to."""
    assert measured.control is not None
    failed = measured.control.with_outcome(*_BAD)
    if not failed:
        return Doubt(outcome=Outcome.UNDETERMINED, message="no control test ran")
    if missing := sorted(set(measured.red_tests) - set(measured.not_sunk) - failed):
        return Doubt(
            outcome=Outcome.UNDETERMINED,
            message=f"{missing[0]} did not run where it has to fail",
            facts={"tests": missing},
        )
    return None


def _revert(measured: GreenFacts) -> Doubt | None:
    assert measured.revert is not None
    kept = sorted(set(measured.red_tests) & measured.revert.with_outcome(TestOutcome.PASSED))
    if not kept:
        return None
    return Doubt(
        outcome=Outcome.FAIL,
        message=f"{kept[0]} passes without the change to the sources",
        remedy=f"The test must depend on the code it is about; {_BACK.lower()} change it.",
        facts={"tests": kept},
    )


def _neutral(measured: GreenFacts) -> Doubt | None:
    assert measured.neutral is not None
    red = set(measured.red_tests)
    lost = sorted(red - measured.neutral.with_outcome(TestOutcome.PASSED))
    if not lost:
        return None
    again = measured.neutral_again
    if again is not None and again.whole and not red - again.with_outcome(TestOutcome.PASSED):
        return Doubt(
            outcome=Outcome.UNDETERMINED,
            message=f"{lost[0]} is green in one run and red in the next one of the same code: it "
            "is flaky, or needs other tests to run before it",
            remedy=f"{_BACK} make it independent of order, time and chance.",
            facts={"tests": lost},
        )
    return Doubt(
        outcome=Outcome.FAIL,
        message=f"{lost[0]} passes only as long as nobody touches the text: with other local names "
        "and another layout in tests and sources it does not",
        remedy="Code and tests must not look at texts, names or lines of their own.",
        facts={"tests": lost},
    )


def _equal_anyway(measured: GreenFacts) -> frozenset[str]:
    """Tests that pass whatever value they expect."""
    if measured.perturbed is None:
        return frozenset()
    passed = measured.perturbed.with_outcome(TestOutcome.PASSED)
    return passed & set(measured.perturbed_tests) & set(measured.red_tests)


def _perturbed(measured: GreenFacts) -> Doubt | None:
    """Of tests that pass whatever they expect: those that get as far as to compare."""
    run = measured.unexpected
    equal = sorted(
        test.id
        for test in (run.tests if run else ())
        if test.id in _equal_anyway(measured) and test.cause is Cause.ASSERTION
    )
    if not equal:
        return None
    return Doubt(
        outcome=Outcome.FAIL,
        message=f"{equal[0]} passes with another expected value as well: what it compares equals "
        "everything",
        remedy="Return values that are equal to what they should be and to nothing else.",
        facts={"tests": equal},
    )


def _no_oracle(measured: GreenFacts) -> Doubt | None:
    nothing = inconclusive(measured)
    if nothing.keys() != set(measured.red_tests):
        return None
    first = next(iter(nothing))
    return Doubt(
        outcome=Outcome.UNDETERMINED,
        message=f"no new test is conclusive: {first} {nothing[first]}",
        remedy=f"{_BACK} assert on the result in the test's own body.",
        facts={"inconclusive": nothing},
    )


def unnoticed(measured: GreenFacts) -> dict[str, list[Mutant]]:
    """Changed symbols of which faults were tried and no conclusive test noticed any."""
    blind = inconclusive(measured).keys()
    tried = _tried(measured)
    return {
        symbol: mutants
        for symbol, mutants in tried.items()
        if not any(set(mutant.noticed_by) - blind for mutant in mutants)
    }


def _tried(measured: GreenFacts) -> dict[str, list[Mutant]]:
    tried: dict[str, list[Mutant]] = {}
    for mutant in measured.mutants:
        if mutant.fate is not Fate.NOT_RUN:
            tried.setdefault(mutant.symbol, []).append(mutant)
    return tried


def _faults(measured: GreenFacts) -> Doubt | None:
    """A planned function has a fault that a test noticed, and so has something that changed.

    Other functions may change for reasons that are no test's business: those are reported. One
    fault alone may be none: the code with it means the same.
    """
    found = unnoticed(measured)
    every = found.keys() == _tried(measured).keys()
    asked = {
        symbol: mutants
        for symbol, mutants in found.items()
        if every or (mutants[0].planned and len(mutants) >= _ENOUGH)
    }
    if not asked:
        return None
    symbol, mutants = next(iter(asked.items()))
    shown = "; ".join(map(_place, mutants[:_SHOWN]))
    return Doubt(
        outcome=Outcome.FAIL,
        message=f"no test notices any fault in {symbol}: {shown}",
        remedy=f"{_BACK} assert what {symbol.partition('::')[2]} is for, or leave it as it was.",
        facts={"survivors": [_place(m) for each in asked.values() for m in each]},
    )


def _place(mutant: Mutant) -> str:
    before, _, after = mutant.diff.partition("\n")
    return f"{mutant.path}:{mutant.line} {before} | {after}"
