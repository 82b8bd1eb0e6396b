"""A person lets a waiting gate through or not; bound to exactly what they were shown, and as sure
to be that person as the gate asks."""

from __future__ import annotations

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.confinement import FULL, is_weaker
from interlock.core.decision import Decision, accepted, refused, wrong_status
from interlock.core.facts import Approval
from interlock.core.model import GateSpec, Mode, Strength, WorkflowSpec
from interlock.core.phases import phase_changed
from interlock.core.states import TaskStatus
from interlock.core.tasks import PendingRequest, TaskState

__all__ = ["approve", "needed_strength", "reject"]


def approve(workflow: WorkflowSpec, state: TaskState, command: cmd.Approve) -> Decision:
    """The gate is passed on the tree that waits."""
    request, approval = state.request, command.approval
    if (refusal := _not_waiting(state, request, approval)) is not None or request is None:
        return refusal or wrong_status(state, TaskStatus.AWAITING_APPROVAL)
    if refusal := _shut_by_now(state, request):
        return refusal
    too_weak = _too_weak(workflow, state, command)
    if refusal := too_weak or _too_few_eyes(state, _gate(workflow, request), approval):
        return refusal
    return accepted(
        ev.ApprovalGiven(
            approval_id=approval.id,
            gate=approval.gate,
            by=approval.by,
            binding=approval.binding,
            strength=approval.strength,
            reason=approval.reason,
            confinement=state.confinement,
            judged=state.judged_at(request.tree),
        ),
        ev.GatePassed(
            gate=approval.gate,
            tree=request.tree,
            overridden_by_mode=state.enforcement.gates.value if request.overridden else "",
            reasons=request.overridden,
        ),
        phase_changed(workflow, state, request, command.anchor),
    )


def reject(state: TaskState, command: cmd.Reject) -> Decision:
    """The phase is tried again, with the reason."""
    approval = command.approval
    if (refusal := _not_waiting(state, state.request, approval)) is not None:
        return refusal
    return accepted(
        ev.ApprovalRejected(
            approval_id=approval.id, gate=approval.gate, by=approval.by, reason=approval.reason
        )
    )


def needed_strength(workflow: WorkflowSpec, state: TaskState, confinement: str) -> Strength:
    """What the waiting gate asks of a person's approval.

    Below full an agent may be the same user as the person, and with a login at hand all that is
    left is to ask again: cost for that agent, not prevention.

    Args:
        confinement: level that sessions get here now.
    """
    if any(is_weaker(level, FULL) for level in (state.weakest, confinement)):
        return Strength.PASSPHRASE
    gate = _gate(workflow, state.request) if state.request else None
    return gate.approval_strength if gate else Strength.PASSPHRASE


def _gate(workflow: WorkflowSpec, request: PendingRequest) -> GateSpec | None:
    phase = workflow.phase(request.source)
    return phase.gate(request.gate) if phase else None


def _too_weak(workflow: WorkflowSpec, state: TaskState, command: cmd.Approve) -> Decision | None:
    needed, order = needed_strength(workflow, state, command.confinement), list(Strength)
    given = command.approval.strength
    if given in order and order.index(Strength(given)) >= order.index(needed):
        return None
    gate = command.approval.gate
    return refused(
        "approval.strength",
        f"gate {gate} takes an approval by {needed.value}, this one came by {given}",
        f"interlock approve {state.task_id} {gate}",
    )


def _shut_by_now(state: TaskState, request: PendingRequest) -> Decision | None:
    """Whether checks that a weaker mode let through count again: a person overrides none."""
    if not request.overridden or state.enforcement.gates is not Mode.STRICT:
        return None
    return refused(
        "approval.shut",
        f"enforcement is strict since the gate was measured, and {request.gate} did not pass: "
        f"{request.overridden[0]['message']}",
        f"interlock reject {state.task_id} {request.gate} --reason 'measure it again'",
    )


def _too_few_eyes(state: TaskState, gate: GateSpec | None, approval: Approval) -> Decision | None:
    if gate is None or not gate.four_eyes or approval.by != state.created_by:
        return None
    return refused(
        "approval.four_eyes",
        f"gate {gate.id} wants four eyes, and {approval.by} made the task",
        f"interlock approve {state.task_id} {gate.id} --as ANOTHER",
    )


def _not_waiting(
    state: TaskState, request: PendingRequest | None, approval: Approval
) -> Decision | None:
    if state.status is not TaskStatus.AWAITING_APPROVAL or request is None:
        return wrong_status(state, TaskStatus.AWAITING_APPROVAL)
    if approval.gate != request.gate:
        return refused(
            "approval.gate",
            f"gate {request.gate} waits, not {approval.gate}",
            f"interlock approve {state.task_id} {request.gate}",
        )
    if (approval.id, approval.binding) != (request.approval_id, request.binding):
        return refused(
            "approval.stale",
            "what was shown for approval is not what waits now",
            f"interlock why {state.task_id}",
        )
    return None
