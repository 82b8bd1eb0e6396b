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
from tests.e2e.invariants import Watch, grown, leftover_files
from tests.e2e.processes import Kind, Process, kill, kind

pytestmark = [pytest.mark.long, pytest.mark.timeout(7200)]

AT_ONCE = 3
KINDS: dict[Kind, int] = {
    "monitor": 1,
    "server": 2,
    "supervisor": 2,
    "launcher": 2,
    "sandbox": 2,
    "toolhost": 2,
    "agent": 2,
    "judge runner": 2,
    "git": 2,
    "tool": 2,
}
"""How often each is drawn; who is not there at the moment is lain in wait for."""

LIE_IN_WAIT_S = 1.0


class Tasks:
    """So many tasks at any time; all of them end the same way."""

    def __init__(self, house: House) -> None:
        self._house = house
        program = house.program(AGENT, "20")
        self._agent = {"author": program, "reviewers": {"default": program}, "max_attempts": 1000}
        self.all: list[str] = []

    def begin(self) -> str:
        made = self._house.client.create_task("Add slugify to textkit", agent=self._agent)
        self.all.append(str(made["task_id"]))
        return self.all[-1]

    def keep_up(self) -> None:
        """Begin new ones for those that are over."""
        is_open = [t for t in self._house.client.tasks() if t["status"] != "completed"]
        for _ in range(AT_ONCE - len(is_open)):
            self.begin()


def _drawn(watch: Watch, chance: random.Random) -> Process | None:
    """A process of the kind that is drawn; of another one that is there if it does not come."""
    wanted = chance.choices(list(KINDS), list(KINDS.values()))[0]
    deadline = time.monotonic() + LIE_IN_WAIT_S
    while True:
        found: defaultdict[Kind, list[Process]] = defaultdict(list)
        for process in watch.look():
            found[kind(process)].append(process)
        if wanted in found:
            return chance.choice(found[wanted])
        if time.monotonic() > deadline:
            there = [name for name in KINDS if name in found and name != "monitor"]
            return chance.choice(found[chance.choice(there)]) if there else None
        time.sleep(0.002)


def _shape(task: dict[str, Any]) -> dict[str, Any]:
    """What must be the same with and without kills; run results carry times and are left out."""
    kept = {k: v for k, v in task["artifacts"].items() if k != "review_report"}
    return {"trees": task["trees"], "tree": task["tree"], "artifacts": kept}


CASES = [pytest.param(60, 60, id="sample"), pytest.param(500, 500, id="all")]


@pytest.mark.parametrize("kills,seed", CASES)
def test_kills_change_nothing_and_leave_nothing(house: House, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    watch, tasks = Watch(house), Tasks(house)
    persons = _persons(house)
    wanted = _shape(watch.completed(tasks.begin()))
    tasks.keep_up()
    killed: Counter[Kind] = Counter()
    begun = time.monotonic()
    while killed.total() < kills:
        time.sleep(chance.uniform(0, 0.5))  # the random moment is the point of the test
        victim = _drawn(watch, chance)
        if victim is None or not kill(victim):
            continue
        name = kind(victim)
        killed[name] += 1
        passed = time.monotonic() - begun
        print(f"{passed:7.1f} s  kill {killed.total()} of seed {seed}: {name}", flush=True)
        if name == "monitor":
            house.interlock("up")
        watch.settle(all_events=name in ("server", "monitor"))
        tasks.keep_up()
    print(f"{dict(killed)}; longest until whole: {watch.longest_s:.1f} s")
    for task_id in tasks.all:
        task = watch.completed(task_id)
        assert _shape(task) == wanted
        assert house.git("rev-list", "--count", f"HEAD..{task['branch']}") == "1"
    _leaks_nothing(watch, tasks)
    assert '"ok": true' in house.interlock("audit", "verify", "--json").stdout
    assert _persons(house) == persons
    house.interlock("down")
    assert watch.nothing_left() == []
    house.interlock("up")
    assert leftover_files(house.state) == []


def _leaks_nothing(watch: Watch, tasks: Tasks) -> None:
    """What is open after one task is not more after the next."""
    seen = []
    for _ in range(2):
        watch.completed(tasks.begin())
        watch.settle(all_events=True)
        seen.append(watch.quiet())
    for name, before in seen[0].items():
        assert grown(before, seen[1][name]) == [], name


def _persons(house: House) -> tuple[str, ...]:
    """What of the repository is the person's: nothing of it ever changes."""
    house.git("fsck", "--strict")
    refs = house.git("for-each-ref")
    return (
        house.git("status", "--porcelain", "--ignored"),
        "\n".join(ref for ref in refs.splitlines() if "refs/heads/interlock/" not in ref),
        house.git("rev-parse", "HEAD"),
        house.git("stash", "list"),
        "\n".join(sorted(p.name for p in (house.repository / ".git").iterdir())),
    )
