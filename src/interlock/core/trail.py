"""What a task has behind it and what of that still counts: phases as they were left, approvals,
whether the present session is a fresh one.

Whoever goes back to a phase has its way out, and everything after it, before them again.
"""

from __future__ import annotations

from interlock.core.facts import Trail
from interlock.core.model import WorkflowSpec
from interlock.core.tasks import TaskState

__all__ = ["trail_of"]


def trail_of(workflow: WorkflowSpec, state: TaskState) -> Trail:
    """The trail of a task in its workflow."""
    left = {
        phase: epoch
        for phase, epoch in state.left.items()
        if epoch <= state.epoch and not _entered_again(workflow, state, phase, epoch)
    }
    return Trail(
        left={phase: state.trees[phase] for phase in left if phase in state.trees},
        fresh_since=frozenset(p for p, epoch in left.items() if state.held_since > epoch),
        approvals=tuple(
            given
            for given in state.approvals
            if not _entered_again(workflow, state, given.phase, given.epoch + 1)
        ),
    )


def _entered_again(workflow: WorkflowSpec, state: TaskState, phase: str, epoch: int) -> bool:
    """Whether the phase, or one before it, was entered in that epoch or later."""
    if workflow.phase(phase) is None:
        return True
    until = workflow.rank(phase) + 1
    return any(state.entered.get(one.id, 0) >= epoch for one in workflow.phases[:until])
