"""Anything of a house killed at any moment, again and again, while tasks run: the same end.

After each kill the house gets whole by itself (a killed monitor apart: its owner says
``interlock up`` again) and every invariant holds.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from typing import Any

import pytest
from tests.e2e.conftest import AGENT, House
from tests.e2e.invariants import Watch
from tests.e2e.processes import Process, kill, kind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

AT_ONCE = 3
TRIES = "20"
# Short-lived ones are lain in wait for, else they would hardly ever be met.
RARE = ("git", "launcher", "judge runner", "tool")
WAIT_FOR_RARE_S = 1.5


class Tasks:
    """So many tasks at any time; all of them end the same way."""

    def __init__(self, house: House) -> None:
        self._house = house
        program = house.program(AGENT, TRIES)
        self._agent = {"author": program, "reviewers": {"default": program}, "max_attempts": 1000}
        self.all: list[str] = []

    def begin(self) -> str:
        made = self._house.client.create_task("Add slugify to textkit", agent=self._agent)
        self.all.append(made["task_id"])
        return str(made["task_id"])

    def keep_up(self) -> None:
        """Begin new ones for those that are over."""
        is_open = [t for t in self._house.client.tasks() if t["status"] != "completed"]
        for _ in range(AT_ONCE - len(is_open)):
            self.begin()


def _choose(watch: Watch, chance: random.Random, kinds: list[str]) -> Process | None:
    """A process of a kind that is there, or one of a rare kind as soon as it is."""
    rare = chance.choice((*RARE, "", "", ""))
    deadline = time.monotonic() + WAIT_FOR_RARE_S
    while True:
        found = defaultdict(list)
        for process in watch.look():
            found[kind(process)].append(process)
        if rare in found:
            return chance.choice(found[rare])
        if not rare or time.monotonic() > deadline:
            break
        time.sleep(0.002)
    present = [name for name in kinds if name in found]
    return chance.choice(found[chance.choice(present)]) if present else None


def _shape(task: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in task["artifacts"].items() if k != "review_report"}
    return {"trees": task["trees"], "tree": task["tree"], "artifacts": kept}


@pytest.mark.long
@pytest.mark.parametrize("kills,seed", [(60, 60), (500, 500)])
def test_kills_change_nothing_and_leave_nothing(house: House, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    watch, tasks = Watch(house), Tasks(house)
    before = house.git("status", "--porcelain"), house.git("rev-parse", "HEAD")
    wanted = _shape(house.completed(tasks.begin()))
    tasks.keep_up()
    killed: Counter[str] = Counter()
    begun = time.monotonic()
    kinds = ["monitor", *["server", "supervisor"] * 2, *["launcher", "sandbox", "toolhost"] * 2]
    kinds += ["agent", "judge runner", "tool", "git"] * 2
    while killed.total() < kills:
        time.sleep(chance.uniform(0, 0.5))  # the random moment is the point of the test
        victim = _choose(watch, chance, kinds)
        if victim is None or not kill(victim):
            continue
        name = kind(victim)
        killed[name] += 1
        print(
            f"{time.monotonic() - begun:7.1f} s  kill {killed.total():3} of seed {seed}: {name}",
            flush=True,
        )
        if name == "monitor":
            house.interlock("up")
        watch.settle(all_events=name in ("server", "monitor"))
        tasks.keep_up()
    print(f"{dict(killed)}; longest until whole: {watch.longest_s:.1f} s")
    for task_id in tasks.all:
        assert _shape(watch.completed(task_id)) == wanted
    _ends_well(house, watch, tasks)
    assert (house.git("status", "--porcelain"), house.git("rev-parse", "HEAD")) == before


def _ends_well(house: House, watch: Watch, tasks: Tasks) -> None:
    for task_id in tasks.all:
        branch = house.client.task(task_id)["branch"]
        assert house.git("rev-list", "--count", f"HEAD..{branch}") == "1"
    watch.settle(all_events=True)
    assert '"ok": true' in house.interlock("audit", "verify", "--json").stdout
    house.git("fsck", "--strict")
    house.interlock("down")
    assert watch.nothing_left() == []
    house.interlock("up")
