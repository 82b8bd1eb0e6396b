"""``interlock up``: keeps one supervisor and one server of a state running until it is told to
stop.

A server that dies is started again and takes over the sessions; a supervisor that dies takes its
sessions with it,
and their phases start again. A process that says it cannot run (its exit code) is not started
again.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

__all__ = ["main"]

_FATAL = frozenset({0, 2, 4, 5, 6, 7})
"""Exit codes after which starting again changes nothing."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _STEADY_S = 0.1, 5.0, 10.0


class Child:
    """One process that is kept running."""

    def __init__(self, name: str, argv: list[str], log: Path) -> None:
        self.name = name
        self._argv = argv
        self._log = log
        self._pause = _FIRST_PAUSE_S
        self._next_start = 0.0
        self._started = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self.ended: int | None = None

    def tend(self, now: float) -> None:
        """Start it if it does not run and may."""
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            if code in _FATAL:
                self.ended = code
                return
            steady = now - self._started > _STEADY_S
            self._pause = _FIRST_PAUSE_S if steady else min(self._pause * 2, _LONGEST_PAUSE_S)
            self._next_start = now + self._pause
        if self._process is None and self.ended is None and now >= self._next_start:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            self._started = now

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None else None

    def stop(self) -> None:
        """End it in order, by force after ten seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> int:
    """Run until SIGTERM or SIGINT, or until one of the two cannot run."""
    parser = argparse.ArgumentParser(prog="interlock.supervisor.monitor")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--level", default="full")
    options = parser.parse_args()
    state: Path = options.state
    logs = state / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    start = [sys.executable, "-m"]
    supervisor = Child(
        "supervisor",
        [*start, "interlock.supervisor", "--state", str(state), "--level", options.level],
        logs / "supervisor.log",
    )
    server = Child(
        "server", [*start, "interlock.server", "--state", str(state)], logs / "server.log"
    )
    return _tend([supervisor, server], state / "run" / "up.json")


def _tend(children: list[Child], about: Path) -> int:
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    said: dict[str, int | None] = {}
    try:
        while not stopping and all(child.ended is None for child in children):
            for child in children:
                child.tend(time.monotonic())
            pids: dict[str, int | None] = {child.name: child.pid for child in children}
            if pids != said:
                _say(about, pids)
                said = pids
            # Children that die wake us by SIGCHLD only on some systems; a poll is good enough.
            time.sleep(0.1)
    finally:
        for child in reversed(children):
            child.stop()
        about.unlink(missing_ok=True)
    return next((child.ended for child in children if child.ended), 0)


def _say(about: Path, pids: dict[str, int | None]) -> None:
    temporary = about.with_suffix(".tmp")
    temporary.write_text(json.dumps({"pid": os.getpid(), **pids}))
    temporary.replace(about)


if __name__ == "__main__":
    sys.exit(main())
