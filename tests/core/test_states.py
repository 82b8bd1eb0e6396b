"""The tables that say which event a task can have in which status."""

from __future__ import annotations

import pytest

from interlock.core.events import EVENT_KINDS, EventType
from interlock.core.states import (
    STATUS_KEPT,
    TABLE,
    IllegalTransitionError,
    TaskStatus,
    is_legal,
    next_status,
)

S, E = TaskStatus, EventType
PAIRS = [(status, event) for status in TaskStatus for event in EventType]

ANY_TIME = {S.READY, S.WORKING, S.MEASURING, S.AWAITING_APPROVAL, S.LANDING}
LEGAL: dict[EventType, set[TaskStatus]] = {
    E.TASK_CREATED: {S.NEW},
    E.TASK_STARTED: {S.WORKING},
    E.ATTEMPT_STARTED: {S.READY},
    E.ATTEMPT_ENDED: {S.WORKING},
    E.REVIEWER_STARTED: {S.READY, S.WORKING, S.MEASURING},
    E.REVIEWER_ENDED: {*ANY_TIME, S.COMPLETED, S.ABORTED},
    E.ARTIFACT_SUBMITTED: {S.WORKING, S.MEASURING},
    E.VERDICT_SUBMITTED: {S.READY, S.WORKING, S.MEASURING},
    E.PHASE_TRANSITION_REQUESTED: {S.WORKING},
    E.TREE_IMPORTED: {S.MEASURING},
    E.EVIDENCE_RECORDED: {S.MEASURING},
    E.WORK_CLASSIFIED: {S.MEASURING},
    E.BASE_MEASURED: ANY_TIME,
    E.TESTS_FROZEN: {S.MEASURING},
    E.GATE_PASSED: {S.MEASURING, S.AWAITING_APPROVAL},
    E.GATE_BLOCKED: {S.MEASURING},
    E.MEASUREMENT_LOST: {S.MEASURING},
    E.APPROVAL_REQUESTED: {S.MEASURING},
    E.APPROVAL_GIVEN: {S.MEASURING, S.AWAITING_APPROVAL},
    E.APPROVAL_REJECTED: {S.AWAITING_APPROVAL},
    E.PHASE_CHANGED: {S.MEASURING, S.AWAITING_APPROVAL},
    E.TOOL_DENIED: {*ANY_TIME, S.COMPLETED, S.ABORTED},
    E.BLOCKER_ENCOUNTERED: ANY_TIME,
    E.COMPLETION_ACCEPTED: {S.MEASURING},
    E.TASK_RESUMED: {S.READY},
    E.ENFORCEMENT_RAISED: ANY_TIME,
    E.TASK_COMPLETED: {S.LANDING},
    E.TASK_ABORTED: ANY_TIME,
}
"""Written by hand: every pair that is not here is illegal."""


def test_every_event_type_has_a_record_and_a_place_in_the_expected_table() -> None:
    assert set(EVENT_KINDS) == set(EventType) == set(LEGAL)


@pytest.mark.parametrize("status,event", PAIRS)
def test_a_pair_is_in_one_table_or_illegal(status: TaskStatus, event: EventType) -> None:
    moves = (status, event) in TABLE
    stays = status in STATUS_KEPT.get(event, frozenset())
    assert not (moves and stays)
    assert is_legal(status, event) is (moves or stays) is (status in LEGAL[event])
    if moves or stays:
        assert next_status(status, event) is (TABLE[status, event] if moves else status)
    else:
        with pytest.raises(IllegalTransitionError, match=f"{status.value}.*{event.value}"):
            next_status(status, event)


def test_no_event_moves_a_task_that_is_over() -> None:
    assert not [pair for pair in TABLE if pair[0].is_final]


def _closure(start: set[TaskStatus], edges: dict[TaskStatus, set[TaskStatus]]) -> set[TaskStatus]:
    seen: set[TaskStatus] = set()
    while start:
        seen |= start
        start = {after for status in start for after in edges.get(status, ())} - seen
    return seen


def test_from_every_status_there_is_a_way_to_the_end() -> None:
    back: dict[TaskStatus, set[TaskStatus]] = {}
    for (before, _), after in TABLE.items():
        back.setdefault(after, set()).add(before)
    finals = {status for status in TaskStatus if status.is_final}
    assert _closure(set(finals), back) == set(TaskStatus)


def test_every_status_can_be_reached() -> None:
    edges: dict[TaskStatus, set[TaskStatus]] = {}
    for (before, _), after in TABLE.items():
        edges.setdefault(before, set()).add(after)
    assert _closure({S.NEW}, edges) == set(TaskStatus)


def test_only_landing_leads_to_completed_and_only_an_accepted_completion_to_landing() -> None:
    into = {after: [pair for pair, to in TABLE.items() if to is after] for after in TaskStatus}
    assert into[S.COMPLETED] == [(S.LANDING, E.TASK_COMPLETED)]
    assert into[S.LANDING] == [(S.MEASURING, E.COMPLETION_ACCEPTED)]
