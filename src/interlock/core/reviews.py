"""Review sessions: an identity of its own, one role, one tree; its verdict counts for that tree
only."""

from __future__ import annotations

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.decision import Decision, accepted, refused, wrong_status
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState

__all__ = ["end_reviewer", "start_reviewer", "submit_verdict"]

_REVIEWED = (TaskStatus.READY, TaskStatus.WORKING, TaskStatus.MEASURING)


def start_reviewer(state: TaskState, command: cmd.StartReviewer) -> Decision:
    """A session looks at the present tree. Nobody is asked twice: a role that has given its
    verdict keeps it for this tree."""
    if state.status not in _REVIEWED:
        return wrong_status(state, *_REVIEWED)
    if command.agent_id in state.authors:
        return refused(
            "review.author",
            f"{command.agent_id} worked on the change and cannot review it",
            "Start the review under an identity of its own.",
        )
    is_open = any(
        r.is_open and r.role == command.role and r.tree == state.tree for r in state.reviewers
    )
    is_done = any(v.role == command.role and v.tree == state.tree for v in state.verdicts)
    if is_open or is_done:
        return refused(
            "review.taken",
            f"{command.role} is reviewing the present tree or has reviewed it",
            f"interlock show {state.task_id}",
        )
    return accepted(
        ev.ReviewerStarted(
            session_id=command.session_id,
            agent_id=command.agent_id,
            role=command.role,
            tree=state.tree,
            epoch=state.epoch,
            confinement=command.confinement,
        )
    )


def end_reviewer(state: TaskState, command: cmd.EndReviewer) -> Decision:
    """A review session is over; nothing happens if it was already."""
    if not any(r.session_id == command.session_id and r.is_open for r in state.reviewers):
        return accepted()
    return accepted(
        ev.ReviewerEnded(
            session_id=command.session_id,
            outcome=command.outcome,
            exit_code=command.exit_code,
            detail=command.detail,
        )
    )


def submit_verdict(state: TaskState, command: cmd.SubmitVerdict) -> Decision:
    """An open session says what it found on the tree that it was started on, in its role."""
    if state.status not in _REVIEWED:
        return wrong_status(state, *_REVIEWED)
    session = next((r for r in state.reviewers if r.session_id == command.session_id), None)
    if session is None or not session.is_open:
        return refused(
            "review.session",
            "only an open review session of this task hands in a verdict",
            "Leave the verdict to the reviewers that the server started.",
        )
    if session.agent_id in state.authors:
        return refused(
            "review.author",
            f"{session.agent_id} worked on the change and cannot review it",
            "Leave the verdict to the reviewers that the server started.",
        )
    if session.role != command.role:
        return refused(
            "review.role",
            f"this session reviews as {session.role}, not as {command.role}",
            f"Hand in review_verdict with role {session.role}.",
        )
    if not session.tree == command.tree == state.tree:
        return refused(
            "review.tree",
            f"the verdict is on {command.tree}, the session was started on {session.tree}, "
            f"the tree under review is {state.tree}",
            "Review the tree that the task shows and name its oid.",
        )
    return accepted(
        ev.VerdictSubmitted(
            role=session.role,
            agent_id=session.agent_id,
            session_id=session.session_id,
            tree=command.tree,
            verdict=command.verdict,
            issues=command.issues,
        )
    )
