"""Commands take effect once, in order, and only when they are durable."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.core.story import WORKFLOW, at, waiting

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState
from interlock.engine.codec import decode, encode, plain, typed
from interlock.engine.ledger import Ledger
from interlock.errors import ConflictError, IntegrityError, NotFoundError, UnavailableError
from interlock.ports.store import NewEvent, StoredEvent
from interlock.testing.fake_clock import FakeClock
from interlock.testing.memory_store import MemoryStore

CREATE = cmd.Create(title="t", description="", base_commit="c", base_tree="t0", branch="b")
START = cmd.StartAttempt(attempt_id="a", session_id="s", agent_id="x", confinement="none")


@asynccontextmanager
async def ledger_on(store: MemoryStore) -> AsyncIterator[Ledger]:
    """A ledger on a store, loaded."""
    ledger = Ledger(store, FakeClock(), {WORKFLOW.digest: WORKFLOW})
    await ledger.load()
    try:
        yield ledger
    finally:
        ledger.close()


async def _create(ledger: Ledger, task_id: str = "task_1", command_id: str = "new") -> TaskState:
    _, state = await ledger.create(
        task_id, WORKFLOW, CREATE, actor="person:ada", command_id=command_id
    )
    return state


def test_a_command_that_was_stored_before_has_no_second_effect() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with ledger_on(store) as ledger:
            await _create(ledger)
            first = await ledger.apply("task_1", START, actor="server", command_id="c")
            again = await ledger.apply("task_1", START, actor="server", command_id="c")
            assert again[0].accepted
            assert first[1] == again[1] == ledger.state("task_1")
            assert [e.event_type for e in store.task_events("task_1")] == [
                "task_created",
                "attempt_started",
                "task_started",
            ]

    asyncio.run(story())


def test_a_command_that_another_server_stored_is_folded_and_not_decided_again() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with ledger_on(store) as ledger:
            await _create(ledger)
            stored = ev.AttemptStarted(
                attempt_id="theirs",
                session_id="theirs",
                agent_id="x",
                number=1,
                phase="PLAN",
                epoch=1,
                tree="t0",
            )
            store.append("task_1", 1, encode((stored,), "server"), command_id="c", at=0)
            decision, state = await ledger.apply("task_1", START, actor="server", command_id="c")
            assert decision.accepted
            assert state.session_id == "theirs"
            assert ledger.state("task_1") == state
            assert state.version == 2

    asyncio.run(story())


def test_a_command_of_another_task_is_not_this_ones() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with ledger_on(store) as ledger:
            await _create(ledger)
            await _create(ledger, "task_2", "new 2")
            resume = cmd.Resume(by="ada")
            await ledger.apply("task_2", START, actor="server", command_id="c")
            with pytest.raises(ConflictError):
                await ledger.apply("task_1", START, actor="server", command_id="c")
            refused, _ = await ledger.apply("task_2", resume, actor="p", command_id="new")
            assert not refused.accepted

    asyncio.run(story())


def test_a_refused_command_is_stored_nowhere_and_may_be_tried_again() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with ledger_on(store) as ledger:
            await _create(ledger)
            end = cmd.Complete(commit="c")
            decision, state = await ledger.apply("task_1", end, actor="server", command_id="c")
            assert not decision.accepted
            assert state.version == 1
            assert store.command("c") == ()

    asyncio.run(story())


class _Failing(MemoryStore):
    is_broken = False

    def append(self, *args: Any, **more: Any) -> tuple[StoredEvent, ...]:
        if self.is_broken:
            raise UnavailableError("disk full", code="IL-STO-040")
        return super().append(*args, **more)


def test_nobody_sees_what_is_not_durable() -> None:
    async def story() -> None:
        store = _Failing()
        async with ledger_on(store) as ledger:
            before = await _create(ledger)
            store.is_broken = True
            with pytest.raises(UnavailableError):
                await ledger.apply("task_1", START, actor="server")
            assert ledger.state("task_1") is before
            with pytest.raises(NotFoundError):
                ledger.of_session("s")
            store.is_broken = False
            await ledger.apply("task_1", START, actor="server")
            assert ledger.of_session("s").status is TaskStatus.WORKING

    asyncio.run(story())


def test_commands_of_one_task_follow_each_other() -> None:
    async def story() -> None:
        async with ledger_on(MemoryStore()) as ledger:
            await _create(ledger)
            notice = cmd.Record(event=ev.BlockerEncountered(message="x"))
            starts = [ledger.apply("task_1", START, actor="server") for _ in range(4)]
            notices = [ledger.apply("task_1", notice, actor="server") for _ in range(20)]
            decisions = [decision for decision, _ in await asyncio.gather(*starts, *notices)]
            assert sum(d.accepted for d in decisions[:4]) == 1
            assert all(d.accepted for d in decisions[4:])
            assert len(ledger.state("task_1").notices) == 20

    asyncio.run(story())


def test_who_waits_for_a_change_is_woken_by_it_and_not_by_time() -> None:
    async def story() -> None:
        async with ledger_on(MemoryStore()) as ledger:
            await _create(ledger)

            def is_working() -> bool:
                return ledger.state("task_1").status is TaskStatus.WORKING

            assert not await ledger.changed(is_working, timeout_s=0.01)
            waiter = asyncio.create_task(ledger.changed(is_working, timeout_s=10))
            await asyncio.sleep(0)
            await ledger.apply("task_1", START, actor="server")
            assert await waiter

    asyncio.run(story())


def test_a_new_ledger_folds_what_is_stored() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with ledger_on(store) as ledger:
            await _create(ledger)
            await ledger.apply("task_1", START, actor="server")
            before = ledger.states()
        async with ledger_on(store) as ledger:
            assert ledger.states() == before
            assert ledger.of_session("s").task_id == "task_1"

    asyncio.run(story())


def test_an_event_of_a_newer_release_stops_the_start() -> None:
    async def story() -> None:
        store = MemoryStore()
        store.append("task_1", 0, [NewEvent("task_teleported", {}, "x")], command_id=None, at=0)
        with pytest.raises(IntegrityError, match="task_teleported"):
            async with ledger_on(store):
                pass

    asyncio.run(story())


def _stored(event: ev.Event) -> StoredEvent:
    (new,) = encode((event,), "server")
    data = json.loads(json.dumps(new.data))
    return StoredEvent(
        id=1,
        timestamp=0,
        event_type=new.event_type,
        task_id="t",
        data=data,
        task_version=1,
        schema=1,
        actor="server",
        command_id=None,
    )


def test_every_event_of_a_whole_life_comes_back_from_the_store_as_it_was() -> None:
    lived = at("DONE").leave()
    lived.must(cmd.Complete(commit="c"))
    asked = waiting()
    asked.must(cmd.Reject(approval=asked.approval()))
    lost = at("REVIEW").review().attempt().ask("IMPL").take_over()
    lost.conclude()
    lost.attempt()
    lost.must(cmd.EndAttempt(session_id=lost.state.session_id, outcome="died", exit_code=1))
    lost.must(cmd.Resume(by="ada"))
    lost.must(cmd.Abort(by="ada", reason="x"))
    for story in (lived, asked, lost):
        for event in story.events:
            assert decode(_stored(event)) == event


def test_facts_survive_the_way_through_json() -> None:
    story = at("REVIEW").review().attempt().ask().take_over()
    facts = replace(story.facts(), refused={"x": "y"})
    assert typed(json.loads(json.dumps(plain(facts))), type(facts)) == facts


def test_data_of_another_shape_is_refused() -> None:
    stored = _stored(ev.TaskStarted(agent_id="x"))
    with pytest.raises(IntegrityError):
        decode(replace(stored, data={"agent_id": 7}))
