"""A state that was kept, with what happened since, is the fold of everything; one that cannot be
believed is passed over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.story import WORKFLOW
from tests.records.history import stories

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.evolve import evolve, fold
from interlock.core.tasks import TaskState
from interlock.engine import checkpoints as module
from interlock.engine.checkpoints import Checkpoints
from interlock.engine.codec import decode, encode, plain
from interlock.engine.ledger import Ledger
from interlock.errors import UnavailableError
from interlock.ports.store import StoredEvent
from interlock.testing.fake_clock import FakeClock
from interlock.testing.memory_store import MemoryStore

LIVES = [tuple(story.events) for story in stories()]
CREATE = cmd.Create(title="t", description="", base_commit="c", base_tree="t0", branch="b")
NOTICE = cmd.Record(event=ev.BlockerEncountered(message="ünïcode"))
TASK = "task_1"
NAME = f"checkpoint.{TASK}"


class Watched(MemoryStore):
    """Counts the events that are read back."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[int] = []

    def task_events(self, task_id: str) -> tuple[StoredEvent, ...]:
        found = super().task_events(task_id)
        self.read.append(len(found))
        return found

    def events_after(self, cursor: int, **more: Any) -> tuple[StoredEvent, ...]:
        found = super().events_after(cursor, **more)
        self.read.append(len(found))
        return found


def lived(store: MemoryStore, life: Sequence[ev.Event], task_id: str = TASK) -> list[StoredEvent]:
    """The events of a life, one append each, beside another task's."""
    kept: list[StoredEvent] = []
    for event in life:
        version = len(store.task_events(task_id))
        kept += store.append(task_id, version, encode((event,), "x"), command_id=None, at=1)
        store.append("other", len(kept) - 1, encode((event,), "y"), command_id=None, at=1)
    return kept


def state_of(events: Sequence[StoredEvent], task_id: str = TASK) -> TaskState:
    return fold((decode(event) for event in events), TaskState(task_id=task_id))


def found(store: MemoryStore, key: bytes = b"k") -> TaskState:
    start = Checkpoints(store, key).find(TASK)
    state = start.state
    for event in start.tail:
        state = evolve(state, decode(event))
    return state


def keep(store: MemoryStore, events: Sequence[StoredEvent], cut: int, key: bytes = b"k") -> None:
    Checkpoints(store, key).keep(state_of(events[:cut]), events[cut - 1])


@st.composite
def cuts(draw: st.DrawFn) -> tuple[tuple[ev.Event, ...], int]:
    life = draw(st.sampled_from(LIVES))
    return life, draw(st.integers(1, len(life)))


@given(cuts())
def test_a_kept_state_and_its_tail_are_the_fold_of_everything(
    drawn: tuple[tuple[ev.Event, ...], int],
) -> None:
    life, cut = drawn
    store = Watched()
    events = lived(store, life)
    keep(store, events, cut)
    store.read.clear()
    assert found(store) == state_of(events)
    assert sum(store.read) == len(life) - cut + 1  # the event that it ends with, and the tail


@given(cuts(), st.data())
def test_no_change_of_a_kept_state_is_ever_believed(
    drawn: tuple[tuple[ev.Event, ...], int], data: st.DataObject
) -> None:
    life, cut = drawn
    store = MemoryStore()
    events = lived(store, life)
    keep(store, events, cut)
    text = store.setting(NAME) or ""
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii"))
    store.set_setting(NAME, text[:place] + other + text[place + 1 :])
    assert found(store) == state_of(events)


def _resealed(change: Callable[[dict[str, Any]], None]) -> Callable[[MemoryStore], None]:
    """A change by somebody who has the key."""

    def apply(store: MemoryStore) -> None:
        body = json.loads(json.loads(store.setting(NAME) or "")["body"])
        change(body)
        text = json.dumps(body)
        seal = Checkpoints(store, b"k")._seal(text)
        store.set_setting(NAME, json.dumps({"seal": seal, "body": text}))

    return apply


WRONG: dict[str, Callable[[MemoryStore], None]] = {
    "not json": lambda store: store.set_setting(NAME, "{"),
    "a list": lambda store: store.set_setting(NAME, "[1]"),
    "no seal": lambda store: store.set_setting(NAME, '{"body": "{}"}'),
    "of no event": _resealed(lambda body: body.update(event=10**6)),
    "of another task's event": _resealed(lambda body: body.update(event=body["event"] + 1)),
    "of an earlier event": _resealed(lambda body: body.update(event=body["event"] - 2)),
    "another event there": _resealed(lambda body: body.update(digest="0" * 64)),
    "of other code": _resealed(lambda body: body.update(fold="0" * 64)),
    "of another task": _resealed(lambda body: body.update(task_id="other")),
    "of another shape": _resealed(lambda body: body["state"].update(epoch="x")),
    "of another version": _resealed(lambda body: body["state"].update(version=1)),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_kept_state_makes_no_difference(wrong: str) -> None:
    store = MemoryStore()
    events = lived(store, LIVES[0])
    keep(store, events, 6)
    assert Checkpoints(store, b"k").find(TASK).at
    WRONG[wrong](store)
    assert Checkpoints(store, b"k").find(TASK).at == 0
    assert found(store) == state_of(events)


def test_a_kept_state_of_another_server_is_passed_over() -> None:
    store = MemoryStore()
    events = lived(store, LIVES[0])
    keep(store, events, 6, key=b"another")
    assert Checkpoints(store, b"k").find(TASK).at == 0


def test_other_code_folds_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    events = lived(store, LIVES[0])
    keep(store, events, 6)
    monkeypatch.setattr(module, "fold_digest", lambda: "another")
    assert Checkpoints(store, b"k").find(TASK).at == 0


def test_the_digest_is_over_what_makes_states() -> None:
    root = Path(module.__file__).parents[1]
    covered = {path for pattern in module._FOLDING for path in root.glob(pattern)}
    names = {str(path.relative_to(root)) for path in covered}
    assert {"core/evolve.py", "core/tasks.py", "core/gates/red.py", "engine/upcasters.py"} <= names


def with_ledger(
    story: Callable[[Ledger, FakeClock, Watched], Any], seconds: int = 300
) -> tuple[Watched, tuple[TaskState, ...]]:
    """Tell a story on a new ledger, then close it as a server does; the store and the states."""
    store, clock = Watched(), FakeClock(10**15)
    workflow = replace(WORKFLOW, checkpoint_seconds=seconds)

    async def tell() -> tuple[TaskState, ...]:
        ledger = Ledger(store, clock, {workflow.digest: workflow})
        try:
            await ledger.create(TASK, workflow, CREATE, actor="p", command_id="new")
            await story(ledger, clock, store)
            return ledger.states()
        finally:
            ledger.close()

    return store, asyncio.run(tell())


def kept(store: MemoryStore) -> int:
    """Version of the state that is kept; 0 for none."""
    text = store.setting(NAME)
    return 0 if text is None else int(json.loads(json.loads(text)["body"])["state"]["version"])


@pytest.mark.parametrize("seconds,version", [(60, 3), (3600, 0)])
def test_a_state_is_kept_at_the_workflows_interval(seconds: int, version: int) -> None:
    async def story(ledger: Ledger, clock: FakeClock, store: Watched) -> None:
        await ledger.apply(TASK, NOTICE, actor="server")
        clock.advance(61)
        await ledger.apply(TASK, NOTICE, actor="server")
        await ledger.apply(TASK, NOTICE, actor="server")

    store, (state,) = with_ledger(story, seconds)
    assert state.version == 4
    assert kept(store) == version


def test_the_end_of_a_task_is_kept_at_once() -> None:
    async def story(ledger: Ledger, clock: FakeClock, store: Watched) -> None:
        await ledger.apply(TASK, cmd.Abort(by="ada", reason="x"), actor="p")

    store, (state,) = with_ledger(story)
    assert kept(store) == state.version == 2


def _restart(store: Watched) -> TaskState:
    async def tell() -> TaskState:
        ledger = Ledger(store, FakeClock(10**15), {WORKFLOW.digest: WORKFLOW})
        store.read.clear()
        await ledger.load()
        ledger.close()
        return ledger.state(TASK)

    return asyncio.run(tell())


def test_a_restart_reads_only_what_came_after() -> None:
    async def story(ledger: Ledger, clock: FakeClock, store: Watched) -> None:
        for _ in range(40):
            await ledger.apply(TASK, NOTICE, actor="server")
        clock.advance(301)
        for _ in range(3):
            await ledger.apply(TASK, NOTICE, actor="server")

    store, (before,) = with_ledger(story)
    assert kept(store) == 42
    assert plain(_restart(store)) == plain(before)
    assert sum(store.read) == 3
    store.set_setting(NAME, "")
    assert plain(_restart(store)) == plain(before)
    assert sum(store.read) == 44


def test_a_state_that_cannot_be_kept_stops_nothing() -> None:
    async def story(ledger: Ledger, clock: FakeClock, store: Watched) -> None:
        def full(key: str, value: str) -> None:
            raise UnavailableError("disk full", code="IL-STO-040")

        store.set_setting = full  # type: ignore[method-assign]
        clock.advance(301)
        decision, _ = await ledger.apply(TASK, NOTICE, actor="server")
        assert decision.accepted

    store, (before,) = with_ledger(story)
    assert kept(store) == 0
    assert plain(_restart(store)) == plain(before)
