"""``tree_unchanged_since``: the tree is the one that was looked at before."""

from __future__ import annotations

from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import globs, phase
from interlock.core.gates.samples import added
from interlock.core.gates.selection import Selection
from interlock.core.model import CheckSpec
from interlock.core.policy.paths import EVERYTHING
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]

_NAMED = 5
_KINDS = {"phase": "phase:", "verdict": "verdict:", "approval": "approval:"}
_WHAT = {
    "phase": "the phase {} was left",
    "verdict": "{} gave its verdict",
    "approval": "the gate {} was approved",
}


def _wrong(params: Settings) -> str:
    named = _KINDS.keys() & params.keys()
    return "" if len(named) == 1 else "needs one of 'phase', 'verdict' and 'approval'"


def _since(params: Settings) -> tuple[str, str]:
    """The tree that is meant, and the moment in words."""
    kind = next(key for key in _KINDS if key in params)
    return _KINDS[kind] + str(params[kind]), _WHAT[kind].format(params[kind])


def _plan(params: Settings) -> Plan:
    return Plan(since=(_since(params)[0],))


def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    key, moment = _since(spec.params)
    changes = facts.differences.get(key)
    if changes is None:
        return result(
            spec,
            Outcome.NOT_YET,
            f"it is not so that {moment}, or that does not count any more",
            remedy="interlock show TASK says what was done on which tree.",
        )
    looked_at = Selection(
        map(str, spec.params.get("paths", EVERYTHING)), map(str, spec.params.get("but", ()))
    )
    changed = list(looked_at.of(change.path for change in changes))
    if changed:
        return result(
            spec,
            Outcome.FAIL,
            f"since {moment}, {', '.join(changed[:_NAMED])} changed",
            remedy="Undo the change, or go back so that it is looked at again.",
            facts={"changed": changed},
        )
    return result(spec, Outcome.PASS, f"nothing changed since {moment}")


def _name(format: str, what: str, description: str) -> dict[str, object]:
    return {
        "type": "string",
        "minLength": 1,
        "format": format,
        "title": what,
        "description": description,
    }


KIND = CheckKind(
    name="tree_unchanged_since",
    passes_when="the tree is the one that was looked at before",
    schema=settings(
        phase=phase("the tree that this phase was left with"),
        verdict=_name("role", "a role of reviewers", "the tree that it gave its verdict on"),
        approval=_name("gate", "the id of a gate", "the tree that was approved at it"),
        paths=globs("only these count; without it, all"),
        but=globs("these do not count"),
    ),
    wrong=_wrong,
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(
        passes=GateFacts(differences={"phase:REVIEW": ()}),
        fails=GateFacts(differences={"phase:REVIEW": added("src/a.py")}),
        params={"phase": "REVIEW"},
    ),
)
