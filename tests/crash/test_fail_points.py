"""At every fail point something dies or fails while a task runs; then what must hold is looked at.

After a death the state is as before or after the step, nothing is there twice, and the task goes
on to its end. After a failure somebody was told what failed and what to do, and the task can go on.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.crash.house import CrashHouse, environment
from tests.crash.points import DIES, ELSEWHERE, FAILS, SAMPLE, Case
from tests.ground.properties import ROOT

from interlock.failpoints import POINTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

NAUGHTY = Path(__file__).parent / "agents" / "naughty.py"
_PATIENCE_S = 240.0
_RESUMED = 3


@contextmanager
def a_house() -> Iterator[CrashHouse]:
    # Unix socket paths are short: not below pytest's own deep directories.
    with tempfile.TemporaryDirectory(prefix="il-") as name:
        root = Path(name)
        (root / "armory").mkdir(mode=0o700)
        house = CrashHouse(root, environment(root), disk=root)
        house.set_up()
        try:
            yield house
        finally:
            house.stop()


@pytest.fixture(scope="module")
def used() -> Iterator[CrashHouse]:
    """A house that has completed a task: its environment is built, its keys are made."""
    with a_house() as house:
        house.start(armory=house.root / "armory")
        house.completed(house.begin(NAUGHTY), timeout_s=_PATIENCE_S)
        yield house


def arm(house: CrashHouse, cases: Iterable[Case]) -> None:
    for case in cases:
        text = f"{case.action} {case.turn} {case.role}"
        (house.root / "armory" / case.point).write_text(text)


def reached(house: CrashHouse, case: Case) -> bool:
    mark = house.root / "armory" / f"{case.point}.reached"
    there = mark.exists()
    mark.unlink(missing_ok=True)
    return there


def to_the_end(house: CrashHouse) -> dict[str, Any]:
    """A task from its beginning to its completion; a person lets it go on where it waits."""
    task_id, deadline = house.begin(NAUGHTY), time.monotonic() + _PATIENCE_S
    resumed = 0
    while True:
        house.listen()
        task = house.client.task(task_id)
        if task["status"] == "completed":
            return task
        if task["status"] == "ready" and task["waiting_for"].get("who") == "a person":
            assert task["waiting_for"]["command"], task
            resumed += 1
            assert resumed <= _RESUMED, f"{task}\n{house.logs()}"
            house.client.resume(task_id)
        assert time.monotonic() < deadline, f"{task}\n{house.logs()}"


def said(house: CrashHouse, case: Case) -> bool:
    """Whether the failure came to where people or agents look, and not only to nowhere."""
    text = f"(a test, at {case.point})"
    events = json.dumps(list(house.told.values()))
    return text in events or any(
        text in path.read_text(errors="replace") for path in house.state.glob("*/*.log")
    )


def check(house: CrashHouse, case: Case) -> None:
    assert reached(house, case), f"{case} was not reached"
    house.check()
    if case.action != "kill":
        assert said(house, case), f"nobody was told of {case}"


def test_every_point_is_hit_by_a_test() -> None:
    hit = {case.point for case in DIES} | ELSEWHERE.keys()
    assert hit == POINTS.keys()
    for point, path in ELSEWHERE.items():
        assert f'"{point}"' in (ROOT / path).read_text(encoding="utf-8"), point


def test_a_task_that_meets_death_at_eight_points_is_completed_once() -> None:
    with a_house() as house:
        arm(house, SAMPLE)
        house.start(armory=house.root / "armory")
        to_the_end(house)
        for case in SAMPLE:
            check(house, case)


@pytest.mark.long
@pytest.mark.parametrize("case", [case for case in DIES + FAILS if not case.fresh], ids=str)
def test_a_task_gets_over_what_happens_at_a_point(used: CrashHouse, case: Case) -> None:
    arm(used, [case])
    to_the_end(used)
    check(used, case)


@pytest.mark.long
@pytest.mark.parametrize("case", [case for case in DIES + FAILS if case.fresh], ids=str)
def test_a_first_task_gets_over_what_happens_at_a_point(case: Case) -> None:
    with a_house() as house:
        arm(house, [case])
        house.start(armory=house.root / "armory")
        to_the_end(house)
        check(house, case)
