"""The server killed with -9 again and again under running tasks: the same end, nothing twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from typing import Any

import pytest
from tests.e2e.conftest import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = 20


def _kill_server(house: House, previous: int | None) -> int:
    """Kill the running server, once the one after ``previous`` is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        pid = house.pid("server")
        if pid is not None and pid != previous:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            return pid
        time.sleep(0.02)
    raise AssertionError(house.logs())


def _shape(task: dict[str, Any]) -> dict[str, Any]:
    """What must be the same with and without crashes; run results carry times and are left out."""
    kept = {k: v for k, v in task["artifacts"].items() if k not in {"review_report"}}
    return {"trees": task["trees"], "tree": task["tree"], "artifacts": kept}


def test_twenty_kills_change_nothing_and_double_nothing(house: House) -> None:
    undisturbed = house.completed(house.start_task())
    chance = random.Random(20)
    killed, pid, tasks = 0, None, []
    while killed < KILLS:
        task_id = house.start_task()
        tasks.append(task_id)
        while killed < KILLS:
            time.sleep(chance.uniform(0.05, 1.5))  # the random moment is the point of the test
            pid = _kill_server(house, pid)
            killed += 1
            if house.client.task(task_id)["status"] == "completed":
                break
    for task_id in tasks:
        task = house.completed(task_id)
        assert _shape(task) == _shape(undisturbed)
        events = house.events(task_id)
        versions = [event["task_version"] for event in events]
        assert versions == list(range(1, len(events) + 1))
        counts = Counter(event["event_type"] for event in events)
        assert counts["phase_changed"] == 4
        assert counts["task_completed"] == 1
        assert counts["attempt_started"] == 5 + counts["attempt_ended"]
        commits = house.git("rev-list", "--count", f"HEAD..{task['branch']}")
        assert commits == "1"
    assert '"ok": true' in house.interlock("audit", "verify", "--json").stdout
