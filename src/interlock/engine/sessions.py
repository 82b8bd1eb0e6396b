"""Who is who: session id → the one thing that this session may act as, read from the tasks'
states."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from interlock.core.states import HOLDER
from interlock.core.tasks import TaskState
from interlock.errors import AuthError, ConflictError

__all__ = ["AUTHOR", "Caller", "SessionKind", "acts_as"]

AUTHOR = "author"
"""Role of the session that holds the phase; every other role is a reviewer's."""


class SessionKind(StrEnum):
    """What a session is for."""

    AUTHOR = "author"
    REVIEWER = "reviewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as the server's own state says; a token only proves that it is this one."""

    session_id: str
    agent_id: str
    task_id: str
    phase: str
    epoch: int
    attempt_id: str
    role: str
    confinement: str
    """Level that the session runs at: for the records, never read for a decision."""

    @property
    def is_author(self) -> bool:
        """Whether the caller holds the phase."""
        return self.role == AUTHOR


def acts_as(state: TaskState, session_id: str) -> Caller:
    """The caller that ``session_id`` is for this task.

    Raises:
        AuthError: the session is nobody for this task (any more).
    """
    if session_id and state.session_id == session_id:
        if state.status in HOLDER:
            return Caller(
                session_id=session_id,
                agent_id=state.agent_id,
                task_id=state.task_id,
                phase=state.phase,
                epoch=state.epoch,
                attempt_id=state.attempt_id,
                role=AUTHOR,
                confinement=state.confinement,
            )
        raise ConflictError(
            f"the task is {state.status.value}; this session's part in it is over",
            code="IL-ENG-031",
            remedy="End the session; the server starts the next one.",
        )
    for reviewer in state.reviewers:
        if reviewer.session_id == session_id and reviewer.is_open and reviewer.tree == state.tree:
            return Caller(
                session_id=session_id,
                agent_id=reviewer.agent_id,
                task_id=state.task_id,
                phase=state.phase,
                epoch=reviewer.epoch,
                attempt_id=session_id,
                role=reviewer.role,
                confinement=reviewer.confinement,
            )
    raise AuthError(
        f"session {session_id!r} has no part in task {state.task_id!r}",
        code="IL-ENG-030",
        remedy="Claim a task: AgentClient.claim_task().",
    )
