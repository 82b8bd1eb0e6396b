"""``interlock up``: keeps one supervisor and one server of a state running until it is told to
stop.

A server that dies is started again and takes over the sessions; a supervisor that dies takes its
sessions with it, and their phases start again. What a dead one left running is ended first. A
process that says it cannot run (its exit code) is not started again. If the monitor itself is
killed, both are told to end: nothing of a house runs that nobody watches.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from interlock.adapters.lockfile import LockFile
from interlock.errors import ConflictError
from interlock.supervisor.orphans import Orphans, dies_with_us

__all__ = ["Child", "main"]

_FATAL = frozenset({0, 2, 3, 4, 5, 6, 7})
"""Exit codes after which starting again changes nothing."""

_SETTLED_S = 3.0
"""A process that lived longer was up, and is started again at once."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_LOOK_S = 0.05
_LAST_LOOK_S = 10.0


class Child:
    """One process that is kept running."""

    def __init__(self, name: str, argv: list[str], log: Path) -> None:
        self.name = name
        self._argv = argv
        self._log = log
        self._pause = 0.0
        self._started = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self.next_start = 0.0
        self.ended: int | None = None

    def look(self, now: float) -> None:
        """See whether it still runs, and when it may be started again if not."""
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            if code in _FATAL:
                self.ended = code
                return
            settled = now - self._started > _SETTLED_S
            longer = min(max(self._pause * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            self._pause = 0.0 if settled else longer
            self.next_start = now + self._pause

    def start(self, now: float) -> None:
        """Start it if it does not run and may."""
        if self._process is None and self.ended is None and now >= self.next_start:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=dies_with_us,  # noqa: PLW1509 - this process has one thread
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
        self._process = None


class _Signals:
    """Sleep that a signal ends: a child that died, or an order to stop."""

    def __init__(self) -> None:
        self.stopping = False
        self._wake, written = socket.socketpair()
        for end in (self._wake, written):
            end.setblocking(False)
        self._written = written
        signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        # Without a handler of its own the signal would not wake anybody.
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def sleep(self, timeout_s: float | None) -> None:
        """Until a signal, or for so many seconds."""
        if select.select([self._wake], [], [], timeout_s)[0]:
            self._wake.recv(4096)


def main() -> int:
    """Run until SIGTERM or SIGINT, or until one of the two cannot run."""
    parser = argparse.ArgumentParser(prog="interlock.supervisor.monitor")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--level", default="full")
    options = parser.parse_args()
    state: Path = options.state
    logs = state / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    try:
        lock = LockFile(state / "run" / "up.lock", code="IL-MON-001", what=f"the state in {state}")
    except ConflictError as error:
        print(f"{error.code}: {error.message}\n  → {error.remedy}", file=sys.stderr)
        return error.exit_code
    start = [sys.executable, "-m"]
    supervisor = Child(
        "supervisor",
        [*start, "interlock.supervisor", "--state", str(state), "--level", options.level],
        logs / "supervisor.log",
    )
    server = Child(
        "server", [*start, "interlock.server", "--state", str(state)], logs / "server.log"
    )
    try:
        return _tend([supervisor, server], state / "run" / "up.json")
    finally:
        lock.release()


def _tend(children: list[Child], about: Path) -> int:
    signals, orphans = _Signals(), Orphans()
    said: dict[str, int | None] = {}
    try:
        while not signals.stopping:
            now = time.monotonic()
            for child in children:
                child.look(now)
            if any(child.ended is not None for child in children):
                break
            is_haunted = orphans.tend(now, _own(children))
            for child in children if not is_haunted else ():
                child.start(now)
            pids: dict[str, int | None] = {child.name: child.pid for child in children}
            if pids != said:
                _say(about, pids)
                said = pids
            waits = [child.next_start - now for child in children if child.pid is None]
            # While somebody is waited for nothing is due.
            patience = _LOOK_S if is_haunted else max(min(waits), 0.0) if waits else None
            signals.sleep(patience)
    finally:
        for child in reversed(children):
            child.stop()
        _outlive(orphans, children)
        about.unlink(missing_ok=True)
    return next((child.ended for child in children if child.ended), 0)


def _own(children: list[Child]) -> set[int]:
    return {child.pid for child in children if child.pid is not None}


def _outlive(orphans: Orphans, children: list[Child]) -> None:
    """Leave nothing behind: who waits for us to end may rely on it."""
    deadline = time.monotonic() + _LAST_LOOK_S
    while orphans.tend(time.monotonic(), _own(children)) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)


def _say(about: Path, pids: dict[str, int | None]) -> None:
    temporary = about.with_suffix(".tmp")
    temporary.write_text(json.dumps({"pid": os.getpid(), **pids}))
    temporary.replace(about)


if __name__ == "__main__":
    sys.exit(main())
