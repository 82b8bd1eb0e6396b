"""Whether work that adds no behaviour really adds none.

Documentation and dependencies are what they are by their paths. A refactoring has to be shown to
change nothing: what is new in its sources is run by old tests, and faults in what changed or moved
are noticed by them.
"""

from __future__ import annotations

from interlock.core.facts import Fate, GreenFacts
from interlock.core.gates.belief import Doubt, forged, inconclusive, unnoticed
from interlock.core.reasons import Outcome
from interlock.core.work import Kind

__all__ = ["changes_behaviour"]

_REMEDY = (
    "Leave it as it was; or state a fix or a feature in the plan, and go back to TDD for a test "
    "that fails first."
)
_ENOUGH = 2
_SHOWN = 3


def changes_behaviour(measured: GreenFacts, accepted: frozenset[str] = frozenset()) -> Doubt | None:
    """The first reason not to believe that nothing behaves differently.

    Args:
        measured: by the base's own tests, which are green.
        accepted: kinds of findings that the workflow accepts.
    """
    if found := forged(measured, accepted):
        return found
    if measured.kind != Kind.REFACTOR:
        return None
    return _not_run(measured) or _not_called(measured) or _no_oracle(measured) or _faults(measured)


def _not_run(measured: GreenFacts) -> Doubt | None:
    """New statements that no test runs may do anything."""
    places = [f"{file.path}:{n}" for file in measured.coverage for n in file.missed_changes]
    if not places:
        return None
    return Doubt(
        outcome=Outcome.FAIL,
        message=f"{places[0]} is new and no test runs it, so nothing shows that everything is "
        "still as it was",
        remedy=_REMEDY,
        facts={"not_run": places},
    )


def _not_called(measured: GreenFacts) -> Doubt | None:
    """Something changed or moved in which faults are possible, and no test gets there."""
    symbols = sorted({m.symbol for m in measured.mutants if m.fate is Fate.NOT_RUN})
    if measured.red_tests or not symbols:
        return None
    return Doubt(
        outcome=Outcome.FAIL,
        message=f"no test calls {symbols[0]}, which changed or moved",
        remedy=_REMEDY,
        facts={"not_called": symbols},
    )


def _no_oracle(measured: GreenFacts) -> Doubt | None:
    nothing = inconclusive(measured)
    if not measured.red_tests or nothing.keys() != set(measured.red_tests):
        return None
    first = next(iter(nothing))
    return Doubt(
        outcome=Outcome.UNDETERMINED,
        message=f"no test that reaches what changed is conclusive: {first} {nothing[first]}",
        remedy=_REMEDY,
        facts={"inconclusive": nothing},
    )


def _faults(measured: GreenFacts) -> Doubt | None:
    """One fault alone may be none: the code with it means the same."""
    found = unnoticed(measured)
    tried = {m.symbol for m in measured.mutants if m.fate is not Fate.NOT_RUN}
    asked = {
        symbol: mutants
        for symbol, mutants in found.items()
        if len(mutants) >= _ENOUGH or found.keys() == tried
    }
    if not asked:
        return None
    symbol, mutants = next(iter(asked.items()))
    shown = "; ".join(f"{m.path}:{m.line} {m.what}" for m in mutants[:_SHOWN])
    return Doubt(
        outcome=Outcome.FAIL,
        message=f"{symbol} changed or moved, and no test notices any fault in it: {shown}",
        remedy=_REMEDY,
        facts={"unnoticed": sorted(asked)},
    )
