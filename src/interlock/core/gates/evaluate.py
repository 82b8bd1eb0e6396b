"""A gate over facts: every check, then who has to say yes. Unknown or unmeasured is never a
pass."""

from __future__ import annotations

from collections.abc import Mapping

from interlock.core.facts import GateFacts
from interlock.core.gates import green, plan, red, review
from interlock.core.gates.kind import CheckKind, Needs, result
from interlock.core.gates.rules import evaluate_artifact
from interlock.core.model import Approver, CheckSpec, GateSpec, GateType, PhaseSpec, Severity
from interlock.core.reasons import CheckResult, GateResult, GateStatus, Outcome, Reason

__all__ = ["CHECKS", "evaluate_gate", "evaluate_leaving", "needs"]

CHECKS: Mapping[str, CheckKind] = {
    kind.name: kind for kind in (*plan.KINDS, *red.KINDS, *green.KINDS, *review.KINDS)
}
"""Every check that is built, by name."""


def needs(gate: GateSpec | None) -> frozenset[Needs]:
    """Measurements that have to be made before the gate can be evaluated."""
    if gate is None:
        return frozenset()
    found = (CHECKS[c.check].needs for c in gate.checks if c.check in CHECKS)
    return frozenset[Needs]().union(*found)


def evaluate_leaving(phase: PhaseSpec, gate: GateSpec | None, facts: GateFacts) -> GateResult:
    """The way out of ``phase``: its artifacts with their rules, then the gate."""
    artifacts = tuple(
        r for spec in phase.required_artifacts for r in evaluate_artifact(spec, facts)
    )
    if gate is None:
        status = GateStatus.BLOCKED if artifacts else GateStatus.PASSED
        return GateResult(gate="", status=status, checks=artifacts)
    return evaluate_gate(gate, facts, artifacts)


def evaluate_gate(
    gate: GateSpec, facts: GateFacts, before: tuple[CheckResult, ...] = ()
) -> GateResult:
    """The gate with all its checks.

    Args:
        gate: as written.
        facts: what was measured; ``approvals`` count only if bound to ``facts.binding``.
        before: results that have to let through as well (artifacts).
    """
    checks = before + tuple(_check(spec, facts) for spec in gate.checks)
    if any(c.severity is Severity.BLOCKING and not c.outcome.lets_through for c in checks):
        return GateResult(gate=gate.id, status=GateStatus.BLOCKED, checks=checks)
    if gate.type is not GateType.APPROVAL or _approved(gate, facts, checks):
        return GateResult(gate=gate.id, status=GateStatus.PASSED, checks=checks)
    asked = Reason(
        rule="approval.needed",
        message=f"gate {gate.id} needs the approval of {' or '.join(gate.approvers)}",
        remedy=f"interlock approve TASK {gate.id}",
        position=gate.position,
    )
    return GateResult(
        gate=gate.id, status=GateStatus.AWAITING_APPROVAL, checks=checks, missing=(asked,)
    )


def _check(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    kind = CHECKS.get(spec.check)
    if kind is None:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"this version cannot measure {spec.check}",
            remedy="interlock trust lists the checks that have no effect yet.",
        )
    return kind.evaluate(spec, facts)


def _approved(gate: GateSpec, facts: GateFacts, checks: tuple[CheckResult, ...]) -> bool:
    if any(
        a.approved and a.gate == gate.id and a.binding == facts.binding for a in facts.approvals
    ):
        return True
    if Approver.ORCHESTRATOR in gate.approvers:
        return all(_is_clean(check) for check in checks)
    return Approver.REVIEW_AGENT in gate.approvers and bool(review.counted(facts))


def _is_clean(check: CheckResult) -> bool:
    """Nothing failed or warned; a warning check that is not built yet says neither."""
    if check.check not in CHECKS and check.severity is not Severity.BLOCKING:
        return True
    return check.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)
