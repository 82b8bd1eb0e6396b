"""Coming up and going down: said once, in order, and without losing anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.conftest import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def until(holds: Callable[[], object], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(pid: int | None) -> bool:
    """Whether it runs; one that nobody has asked about its end yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_up_where_it_is_up_says_so_and_starts_nothing(house: House) -> None:
    before = house.pid("server"), house.pid("supervisor"), house.pid("pid")
    said = house.interlock("up")
    assert said.stdout.startswith("Already up")
    assert json.loads(house.interlock("up", "--json").stdout)["already_up"] is True
    assert (house.pid("server"), house.pid("supervisor"), house.pid("pid")) == before


def test_a_second_server_and_monitor_are_told_who_has_the_state(house: House) -> None:
    for module, name in (("interlock.server", "server"), ("interlock.supervisor.monitor", "pid")):
        done = subprocess.run(
            [sys.executable, "-m", module, "--state", str(house.state)],
            env=house.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 6, done.stderr
        assert f"process {house.pid(name)}" in done.stderr
    assert house.client.tasks() == []


def test_a_killed_server_is_back_by_itself(house: House) -> None:
    before = house.pid("server")
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: house.pid("server") not in (None, before))
    assert house.client.tasks() == []


def test_down_stops_everything_and_up_finds_everything(house: House) -> None:
    task_id = house.client.create_task("Later", agent={})["task_id"]
    pids = [house.pid(name) for name in ("server", "supervisor", "pid")]
    assert house.interlock("down").stdout == "Stopped.\n"
    assert not any(is_alive(pid) for pid in pids)
    assert house.interlock("down").stdout == "Nothing ran.\n"
    for left in ("up.json", "people.json"):
        assert not (house.state / "run" / left).exists()
    assert house.interlock("up").stdout.startswith("Up: ")
    assert [task["task_id"] for task in house.client.tasks()] == [task_id]


def test_a_killed_monitor_takes_all_with_it_and_up_brings_all_back(house: House) -> None:
    server, supervisor, monitor = (house.pid(name) for name in ("server", "supervisor", "pid"))
    assert monitor is not None
    os.kill(monitor, signal.SIGKILL)
    assert house.interlock("up").stdout.startswith("Up: ")
    assert not is_alive(server)
    assert not is_alive(supervisor)
    assert None not in {house.pid(name) for name in ("server", "supervisor", "pid")}
    os.kill(house.pid("pid") or 0, signal.SIGKILL)
    until(lambda: not is_alive(house.pid("server")) and not is_alive(house.pid("supervisor")))
    assert house.interlock("down").stdout == "Nothing ran.\n"
    house.interlock("up")


def test_up_waits_for_a_server_that_is_just_started_again(house: House) -> None:
    monitor, server = house.pid("pid"), house.pid("server")
    os.kill(server or 0, signal.SIGKILL)
    assert house.interlock("up").stdout.startswith("Already up")
    assert house.pid("pid") == monitor
    assert house.pid("server") not in (None, server)


def test_a_log_that_was_cut_is_not_gone_on_with(house: House) -> None:
    task_id = house.start_task()
    house.completed(task_id)
    house.interlock("down")
    segment = house.state / "audit" / "000001.jsonl"
    whole = segment.read_bytes()
    segment.write_bytes(b"".join(whole.splitlines(True)[:3]))
    failed = house.interlock("up", code=3)
    assert "IL-AUD-" in failed.stderr
    assert "→" in failed.stderr
    segment.write_bytes(whole)
    house.interlock("up")
    assert house.client.task(task_id)["status"] == "completed"
