"""``epoch_rotated``: who works now was started after a phase was left, and knows of it only what
was handed on."""

from __future__ import annotations

from interlock.core.facts import GateFacts, Trail
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import phase
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]


def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    since = str(spec.params["since"])
    if since in facts.trail.fresh_since:
        return result(spec, Outcome.PASS, f"the session was started after {since}")
    if since not in facts.trail.left:
        return result(
            spec,
            Outcome.NOT_YET,
            f"the phase {since} was not left yet",
            remedy="interlock show TASK lists the phases.",
        )
    return result(
        spec,
        Outcome.FAIL,
        f"the session was there already in {since}",
        remedy="End the session: the server starts the next one from the present tree.",
    )


KIND = CheckKind(
    name="epoch_rotated",
    passes_when="the session was started after the named phase was left",
    schema=settings("since", since=phase("the phase that has to be over before it started")),
    evaluate=_evaluate,
    examples=Examples(
        passes=GateFacts(trail=Trail(left={"PLAN": "t"}, fresh_since=frozenset({"PLAN"}))),
        fails=GateFacts(trail=Trail(left={"PLAN": "t"})),
        params={"since": "PLAN"},
    ),
)
