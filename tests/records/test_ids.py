"""Ids and clocks: unique, in the order of their making, whatever the clock does."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.adapters.clock import SystemClock
from interlock.engine.ids import new_id
from interlock.testing.fake_clock import FakeClock

FORM = re.compile(r"task_[0-7][0-9A-HJKMNP-TV-Z]{25}")


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no id had been made yet; what these tests ask for is forgotten after them."""
    monkeypatch.setattr("interlock.engine.ids._last", 0)


def test_an_id_is_its_prefix_and_26_characters() -> None:
    assert FORM.fullmatch(new_id("task", int(time.time() * 1000)))


def test_an_id_carries_its_time_as_a_ulid_does() -> None:
    # The example of the ULID specification: 01ARZ3NDEK is this moment.
    assert new_id("task", 1469922850259, lambda n: b"\0" * n) == "task_01ARZ3NDEK" + "0" * 16


@given(clocks=st.lists(st.integers(0, 2**41), min_size=2, max_size=50))
def test_ids_sort_as_they_were_made_whatever_the_clock_says(clocks: list[int]) -> None:
    made = [new_id("task", clock) for clock in clocks]
    assert made == sorted(set(made))


def test_threads_never_get_the_same_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_id("x", 5), range(2000)))
    assert len(set(made)) == 2000


def test_the_system_clock_tells_microseconds_of_utc_and_never_runs_back() -> None:
    clock = SystemClock()
    assert abs(clock.now_us() - time.time() * 1e6) < 10e6
    assert clock.monotonic() <= clock.monotonic()


def test_the_fake_clock_moves_when_told() -> None:
    clock = FakeClock(1_000_000)
    clock.advance(1.5)
    assert (clock.now_us(), clock.monotonic()) == (2_500_000, 1.5)
    clock.jump(-2)
    assert (clock.now_us(), clock.monotonic()) == (500_000, 1.5)
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)
