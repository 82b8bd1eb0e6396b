"""What earlier releases stored is read as they meant it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from tests.records.history import HISTORIES, read, summary

import interlock
from interlock.core.events import EventType
from interlock.core.evolve import fold
from interlock.core.tasks import TaskState
from interlock.engine.codec import decode
from interlock.engine.upcasters import UPCASTERS, upcast
from interlock.errors import IntegrityError
from interlock.ports.store import EVENT_SCHEMA, StoredEvent

RELEASES = sorted(HISTORIES.glob("*.jsonl"))


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_the_history_of_every_release_makes_the_states_it_made_then(path: Path) -> None:
    events, expected = read(path)
    by_task = defaultdict(list)
    for event in events:
        by_task[event.task_id].append(decode(event))
    found = {task: summary(fold(told, TaskState(task_id=task))) for task, told in by_task.items()}
    assert found == expected


def test_this_release_has_its_history_with_everything_that_can_happen() -> None:
    events, _ = read(HISTORIES / f"{interlock.__version__}.jsonl")
    assert {event.event_type for event in events} == set(EventType)
    assert {event.schema for event in events} == {EVENT_SCHEMA}


def stored(schema: int) -> StoredEvent:
    return replace(read(RELEASES[0])[0][0], event_type="moved", schema=schema, data={"a": 1})


def test_an_old_event_goes_through_every_step_between_its_schema_and_the_newest() -> None:
    steps = {
        ("moved", 1): lambda data: {"b": data["a"]},
        ("moved", 3): lambda data: {"c": data["b"] + 1},
        ("other", 2): lambda data: {},
    }
    assert upcast(stored(1), upcasters=steps, newest=4) == {"c": 2}
    assert upcast(stored(4), upcasters=steps, newest=4) == {"a": 1}


def test_an_event_of_a_newer_schema_is_not_guessed_at() -> None:
    with pytest.raises(IntegrityError) as refused:
        decode(replace(read(RELEASES[0])[0][0], schema=EVENT_SCHEMA + 1))
    assert refused.value.code == "IL-ENG-003"


def test_every_step_leads_to_a_schema_that_there_is() -> None:
    assert all(0 < schema < EVENT_SCHEMA for _, schema in UPCASTERS)
