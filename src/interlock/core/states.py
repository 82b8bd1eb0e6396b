"""Everything that says where a task can be and how it gets elsewhere lives in this file.

*Rules.* A status changes only through an event, and only along ``TABLE``; a pair that is in
neither table is illegal and ``next_status`` raises. Whether a command may produce an event is
decided in ``decide``; these tables are the last line: even a bug there cannot bring a task into a
status it cannot reach.

*Theory of operation.* ``READY`` tasks wait for an attempt and hold no process. An attempt makes
them ``WORKING``. A requested transition makes them ``MEASURING`` (the tools are suspended, the
judge works). Measured facts lead back to ``WORKING`` (blocked), on to ``READY`` in the next phase
(passed), to ``AWAITING_APPROVAL`` (a person must say yes; nothing is held in memory) or, from the
terminal phase, to ``LANDING`` and ``COMPLETED``.
"""

from __future__ import annotations

from enum import StrEnum

from interlock.core.events import EventType

__all__ = [
    "GATE",
    "HOLDER",
    "STATUS_KEPT",
    "TABLE",
    "GatePlace",
    "HolderStatus",
    "IllegalTransitionError",
    "TaskStatus",
    "is_legal",
    "next_status",
]


class TaskStatus(StrEnum):
    """Where a task is between its phases' attempts."""

    NEW = "new"
    READY = "ready"
    WORKING = "working"
    MEASURING = "measuring"
    AWAITING_APPROVAL = "awaiting_approval"
    LANDING = "landing"
    COMPLETED = "completed"
    ABORTED = "aborted"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the task any more."""
        return self in (TaskStatus.COMPLETED, TaskStatus.ABORTED)


class HolderStatus(StrEnum):
    """Where the attempt is that holds the phase."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class GatePlace(StrEnum):
    """Where the gate is that guards the way out of the present phase."""

    SHUT = "shut"
    MEASURED = "measured"
    ASKED = "asked"


class IllegalTransitionError(Exception):
    """An event that this status cannot have; a broken record or a bug, never a user's mistake."""


_S, _E = TaskStatus, EventType

TABLE: dict[tuple[TaskStatus, EventType], TaskStatus] = {
    (_S.NEW, _E.TASK_CREATED): _S.READY,
    (_S.READY, _E.ATTEMPT_STARTED): _S.WORKING,
    (_S.WORKING, _E.ATTEMPT_ENDED): _S.READY,
    (_S.WORKING, _E.PHASE_TRANSITION_REQUESTED): _S.MEASURING,
    (_S.MEASURING, _E.GATE_BLOCKED): _S.WORKING,
    (_S.MEASURING, _E.APPROVAL_REQUESTED): _S.AWAITING_APPROVAL,
    (_S.MEASURING, _E.PHASE_CHANGED): _S.READY,
    (_S.MEASURING, _E.COMPLETION_ACCEPTED): _S.LANDING,
    (_S.MEASURING, _E.MEASUREMENT_LOST): _S.READY,
    (_S.AWAITING_APPROVAL, _E.PHASE_CHANGED): _S.READY,
    (_S.AWAITING_APPROVAL, _E.APPROVAL_REJECTED): _S.READY,
    (_S.LANDING, _E.TASK_COMPLETED): _S.COMPLETED,
    **{
        (status, _E.TASK_ABORTED): _S.ABORTED
        for status in _S
        if status is not _S.NEW and not status.is_final
    },
}
"""(status, event) → next status, for every event that moves a task."""

STATUS_KEPT: dict[EventType, frozenset[TaskStatus]] = {
    _E.TASK_STARTED: frozenset({_S.WORKING}),
    _E.TASK_RESUMED: frozenset({_S.READY}),
    _E.REVIEWER_STARTED: frozenset({_S.READY, _S.WORKING, _S.MEASURING}),
    _E.REVIEWER_ENDED: frozenset(set(_S) - {_S.NEW}),
    _E.ARTIFACT_SUBMITTED: frozenset({_S.WORKING, _S.MEASURING}),
    _E.VERDICT_SUBMITTED: frozenset({_S.READY, _S.WORKING, _S.MEASURING}),
    _E.TREE_IMPORTED: frozenset({_S.MEASURING}),
    _E.EVIDENCE_RECORDED: frozenset({_S.MEASURING}),
    _E.WORK_CLASSIFIED: frozenset({_S.MEASURING}),
    _E.BASE_MEASURED: frozenset(set(_S) - {_S.NEW, _S.COMPLETED, _S.ABORTED}),
    _E.TESTS_FROZEN: frozenset({_S.MEASURING}),
    _E.GATE_PASSED: frozenset({_S.MEASURING, _S.AWAITING_APPROVAL}),
    _E.APPROVAL_GIVEN: frozenset({_S.AWAITING_APPROVAL, _S.MEASURING}),
    _E.TOOL_DENIED: frozenset(set(_S) - {_S.NEW}),
    _E.ENFORCEMENT_RAISED: frozenset(set(_S) - {_S.NEW, _S.COMPLETED, _S.ABORTED}),
    _E.BLOCKER_ENCOUNTERED: frozenset(set(_S) - {_S.NEW, _S.COMPLETED, _S.ABORTED}),
}
"""Events that are recorded without moving the task → statuses in which they may be recorded."""

HOLDER: dict[TaskStatus, HolderStatus] = {
    _S.WORKING: HolderStatus.ACTIVE,
    _S.MEASURING: HolderStatus.SUSPENDED,
    _S.LANDING: HolderStatus.SUSPENDED,
}
"""Status → its attempt; in every other status no attempt holds the phase."""

GATE: dict[TaskStatus, GatePlace] = {
    _S.READY: GatePlace.SHUT,
    _S.WORKING: GatePlace.SHUT,
    _S.MEASURING: GatePlace.MEASURED,
    _S.AWAITING_APPROVAL: GatePlace.ASKED,
}
"""Status → the gate in front of the task; in every other status none is left."""


def is_legal(status: TaskStatus, event: EventType) -> bool:
    """Whether a task in ``status`` can have ``event``."""
    return (status, event) in TABLE or status in STATUS_KEPT.get(event, frozenset())


def next_status(status: TaskStatus, event: EventType) -> TaskStatus:
    """The status after ``event``.

    Raises:
        IllegalTransitionError: the pair is in neither table.
    """
    if not is_legal(status, event):
        raise IllegalTransitionError(f"a task that is {status.value!r} cannot have {event.value!r}")
    return TABLE.get((status, event), status)
