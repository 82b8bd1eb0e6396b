"""The power fails under running tasks, again and again: nothing that was answered is lost, and the
work goes on.

State and repository lie on a disk that forgets what was not synced. Agents print each answer they
get; a person follows the events. After each cut both are held against what is left.
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.crash.house import CrashHouse, answers_in, environment
from tests.crash.power import Power, require_fuse

from interlock.errors import InterlockError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# A task with the building of its environment makes about 45,000 requests, later ones 8,500.
_FIRST, _LATER = 45_000, 8_500
_PATIENCE_S = 240.0


@pytest.fixture
def powered() -> Iterator[tuple[CrashHouse, Power]]:
    require_fuse()
    # Unix socket paths are short: not below pytest's own deep directories.
    with tempfile.TemporaryDirectory(prefix="il-") as name:
        root = Path(name)
        with Power(root / "disk", root) as power:
            house = CrashHouse(root, environment(root), disk=power.place, patience_s=0)
            house.set_up()
            try:
                yield house, power
            finally:
                house.stop()


class Person:
    """Starts one task after the other and follows them, until the door is gone."""

    def __init__(self, house: CrashHouse) -> None:
        self.tasks: list[str] = []
        self._house = house
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        self._thread = threading.Thread(target=self._follow, name="person")
        self._thread.start()

    def join(self) -> None:
        assert self._thread is not None
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _follow(self) -> None:
        with suppress(InterlockError, OSError):
            while True:
                self.step()

    def finish(self) -> None:
        """Follow the newest task to its end."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            self.step()
            task = self._house.client.task(self.tasks[-1])
            if task["status"] == "completed":
                return
            assert time.monotonic() < deadline, f"{task}\n{self._house.logs()}"

    def step(self) -> None:
        """See that the newest task goes on."""
        house = self._house
        task = house.client.task(self.tasks[-1]) if self.tasks else None
        if task is None or task["status"] == "completed":
            self.tasks.append(house.telling_task())
        elif task["status"] == "ready" and task["waiting_for"].get("who") == "a person":
            assert task["failures"] == 0, task["last_attempt"]
            house.client.resume(task["task_id"])  # lost too often to go on by itself
        house.listen()


def _told_to_agents(power: Power, house: CrashHouse) -> list[dict[str, Any]]:
    """What the agents printed until the power failed, read past the disk."""
    logs = f"state/interlock/{house.state_name}/sessions"
    found = []
    for name in power.order("list", path=logs)["names"]:
        if name.endswith(".log"):
            text = power.order("read", path=f"{logs}/{name}")["text"] or ""
            found += answers_in(text)
    return found


def _survives(powered: tuple[CrashHouse, Power], cuts: int) -> None:
    house, power = powered
    chance = random.Random(cuts)
    person = Person(house)
    answers: dict[str, dict[str, Any]] = {}
    reach = _FIRST
    house.start()
    for number in range(cuts):
        power.cut_after(chance.randrange(20, reach))
        person.begin()
        assert power.until_cut(300), house.logs()
        answers |= {answer["key"]: answer for answer in _told_to_agents(power, house)}
        house.kill()
        power.off(seed=chance.choice([None, number]))
        person.join()  # it may have looked at the disk
        power.on()
        house.start()
        house.check(answers.values())
        if any(event["event_type"] == "tree_imported" for event in house.told.values()):
            reach = _LATER
    person.finish()
    house.check(answers.values())
    assert answers


def test_power_cuts_take_nothing_that_was_answered(powered: tuple[CrashHouse, Power]) -> None:
    _survives(powered, 3)


@pytest.mark.long
def test_sixty_power_cuts_take_nothing_that_was_answered(
    powered: tuple[CrashHouse, Power],
) -> None:
    _survives(powered, 60)


def test_what_init_has_said_outlives_the_power(powered: tuple[CrashHouse, Power]) -> None:
    house, power = powered
    power.off(seed=None)
    power.on()
    assert house.git("status", "--porcelain") == ""
    assert "agent_workflow.yaml" in house.git("show", "--name-only", "--format=")
    assert (house.repository / ".orchestrator" / "events.db").is_symlink()
    house.start()
    house.client.trusted()
    house.check()
