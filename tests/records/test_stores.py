"""Both stores do what a store has to do, and agree with each other on any history."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.errors import InterlockError
from interlock.ports.store import Lease, NewEvent, Store
from interlock.testing.memory_store import MemoryStore
from interlock.testing.store_conformance import StoreConformance


class TestMemoryStore(StoreConformance):
    """The store without a disk."""

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestSQLiteStore(StoreConformance):
    """The store on one machine."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SQLiteStore(tmp_path / "events.db")
        yield store
        store.close()


NAMES = st.sampled_from(["a", "b"])
TIMES = st.integers(0, 20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


class TwoStores(RuleBasedStateMachine):
    """Whatever is done, SQLite answers like the model; and again after being reopened."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "events.db"
        self.model = MemoryStore()
        self.real = SQLiteStore(self.path)
        self.leases: list[Lease] = []

    def both(self, call: Callable[[Store], Any]) -> Any:
        def outcome(store: Store) -> Any:
            try:
                return call(store)
            except InterlockError as error:
                return type(error), error.code

        expected, got = outcome(self.model), outcome(self.real)
        assert got == expected
        return got

    @rule(
        task=NAMES,
        version=st.integers(0, 3),
        relative=st.booleans(),
        data=st.lists(st.dictionaries(st.text(max_size=6), VALUES, max_size=3), max_size=3),
        command=st.none() | st.sampled_from(["c1", "c2", "c3"]),
        at=TIMES,
    )
    def append(self, task: str, version: int, relative: bool, data: Any, **more: Any) -> None:
        # Mostly the right version, else nothing would ever be appended twice.
        expected = len(self.model.task_events(task)) if relative else version
        events = [NewEvent(f"type{n}", item, "server") for n, item in enumerate(data)]
        self.both(
            lambda store: store.append(
                task, expected, events, command_id=more["command"], at=more["at"]
            )
        )

    @rule(name=NAMES, holder=NAMES, ttl=st.integers(0, 10), now=TIMES)
    def acquire(self, name: str, holder: str, ttl: int, now: int) -> None:
        lease = self.both(lambda store: store.acquire(name, holder, ttl_s=ttl / 1e6, now=now))
        if isinstance(lease, Lease):
            self.leases.append(lease)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), now=TIMES)
    def renew(self, data: st.DataObject, now: int) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        self.both(lambda store: store.renew(lease, ttl_s=5e-6, now=now))

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.leases))
        self.both(lambda store: store.release(lease))

    @rule(
        cursor=st.integers(-1, 10),
        types=st.sets(st.sampled_from(["type0", "type1"])),
        task=st.none() | NAMES,
        limit=st.integers(0, 5),
    )
    def follow(self, cursor: int, types: set[str], task: str | None, limit: int) -> None:
        self.both(lambda store: store.events_after(cursor, types=types, task_id=task, limit=limit))

    @rule(key=NAMES, value=st.text(max_size=5))
    def set_setting(self, key: str, value: str) -> None:
        self.both(lambda store: store.set_setting(key, value))

    @rule()
    def reopen(self) -> None:
        self.real.close()
        self.real = SQLiteStore(self.path)

    @invariant()
    def agree(self) -> None:
        assert self.real.events_after(0) == self.model.events_after(0)
        assert self.real.task_ids() == self.model.task_ids()
        for name in ("a", "b"):
            assert self.real.setting(name) == self.model.setting(name)
            assert self.real.task_events(name) == self.model.task_events(name)
        for command in ("c1", "c2", "c3"):
            assert self.real.command(command) == self.model.command(command)

    def teardown(self) -> None:
        self.real.close()
        self.directory.cleanup()


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
