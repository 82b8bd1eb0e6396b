"""All events are stored, those that the workflow lists are delivered."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.double import Double, serving
from tests.server.house import House, at_house

from interlock.core import events as ev
from interlock.core.surroundings import CoordinationSpec
from interlock.engine.codec import encode
from interlock.sdk.people import PeopleClient


def listing(house: House, *events: str, digest: str = "listed") -> None:
    house.workflow = replace(
        house.workflow, digest=digest, coordination=CoordinationSpec(events=events)
    )


async def read(house: House, query: str = "") -> Any:
    return (await house.owner.ask("GET", "/api/v1/events", query=query)).json


def types(answer: Any) -> list[str]:
    return [event["event_type"] for event in answer["events"]]


def test_a_subscriber_gets_what_is_listed_and_the_record_has_everything(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        listing(house, "task_started", "phase_transition_requested")
        task_id, _, _ = await house.working()
        await house.ask(task_id)
        await house.reaches(task_id, phase="TDD")
        await house.now.people.abort(task_id, by="ada", reason="x", command_id="c")
        stored = [event.event_type for event in house.store.task_events(task_id)]
        assert types(await read(house)) == ["task_started", "phase_transition_requested"]
        assert types(await read(house, "stored=true")) == stored
        assert types(await read(house, "type=task_created")) == []
        assert types(await read(house, "type=task_created&stored=true")) == ["task_created"]

    at_house(tmp_path, story)


def test_each_event_is_its_own_tasks_to_deliver(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        silent = await house.create({})
        listing(house)
        listed = await house.create({})
        assert {e["task_id"] for e in (await read(house))["events"]} == {silent}
        everything = await read(house, "stored=true")
        assert {e["task_id"] for e in everything["events"]} == {silent, listed}

    at_house(tmp_path, story)


def test_the_cursor_passes_what_is_not_delivered(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        listing(house, "task_aborted")
        task_id = await house.create({})
        nothing = await read(house, "limit=1")
        assert nothing["events"] == []
        assert nothing["cursor"] >= 1
        await house.now.people.abort(task_id, by="ada", reason="x", command_id="c")
        after = f"after={nothing['cursor']}&limit=1"
        assert types(await read(house, after)) == ["task_aborted"]
        assert types(await read(house, "after=0&limit=1")) == ["task_aborted"]

    at_house(tmp_path, story)


def test_a_wait_goes_on_over_what_is_not_delivered(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        listing(house, "task_aborted")
        waiting = asyncio.create_task(read(house, "wait=20"))
        task_id = await house.create({})
        await asyncio.sleep(0)
        assert not waiting.done()
        await house.now.people.abort(task_id, by="ada", reason="x", command_id="c")
        async with asyncio.timeout(10):
            assert types(await waiting) == ["task_aborted"]

    at_house(tmp_path, story)


def test_an_event_of_a_task_that_is_not_known_yet_is_not_passed(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        created = ev.TaskCreated(
            title="t", workflow="w", base_commit="c", base_tree="t", branch="b", phase="PLAN"
        )
        house.store.append("task_x", 0, encode((created,), "x"), command_id=None, at=0)
        assert await read(house) == {"events": [], "cursor": 0}

    at_house(tmp_path, story)


@pytest.mark.parametrize("delivered,query", [(False, "stored=true"), (True, "")])
def test_surfaces_read_the_record_and_subscribers_ask_for_what_is_delivered(
    delivered: bool, query: str
) -> None:
    with serving(Double()) as door:
        door.on("/api/v1/events", (200, {"events": [], "cursor": 7}))
        with closing(PeopleClient(door.url)) as client:
            assert client.events(delivered=delivered) == ([], 7)
        (seen,) = door.of("/api/v1/events")
        assert ("stored=true" in seen.path) is bool(query)
