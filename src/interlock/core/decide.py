"""``decide(workflow, state, command) → Decision``: what is allowed, what happens next, and why.
Pure.

Nothing here passes because something is missing; the last line is always a refusal. Each kind of
command has a file of its own: ``attempts``, ``reviews``, ``handins``, ``leaving``, ``approvals``.
"""

from __future__ import annotations

from typing import assert_never

from interlock.core import approvals, attempts, handins, leaving, reviews
from interlock.core import commands as cmd
from interlock.core.decision import Decision, refused
from interlock.core.model import WorkflowSpec
from interlock.core.tasks import TaskState

__all__ = ["decide"]


def decide(workflow: WorkflowSpec, state: TaskState, command: cmd.Command) -> Decision:
    """What becomes of ``command`` for a task in ``state`` under ``workflow``."""
    if state.status.is_final:
        return refused("task.final", f"the task is {state.status.value}", "interlock task list")
    match command:
        case cmd.Create():
            return attempts.create(workflow, state, command)
        case cmd.StartAttempt():
            return attempts.start_attempt(state, command)
        case cmd.EndAttempt():
            return attempts.end_attempt(state, command)
        case cmd.Complete():
            return attempts.complete(state, command)
        case cmd.Abort():
            return attempts.abort(state, command)
        case cmd.Resume():
            return attempts.resume(state, command)
        case cmd.Record():
            return attempts.record(state, command)
        case cmd.StartReviewer():
            return reviews.start_reviewer(state, command)
        case cmd.EndReviewer():
            return reviews.end_reviewer(state, command)
        case cmd.SubmitVerdict():
            return reviews.submit_verdict(state, command)
        case cmd.SubmitArtifact():
            return handins.submit_artifact(workflow, state, command)
        case cmd.RequestTransition():
            return leaving.request_transition(workflow, state, command)
        case cmd.TakeOver():
            return leaving.take_over(state, command)
        case cmd.RefuseImport():
            return leaving.refuse_import(state, command)
        case cmd.Conclude():
            return leaving.conclude(workflow, state, command)
        case cmd.Approve():
            return approvals.approve(workflow, state, command)
        case cmd.Reject():
            return approvals.reject(state, command)
        case _:  # pragma: no cover
            assert_never(command)
