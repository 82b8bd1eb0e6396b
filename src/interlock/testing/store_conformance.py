"""What every store has to do, as tests: subclass, provide a ``store`` fixture, be collected."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from interlock.errors import (
    ConflictError,
    InternalError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from interlock.ports.store import EVENT_SCHEMA, INLINE_BYTES, NewEvent, Store, StoredEvent

__all__ = ["StoreConformance"]

NOW = 1_700_000_000_000_000
SECOND = 1_000_000


def happened(event_type: str = "task_created", **data: object) -> NewEvent:
    """An event with that data."""
    return NewEvent(event_type, data, "server")


class StoreConformance:
    """Behaviour of ``ports.store.Store``; a subclass adds the fixture that makes the store."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store; override."""
        raise NotImplementedError

    def test_append_numbers_events_within_their_task_and_over_all(self, store: Store) -> None:
        first = store.append("t1", 0, [happened(), happened()], command_id="c1", at=NOW)
        second = store.append("t2", 0, [happened()], command_id=None, at=NOW)
        third = store.append("t1", 2, [happened()], command_id="c2", at=NOW - SECOND)
        got = [(e.id, e.task_id, e.task_version) for e in first + second + third]
        assert got == [(1, "t1", 1), (2, "t1", 2), (3, "t2", 1), (4, "t1", 3)]

    def test_events_come_back_as_append_returned_them(self, store: Store) -> None:
        event = NewEvent("gate_passed", {"a": (1, 2.5, None), "b": {"ü": "é"}}, "agent:x")
        stored = store.append("t1", 0, [event], command_id="c1", at=NOW)
        assert stored == (
            StoredEvent(
                id=1,
                timestamp=NOW,
                event_type="gate_passed",
                task_id="t1",
                data={"a": [1, 2.5, None], "b": {"ü": "é"}},
                task_version=1,
                schema=EVENT_SCHEMA,
                actor="agent:x",
                command_id="c1",
            ),
        )
        assert store.task_events("t1") == stored
        assert store.events_after(0) == stored
        assert store.command("c1") == stored

    def test_append_to_a_task_that_moved_on_is_refused_whole(self, store: Store) -> None:
        before = store.append("t1", 0, [happened()], command_id=None, at=NOW)
        for stale in (0, 2):
            with pytest.raises(ConflictError) as refused:
                store.append("t1", stale, [happened(), happened()], command_id="c", at=NOW)
            assert refused.value.code == "IL-STO-001"
        assert store.events_after(0) == before
        assert store.command("c") == ()

    def test_a_refused_append_leaves_no_gap_in_the_sequence(self, store: Store) -> None:
        store.append("t1", 0, [happened()], command_id=None, at=NOW)
        with pytest.raises(ConflictError):
            store.append("t1", 0, [happened()], command_id=None, at=NOW)
        (after,) = store.append("t2", 0, [happened()], command_id=None, at=NOW)
        assert after.id == 2

    def test_a_command_is_recorded_once_whatever_comes_with_it_again(self, store: Store) -> None:
        first = store.append("t1", 0, [happened(n=1), happened(n=2)], command_id="c", at=NOW)
        store.append("t1", 2, [happened(n=3)], command_id=None, at=NOW)
        again = store.append("t1", 0, [happened(n=9)], command_id="c", at=NOW + SECOND)
        assert again == first
        assert len(store.task_events("t1")) == 3

    def test_a_command_of_another_task_is_refused(self, store: Store) -> None:
        store.append("t1", 0, [happened()], command_id="c", at=NOW)
        with pytest.raises(ConflictError) as refused:
            store.append("t2", 0, [happened()], command_id="c", at=NOW)
        assert refused.value.code == "IL-STO-002"
        assert store.task_ids() == ("t1",)

    def test_an_append_without_events_is_our_own_mistake(self, store: Store) -> None:
        with pytest.raises(InternalError):
            store.append("t1", 0, [], command_id="c", at=NOW)

    def test_concurrent_appends_to_one_version_let_exactly_one_through(self, store: Store) -> None:
        start = threading.Barrier(8)

        def attempt(worker: int) -> bool:
            start.wait(10)
            try:
                store.append("t1", 0, [happened(by=worker)], command_id=f"c{worker}", at=NOW)
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, range(8))) == 1
        assert len(store.task_events("t1")) == 1

    def test_concurrent_sends_of_one_command_record_it_once(self, store: Store) -> None:
        start = threading.Barrier(8)

        def attempt(_: int) -> tuple[StoredEvent, ...]:
            start.wait(10)
            return store.append("t1", 0, [happened(), happened()], command_id="c", at=NOW)

        with ThreadPoolExecutor(8) as pool:
            assert len(set(map(repr, pool.map(attempt, range(8))))) == 1
        assert len(store.task_events("t1")) == 2

    def test_a_reader_by_cursor_misses_nothing_while_others_write(self, store: Store) -> None:
        def write(task: int) -> None:
            for version in range(20):
                store.append(f"t{task}", version, [happened()], command_id=None, at=NOW)

        seen: list[int] = []
        with ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write, task) for task in range(4)]
            while len(seen) < 80:
                seen += [event.id for event in store.events_after(seen[-1] if seen else 0, limit=7)]
                assert not any(w.exception() for w in writers if w.done())
        assert seen == list(range(1, 81))

    def test_large_data_comes_back_whole(self, store: Store) -> None:
        large = {"text": "x" * (4 * INLINE_BYTES)}
        stored = store.append(
            "t1", 0, [NewEvent("evidence", large, "server")], command_id="c", at=NOW
        )
        assert stored[0].data == large
        assert store.task_events("t1")[0].data == large
        assert store.command("c")[0].data == large

    @pytest.mark.parametrize("over", [-1, 0, 1])
    def test_data_around_the_limit_of_a_row_comes_back(self, store: Store, over: int) -> None:
        data = {"t": "x" * (INLINE_BYTES - len('{"t":""}') + over)}
        store.append("t1", 0, [NewEvent("e", data, "s")], command_id=None, at=NOW)
        assert store.task_events("t1")[0].data == data

    def test_data_over_the_limit_of_a_blob_is_refused(self, store: Store) -> None:
        with pytest.raises(TooLargeError):
            store.append("t1", 0, [happened(text="x" * (33 << 20))], command_id=None, at=NOW)
        assert store.task_events("t1") == ()

    @pytest.mark.parametrize(
        "data", [{"$blob": "0" * 64}, {"a": object()}, {"a": "\ud800"}, [1], "text", None]
    )
    def test_data_that_is_no_json_object_or_claims_to_be_a_blob_is_refused(
        self, store: Store, data: object
    ) -> None:
        event = NewEvent("e", data, "s")  # type: ignore[arg-type]  # what a caller must not do
        with pytest.raises(InvalidInputError):
            store.append("t1", 0, [event], command_id=None, at=NOW)
        assert store.task_events("t1") == ()

    def test_an_event_without_a_type_is_refused(self, store: Store) -> None:
        with pytest.raises(InvalidInputError):
            store.append("t1", 0, [NewEvent("", {}, "s")], command_id=None, at=NOW)

    def test_tasks_are_listed_in_the_order_they_came(self, store: Store) -> None:
        for task in ("b", "a", "c"):
            store.append(task, 0, [happened()], command_id=None, at=NOW)
        store.append("b", 1, [happened()], command_id=None, at=NOW)
        assert store.task_ids() == ("b", "a", "c")
        assert store.task_events("unknown") == ()

    def test_a_cursor_filters_by_type_and_task_and_stops_at_the_limit(self, store: Store) -> None:
        for version in range(4):
            for task in ("a", "b"):
                kind = "even" if version % 2 == 0 else "odd"
                store.append(task, version, [happened(kind)], command_id=None, at=NOW)

        def ids(events: tuple[StoredEvent, ...]) -> list[int]:
            return [event.id for event in events]

        assert ids(store.events_after(6)) == [7, 8]
        assert ids(store.events_after(8)) == []
        assert ids(store.events_after(0, limit=3)) == [1, 2, 3]
        assert ids(store.events_after(2, types=["even"])) == [5, 6]
        assert ids(store.events_after(0, types={"even", "odd", "x"})) == list(range(1, 9))
        assert ids(store.events_after(1, task_id="a")) == [3, 5, 7]
        assert ids(store.events_after(1, task_id="a", types=("odd",), limit=1)) == [3]
        assert ids(store.events_after(0, types=("none",))) == []

    def test_a_blob_is_found_by_its_digest(self, store: Store) -> None:
        data = bytes(range(256)) * 10
        assert store.put_blob(data) == hashlib.sha256(data).hexdigest() == store.put_blob(data)
        assert store.get_blob(hashlib.sha256(data).hexdigest()) == data

    @pytest.mark.parametrize("digest", ["0" * 64, "", "../events.db", "A" * 64, "0" * 65])
    def test_a_blob_that_was_never_put_is_not_found(self, store: Store, digest: str) -> None:
        with pytest.raises(NotFoundError):
            store.get_blob(digest)

    def test_a_lease_has_one_holder_at_a_time(self, store: Store) -> None:
        assert store.acquire("n", "a", ttl_s=10, now=NOW) is not None
        assert store.acquire("n", "b", ttl_s=10, now=NOW) is None
        assert store.acquire("n", "b", ttl_s=10, now=NOW + 10 * SECOND - 1) is None
        assert store.acquire("other", "b", ttl_s=10, now=NOW) is not None

    def test_every_grant_of_a_name_has_a_higher_fence(self, store: Store) -> None:
        fences = []
        for turn in range(3):  # by expiry
            lease = store.acquire("n", f"h{turn}", ttl_s=1, now=NOW + turn * SECOND)
            assert lease is not None
            fences.append(lease.fence)
        again = store.acquire("n", "h2", ttl_s=1, now=NOW + 2 * SECOND)  # by its own holder
        assert again is not None
        store.release(again)
        after = store.acquire("n", "z", ttl_s=1, now=NOW + 2 * SECOND)  # after a release
        assert after is not None
        fences += [again.fence, after.fence]
        assert fences == sorted(set(fences))

    def test_a_renewed_lease_keeps_its_fence_and_lasts_longer(self, store: Store) -> None:
        lease = store.acquire("n", "a", ttl_s=10, now=NOW)
        assert lease is not None
        renewed = store.renew(lease, ttl_s=10, now=NOW + 5 * SECOND)
        assert (renewed.fence, renewed.expires_at) == (lease.fence, NOW + 15 * SECOND)
        assert store.acquire("n", "b", ttl_s=10, now=NOW + 12 * SECOND) is None

    def test_a_lease_that_was_granted_again_cannot_be_renewed_or_released(
        self, store: Store
    ) -> None:
        zombie = store.acquire("n", "a", ttl_s=1, now=NOW)
        present = store.acquire("n", "b", ttl_s=10, now=NOW + SECOND)
        assert zombie is not None
        assert present is not None
        with pytest.raises(ConflictError):
            store.renew(zombie, ttl_s=10, now=NOW + SECOND)
        store.release(zombie)
        assert store.acquire("n", "c", ttl_s=1, now=NOW + SECOND) is None
        store.renew(present, ttl_s=10, now=NOW + SECOND)

    def test_a_lease_is_over_when_it_expires_or_is_released(self, store: Store) -> None:
        lease = store.acquire("n", "a", ttl_s=1, now=NOW)
        assert lease is not None
        with pytest.raises(ConflictError):
            store.renew(lease, ttl_s=1, now=NOW + SECOND)
        again = store.acquire("n", "a", ttl_s=1, now=NOW + SECOND)
        assert again is not None
        store.release(again)
        with pytest.raises(ConflictError):
            store.renew(again, ttl_s=1, now=NOW + SECOND)

    @pytest.mark.parametrize("ttl", [0, -1, float("inf"), float("nan")])
    def test_a_lease_needs_a_time_that_ends(self, store: Store, ttl: float) -> None:
        with pytest.raises(InvalidInputError):
            store.acquire("n", "a", ttl_s=ttl, now=NOW)

    def test_concurrent_claims_of_a_name_let_exactly_one_through(self, store: Store) -> None:
        start = threading.Barrier(8)

        def claim(worker: int) -> bool:
            start.wait(10)
            return store.acquire("n", f"h{worker}", ttl_s=10, now=NOW) is not None

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(claim, range(8))) == 1

    def test_a_setting_is_the_last_value_set(self, store: Store) -> None:
        assert store.setting("k") is None
        store.set_setting("k", "1")
        store.set_setting("k", "zwei")
        assert store.setting("k") == "zwei"

    def test_a_closed_store_refuses_everything(self, store: Store) -> None:
        store.close()
        store.close()
        with pytest.raises(UnavailableError):
            store.append("t1", 0, [happened()], command_id=None, at=NOW)
        with pytest.raises(UnavailableError):
            store.task_ids()
        with pytest.raises(UnavailableError):
            store.acquire("n", "a", ttl_s=1, now=NOW)
