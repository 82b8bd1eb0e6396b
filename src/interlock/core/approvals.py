"""A person lets a waiting gate through or not; bound to exactly what they were shown."""

from __future__ import annotations

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.decision import Decision, accepted, refused, wrong_status
from interlock.core.facts import Approval
from interlock.core.model import WorkflowSpec
from interlock.core.phases import phase_changed
from interlock.core.states import TaskStatus
from interlock.core.tasks import PendingRequest, TaskState

__all__ = ["approve", "reject"]


def approve(workflow: WorkflowSpec, state: TaskState, command: cmd.Approve) -> Decision:
    """The gate is passed on the tree that waits."""
    request, approval = state.request, command.approval
    if (refusal := _not_waiting(state, request, approval)) is not None or request is None:
        return refusal or wrong_status(state, TaskStatus.AWAITING_APPROVAL)
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
        ev.GatePassed(gate=approval.gate, tree=request.tree),
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
