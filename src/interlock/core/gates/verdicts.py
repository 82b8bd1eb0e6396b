"""Which verdicts of review sessions count, and whose a gate asks for."""

from __future__ import annotations

from interlock.core.facts import GateFacts, ReviewVerdict
from interlock.core.gates.catalog import REVIEW_ROLES
from interlock.core.model import CheckSpec, GateSpec, PhaseSpec

__all__ = ["agrees", "all_pass", "counted", "required_roles", "roles_of"]

_ASKING = frozenset({"all_review_models_completed", "review_quorum"})


def required_roles(spec: CheckSpec) -> tuple[str, ...]:
    """Roles that have to hand in a verdict: ``required_reviews`` or the five built-in ones."""
    return tuple(map(str, spec.params.get("required_reviews") or REVIEW_ROLES))


def roles_of(where: PhaseSpec | GateSpec) -> tuple[str, ...]:
    """Roles that this gate, or the gates of this phase, ask for; each once."""
    gates = where.gates if isinstance(where, PhaseSpec) else (where,)
    asked = (
        role
        for gate in gates
        for check in gate.checks
        if check.check in _ASKING
        for role in required_roles(check)
    )
    return tuple(dict.fromkeys(asked))


def counted(facts: GateFacts) -> tuple[ReviewVerdict, ...]:
    """Verdicts that count: on the present tree, by somebody who never held the task."""
    return tuple(
        v for v in facts.verdicts if v.tree == facts.tree and v.agent_id not in facts.authors
    )


def agrees(verdict: ReviewVerdict) -> bool:
    """Whether it says pass and names nothing that blocks."""
    return verdict.verdict == "pass" and not any(issue.blocking for issue in verdict.issues)


def all_pass(facts: GateFacts) -> bool:
    """Whether there are verdicts, and none of them objects."""
    verdicts = counted(facts)
    return bool(verdicts) and all(map(agrees, verdicts))
