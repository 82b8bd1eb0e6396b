"""``approval``: somebody who may has said yes at an earlier gate, and nobody went back since."""

from __future__ import annotations

from interlock.core.facts import GateFacts, GivenApproval, Trail
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import texts
from interlock.core.model import Approver, CheckSpec, Strength
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]

_NOT_PEOPLE = frozenset({Approver.ORCHESTRATOR.value, Approver.REVIEW_AGENT.value})


def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    gate = str(spec.params["gate"])
    by = frozenset(map(str, spec.params.get("by", (Approver.HUMAN.value,))))
    given = [one for one in facts.trail.approvals if one.gate == gate]
    if good := [one for one in given if _who(one) in by and _is_sure(spec, one)]:
        seen = {"by": good[-1].by, "tree": good[-1].tree}
        return result(spec, Outcome.PASS, f"{good[-1].by} approved the gate {gate}", facts=seen)
    said = ", ".join(f"{one.by} by {one.strength}" for one in given)
    return result(
        spec,
        Outcome.FAIL if given else Outcome.NOT_YET,
        f"the gate {gate} was approved only by {said}" if given else f"nobody approved {gate}",
        remedy="Go back to the phase of that gate, and have it approved there.",
        facts={"gate": gate, "by": sorted(by)},
    )


def _who(given: GivenApproval) -> str:
    return given.by if given.by in _NOT_PEOPLE else Approver.HUMAN.value


def _is_sure(spec: CheckSpec, given: GivenApproval) -> bool:
    wanted, order = spec.params.get("strength"), [one.value for one in Strength]
    if wanted is None or given.by in _NOT_PEOPLE:
        return True
    return given.strength in order and order.index(given.strength) >= order.index(str(wanted))


def _approved(by: str) -> GateFacts:
    given = GivenApproval(
        gate="plan", phase="PLAN", by=by, tree="t", strength="passphrase", epoch=1
    )
    return GateFacts(trail=Trail(approvals=(given,)))


KIND = CheckKind(
    name="approval",
    passes_when="somebody who may has approved an earlier gate",
    schema=settings(
        "gate",
        gate={
            "type": "string",
            "minLength": 1,
            "format": "gate",
            "title": "the id of a gate",
            "description": "an approval gate of an earlier phase; going back voids its approvals",
        },
        by=texts(
            "a list of approvers",
            "whose yes counts",
            items={"enum": [one.value for one in Approver]},
            default=[Approver.HUMAN.value],
        ),
        strength={
            "enum": [one.value for one in Strength],
            "title": "session or passphrase",
            "description": "how sure the person had to be at least",
        },
    ),
    evaluate=_evaluate,
    examples=Examples(
        passes=_approved("anna"),
        fails=_approved(Approver.ORCHESTRATOR.value),
        params={"gate": "plan", "by": (Approver.HUMAN.value,)},
    ),
)
