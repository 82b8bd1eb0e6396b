"""What the holder of a phase hands in, and who the holder is."""

from __future__ import annotations

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.decision import Decision, accepted, refused
from interlock.core.gates.catalog import SERVER_BUILT
from interlock.core.model import WorkflowSpec
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState

__all__ = ["not_holder", "submit_artifact"]


def not_holder(state: TaskState, session_id: str) -> Decision | None:
    """Why a session may not act for the phase now; ``None`` if it may."""
    if state.status is TaskStatus.WORKING and state.session_id == session_id:
        return None
    if state.status is TaskStatus.MEASURING and state.session_id == session_id:
        return refused(
            "transition.pending",
            "a transition of this task is being measured",
            "Wait for the answer to the pending transition.",
        )
    return refused(
        "attempt.holder",
        "this session does not hold the task's present phase",
        "Claim the task again, or end the session.",
    )


def submit_artifact(
    workflow: WorkflowSpec, state: TaskState, command: cmd.SubmitArtifact
) -> Decision:
    """A document for the present phase; a later one of the same type replaces it."""
    if refusal := not_holder(state, command.session_id):
        return refusal
    phase = workflow.phase(state.phase)
    asked = phase.required_artifacts if phase else ()
    wanted = [a.type for a in asked if a.type not in SERVER_BUILT]
    if command.artifact not in wanted:
        return refused(
            "artifact.not_wanted",
            f"phase {state.phase} does not take {command.artifact!r}",
            f"Hand in one of: {', '.join(wanted) or 'nothing in this phase'}.",
        )
    return accepted(
        ev.ArtifactSubmitted(
            artifact=command.artifact,
            digest=command.digest,
            phase=state.phase,
            session_id=command.session_id,
        )
    )
