"""The monitor: what dies is started again at once, what says that it cannot run is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from interlock.adapters.lockfile import LockFile
from interlock.supervisor.monitor import Child

PATIENCE_S = 20.0
PROGRAM = """\
import sys
from pathlib import Path
from interlock.supervisor import orphans
from interlock.supervisor.monitor import Child, _tend
orphans._GRACE_S = 2.0
place = Path(sys.argv[1])
children = [
    Child(str(n), [sys.executable, "-I", "-S", "-c", code], place / "log")
    for n, code in enumerate(sys.argv[2:])
]
sys.exit(_tend(children, place / "up.json"))
"""
SLEEPS = "import time; time.sleep(600)"


@contextmanager
def monitor(place: Path, *programs: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(place), *programs])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def told(place: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((place / "up.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def until(holds: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


def is_over(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] == "Z"
    except OSError:
        return True


def restarted(place: Path, old: int) -> bool:
    return told(place).get("1") not in (None, old)


def test_what_was_killed_is_started_again_and_the_other_lives_on(tmp_path: Path) -> None:
    with monitor(tmp_path, SLEEPS, SLEEPS):
        before = until(lambda: told(tmp_path))
        for _ in range(3):
            old = told(tmp_path)["1"]
            os.kill(old, signal.SIGKILL)
            until(partial(restarted, tmp_path, old))
        after = told(tmp_path)
        assert after["0"] == before["0"]
        assert after["pid"] == before["pid"]
        assert not is_over(after["1"])


# Leaves a program behind when it is killed: in a session of its own, or as a helper of the house.
LEAVES = """\
import os, subprocess, sys, time
from pathlib import Path
place = Path({place!r})
begun = place / "begun"
if begun.exists():
    (place / "met").write_text(str([p.name for p in place.glob("late")]))
else:
    begun.touch()
    program = "import time, pathlib; {program}"
    left = subprocess.Popen([sys.executable, "-c", program], start_new_session={apart})
    (place / "left.tmp").write_text(str(left.pid))
    (place / "left.tmp").rename(place / "left")
time.sleep(600)
"""


def _leaving(place: Path, program: str, *, apart: bool) -> str:
    return LEAVES.format(place=str(place), program=program, apart=apart)


def test_nothing_is_started_again_before_what_it_left_is_ended(tmp_path: Path) -> None:
    left = _leaving(tmp_path, "time.sleep(600)", apart=True)
    with monitor(tmp_path, SLEEPS, left):
        until((tmp_path / "left").exists)
        orphan, old = int((tmp_path / "left").read_text()), told(tmp_path)["1"]
        os.kill(old, signal.SIGKILL)
        until((tmp_path / "met").exists)
        assert not Path(f"/proc/{orphan}").exists()


def test_a_helper_that_was_left_may_end_its_work_first(tmp_path: Path) -> None:
    late = f"time.sleep(0.5); pathlib.Path({str(tmp_path / 'late')!r}).touch()"
    with monitor(tmp_path, SLEEPS, _leaving(tmp_path, late, apart=False)):
        until((tmp_path / "left").exists)
        os.kill(told(tmp_path)["1"], signal.SIGKILL)
        until((tmp_path / "met").exists)
        assert (tmp_path / "met").read_text() == "['late']"


def test_a_helper_that_does_not_end_in_time_is_killed(tmp_path: Path) -> None:
    with monitor(tmp_path, SLEEPS, _leaving(tmp_path, "time.sleep(600)", apart=False)):
        until((tmp_path / "left").exists)
        orphan = int((tmp_path / "left").read_text())
        os.kill(told(tmp_path)["1"], signal.SIGKILL)
        until((tmp_path / "met").exists)
        assert not Path(f"/proc/{orphan}").exists()


def test_a_killed_monitor_tells_its_children_to_end(tmp_path: Path) -> None:
    with monitor(tmp_path, SLEEPS, SLEEPS) as process:
        pids = until(lambda: told(tmp_path))
        process.kill()
        until(lambda: is_over(pids["0"]) and is_over(pids["1"]))


@pytest.mark.parametrize("code", [2, 3, 5, 6, 7])
def test_what_cannot_run_ends_everything_with_its_code(tmp_path: Path, code: int) -> None:
    with monitor(tmp_path, SLEEPS, f"raise SystemExit({code})") as process:
        assert process.wait(PATIENCE_S) == code
        assert not (tmp_path / "up.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_stops_its_children(tmp_path: Path, number: signal.Signals) -> None:
    with monitor(tmp_path, SLEEPS, SLEEPS) as process:
        pids = until(lambda: told(tmp_path))
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0
        assert is_over(pids["0"])
        assert is_over(pids["1"])


def test_what_dies_at_once_is_started_more_and_more_slowly(tmp_path: Path) -> None:
    child = Child("x", [sys.executable, "-I", "-S", "-c", "raise SystemExit(1)"], tmp_path / "log")
    now, pauses = 0.0, []
    for _ in range(8):
        child.start(now)
        pid = child.pid
        assert pid is not None
        until(partial(is_over, pid))
        child.look(now)
        pauses.append(round(child.next_start - now, 3))
        now = child.next_start
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_what_lived_for_a_while_is_started_again_at_once(tmp_path: Path) -> None:
    child = Child("x", [sys.executable, "-I", "-S", "-c", SLEEPS], tmp_path / "log")
    child.start(0.0)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(partial(is_over, first))
    child.look(60.0)
    child.start(60.0)
    assert child.pid not in (None, first)
    child.stop()


def test_a_second_monitor_is_told_who_runs(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    lock = LockFile(tmp_path / "run" / "up.lock", code="IL-TST-001", what="it")
    command = [sys.executable, "-m", "interlock.supervisor.monitor", "--state", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lock.release()
    assert done.returncode == 6
    assert f"process {os.getpid()}" in done.stderr
