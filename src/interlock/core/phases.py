"""Going from one phase to another: what comes along, and what has to be made anew.

What a phase handed in counts for that phase. Forward, everything comes along except what the next
phase asks for itself. Back, everything goes that the target phase or a later one hands in or
measures, the frozen tests included if they were frozen there.
"""

from __future__ import annotations

from interlock.core.commands import Anchor
from interlock.core.events import LeftOut, PhaseChanged
from interlock.core.gates.red import freezes
from interlock.core.model import WorkflowSpec
from interlock.core.tasks import PendingRequest, TaskState

__all__ = ["is_forward", "phase_changed"]


def is_forward(workflow: WorkflowSpec, request: PendingRequest) -> bool:
    """Whether the request leads to a phase that is declared later."""
    return workflow.rank(request.target) > workflow.rank(request.source)


def phase_changed(
    workflow: WorkflowSpec, state: TaskState, request: PendingRequest, anchor: Anchor
) -> PhaseChanged:
    """The event that takes the task where the request leads, on exactly the request's tree."""
    target = request.leads_to or request.target
    rank = workflow.rank(target)
    forward = is_forward(workflow, request)
    frozen_at = next((workflow.rank(p.id) for p in workflow.phases if freezes(p)), None)
    anew = {
        artifact.type
        for phase in workflow.phases
        if phase.id == target or (not forward and workflow.rank(phase.id) > rank)
        for artifact in phase.required_artifacts
    }
    return PhaseChanged(
        source=request.source,
        target=target,
        tree=request.tree,
        epoch=state.epoch + 1,
        request_id=request.request_id,
        forward=forward,
        keeps_frozen=frozen_at is not None and frozen_at < rank,
        kept_artifacts=tuple(sorted(set(state.artifacts) - anew)),
        left_out=(*_still_left_out(workflow, state, request, rank), *request.left_out),
        audit_seq=anchor[0],
        audit_head=anchor[1],
    )


def _still_left_out(
    workflow: WorkflowSpec, state: TaskState, request: PendingRequest, rank: int
) -> tuple[LeftOut, ...]:
    """What was left out before; what the task goes through again is decided anew."""
    return tuple(
        item
        for item in state.left_out
        if workflow.rank(item.phase) < rank and item.phase != request.source
    )
