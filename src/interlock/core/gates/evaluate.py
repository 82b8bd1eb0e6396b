"""A gate over facts: every check, then who has to say yes. Unknown or unmeasured is never a
pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from interlock.core.conditions import holds
from interlock.core.facts import GateFacts
from interlock.core.gates import catalog, green, plan, red, review
from interlock.core.gates.kind import CheckKind, Needs, result
from interlock.core.gates.rules import evaluate_artifact
from interlock.core.model import (
    Approver,
    CheckSpec,
    GateSpec,
    GateType,
    Mode,
    PhaseSpec,
    Severity,
)
from interlock.core.reasons import CheckResult, GateResult, GateStatus, Outcome, Reason

__all__ = ["CHECKS", "evaluate_gate", "evaluate_leaving", "needs"]

CHECKS: Mapping[str, CheckKind] = {
    kind.name: kind for kind in (*plan.KINDS, *red.KINDS, *green.KINDS, *review.KINDS)
}
"""Every check that is built, by name."""


def needs(gate: GateSpec | None, named: Mapping[str, Any] | None = None) -> frozenset[Needs]:
    """Measurements that have to be made before the gate can be evaluated.

    Args:
        named: what conditions may ask about, if it is known: what does not apply needs nothing.
    """
    if gate is None or _is_left_out(gate.when, named):
        return frozenset()
    found = (
        CHECKS[c.check].needs
        for c in gate.checks
        if c.check in CHECKS and not _is_left_out(c.when, named)
    )
    return frozenset[Needs]().union(*found)


def _is_left_out(when: str, named: Mapping[str, Any] | None) -> bool:
    return named is not None and holds(when, named).holds is False


def evaluate_leaving(
    phase: PhaseSpec, gate: GateSpec | None, facts: GateFacts, mode: Mode = Mode.STRICT
) -> GateResult:
    """The way out of ``phase``: its artifacts with their rules, then the gate.

    Args:
        mode: how hard gates bind for the task; below strict nothing but a person keeps one shut.
    """
    artifacts = tuple(
        r for spec in phase.required_artifacts for r in evaluate_artifact(spec, facts, phase)
    )
    if gate is None:
        return _settled("", artifacts, mode)
    return evaluate_gate(gate, facts, artifacts, mode)


def evaluate_gate(
    gate: GateSpec,
    facts: GateFacts,
    before: tuple[CheckResult, ...] = (),
    mode: Mode = Mode.STRICT,
) -> GateResult:
    """The gate with all its checks.

    Args:
        gate: as written.
        facts: what was measured.
        before: results that have to let through as well (artifacts).
        mode: as of ``evaluate_leaving``.
    """
    if conditions := _condition(gate, facts):
        before += conditions
        if conditions[0].outcome is Outcome.NOT_APPLICABLE:
            return _settled(gate.id, before, mode)
    checks = before + tuple(_check(spec, facts) for spec in gate.checks)
    passed = _settled(gate.id, checks, mode)
    if gate.type is not GateType.APPROVAL or passed.status is GateStatus.BLOCKED:
        return passed
    if by := _approver(gate, facts, checks):
        return replace(passed, approved_by=by)
    is_for_people = not {Approver.HUMAN, Approver.ORCHESTRATOR}.isdisjoint(gate.approvers)
    needed = _needed(gate, checks, is_for_people)
    if is_for_people:
        return replace(passed, status=GateStatus.AWAITING_APPROVAL, missing=(needed,))
    if mode is Mode.STRICT:
        return replace(passed, status=GateStatus.BLOCKED, missing=(needed,))
    return replace(passed, overridden=(*passed.overridden, needed))


def _settled(gate: str, checks: tuple[CheckResult, ...], mode: Mode) -> GateResult:
    """What the checks alone come to."""
    failed = _failed(checks)
    if failed and mode is Mode.STRICT:
        return GateResult(gate=gate, status=GateStatus.BLOCKED, checks=checks)
    return GateResult(gate=gate, status=GateStatus.PASSED, checks=checks, overridden=failed)


def _failed(checks: tuple[CheckResult, ...]) -> tuple[Reason, ...]:
    return tuple(
        check.reason
        for check in checks
        if check.severity is Severity.BLOCKING and not check.outcome.lets_through
    )


def _needed(gate: GateSpec, checks: tuple[CheckResult, ...], is_for_people: bool) -> Reason:
    unclean = [check for check in checks if not _is_clean(check)]
    why = "".join(f"; {check.check}: {check.reason.message}" for check in unclean)
    return Reason(
        rule="approval.needed",
        message=f"gate {gate.id} needs the approval of {' or '.join(gate.approvers)}{why}",
        remedy=f"interlock approve TASK {gate.id}"
        if is_for_people
        else "Let the review sessions hand in verdicts that pass on the present tree.",
        position=gate.position,
        facts={"not_passed": [check.check for check in unclean]},
    )


def _condition(gate: GateSpec, facts: GateFacts) -> tuple[CheckResult, ...]:
    """What is to be said of the gate's condition, if it does not simply hold."""
    spec = CheckSpec(check="when", position=gate.position)
    found = _unless(spec, gate.when, f"gate {gate.id}", facts)
    return (found,) if found else ()


def _unless(spec: CheckSpec, when: str, what: str, facts: GateFacts) -> CheckResult | None:
    """``None`` if the condition holds; one that cannot be evaluated leaves nothing out."""
    answer = holds(when, facts.named)
    if answer.holds:
        return None
    if answer.holds is False:
        said = f"{what} does not apply: {answer.why}"
        return result(spec, Outcome.NOT_APPLICABLE, said, facts={"when": when})
    return result(
        spec,
        Outcome.UNDETERMINED,
        f"whether {what} applies cannot be told: {answer.why}",
        remedy="Correct the condition in agent_workflow.yaml; a new task then goes by it.",
        facts={"when": when},
    )


def _check(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if found := _unless(spec, spec.when, spec.check, facts):
        return found
    kind = CHECKS.get(spec.check)
    if kind is None:
        return result(
            spec,
            Outcome.UNDETERMINED,
            f"this version cannot measure {spec.check}",
            remedy="interlock trust lists the checks that have no effect yet.",
        )
    return kind.evaluate(spec, facts)


def _approver(gate: GateSpec, facts: GateFacts, checks: tuple[CheckResult, ...]) -> str:
    """Who of those that need no person lets the gate through; empty if none of them does."""
    if Approver.ORCHESTRATOR in gate.approvers and all(_is_clean(check) for check in checks):
        return Approver.ORCHESTRATOR.value
    if Approver.REVIEW_AGENT in gate.approvers and review.all_pass(facts):
        return Approver.REVIEW_AGENT.value
    return ""


def _is_clean(check: CheckResult) -> bool:
    """Nothing failed or warned; a check that is known but not built yet says neither."""
    known = catalog.CHECKS.get(check.check)
    if known is not None and not known.built and check.severity is not Severity.BLOCKING:
        return True
    return check.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)
