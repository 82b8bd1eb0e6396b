"""Stop, continue and end everything that was started in the session.

Mode ``namespace``: the toolhost has a pid namespace to itself. ``kill(-1)`` reaches all of it at
once (fork is refused while the signal is pending, so nothing slips through) and the kernel leaves
out pid 1 and the caller.

Mode ``tree``: no namespace, ``kill(-1)`` would hit the whole machine. The toolhost is a child
subreaper: what loses its parent below us stays below us. Descendants are found in ``/proc`` and
signalled until a pass finds nothing new. That does not reach what was never our descendant:
processes that a daemon outside started on request (cron, systemd-run, a container engine, a tmux
server that ran before), and processes of another uid. And whoever kills the toolhost itself is free
until the supervisor notices the closed socket.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from interlock.failpoints import reach
from interlock.supervisor.toolhost.processes import (
    Process,
    active_states,
    children,
    descendants,
    send,
    snapshot,
)
from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["MODES", "Control"]

MODES = ("namespace", "tree")
_PATIENCE_S = 5.0
_GONE = (ProcessLookupError, ChildProcessError)


class Control:
    """The one place that starts, stops and ends processes.

    Args:
        mode: ``namespace`` or ``tree``.

    Raises:
        Refusal: ``invalid`` when the mode is unknown, or is ``namespace`` and others are in sight.
    """

    def __init__(self, mode: str) -> None:
        if mode not in MODES:
            raise Refusal("invalid", f"mode is one of {', '.join(MODES)}")
        self.mode = mode
        self._own = os.getpid()
        if mode == "namespace":
            self._refuse_company()
        self._gate = threading.Condition()
        self._managed: dict[int, subprocess.Popen[bytes]] = {}
        self._frozen_at: float | None = None
        self._frozen_s = 0.0
        self._over = False

    @property
    def frozen(self) -> bool:
        """Whether everything is stopped."""
        return self._frozen_at is not None

    def clock(self) -> float:
        """Seconds of a monotonic clock that stands still while frozen."""
        at = self._frozen_at
        return (time.monotonic() if at is None else at) - self._frozen_s

    def start(self, argv: list[str], **how: Any) -> subprocess.Popen[bytes]:
        """Start a process, or wait for the thaw first: nothing begins to run behind a freeze."""
        with self._gate:
            while self.frozen or self._over:
                self._gate.wait()
            reach("toolhost.spawn")
            process = subprocess.Popen(argv, **how)
            self._managed[process.pid] = process
            reach("toolhost.spawned")
            return process

    def reap(self, process: subprocess.Popen[bytes]) -> int:
        """Take the exit status of a process that has ended."""
        code = process.wait()
        with self._gate:
            self._managed.pop(process.pid, None)
        return code

    def strays(self) -> set[int]:
        """Living orphans that were adopted: started by a command, outside its process group."""
        with self._gate:
            return {
                process.pid
                for process in self._bury(children(self._own))
                if process.pid not in self._managed
            }

    def freeze(self) -> dict[str, Any]:
        """Stop everything; when this returns nothing of the session runs.

        Raises:
            Refusal: ``unstable`` when something does not stop in time; what is stopped stays
                stopped.
        """
        reach("toolhost.freeze")
        with self._gate:
            if self._frozen_at is None:
                self._frozen_at = time.monotonic()
            for processes in self._passes("stop"):
                moving = [process for process in processes if not _still(process, processes)]
                if not moving:
                    return {"stopped": sum(process.state not in "ZX" for process in processes)}
                self._signal(moving, signal.SIGSTOP)
        raise AssertionError("passes end by raising")

    def thaw(self) -> dict[str, Any]:
        """Let everything continue."""
        with self._gate:
            if self._frozen_at is not None:
                self._frozen_s += time.monotonic() - self._frozen_at
                self._frozen_at = None
            self._signal(self._others(), signal.SIGCONT)
            self._gate.notify_all()
        return {}

    def quiesce(self) -> dict[str, Any]:
        """End everything, stopped or not. A freeze stays in force: nothing new begins.

        Raises:
            Refusal: ``unstable`` when something does not die in time.
        """
        killed: set[tuple[int, int]] = set()
        with self._gate:
            for processes in self._passes("end"):
                living = self._bury(processes)
                killed.update((process.pid, process.started) for process in living)
                if not living:
                    return {"killed": len(killed)}
                self._signal(living, signal.SIGKILL)
        raise AssertionError("passes end by raising")

    def end(self) -> None:
        """End everything, and let nothing begin any more: who still wants to start waits for ever.

        Raises:
            Refusal: ``unstable`` when something does not die in time.
        """
        with self._gate:
            self._over = True
        self.quiesce()

    def _passes(self, verb: str) -> Iterator[list[Process]]:
        """Look again and again, with growing pauses, until patience ends."""
        pause, deadline = 0.0002, time.monotonic() + _PATIENCE_S
        others = self._others()
        while time.monotonic() < deadline:
            yield others
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
            others = self._others()
        names = ", ".join(str(process.pid) for process in others[:10])
        raise Refusal("unstable", f"processes that do not {verb}: {names}")

    def _others(self) -> list[Process]:
        """Everything but us and what we live under."""
        processes = snapshot()
        if self.mode == "tree":
            return descendants(processes, self._own)
        return [process for process in processes.values() if process.pid not in (1, self._own)]

    def _signal(self, processes: list[Process], number: signal.Signals) -> None:
        if self.mode == "tree":
            send(processes, number)
        elif processes:
            with suppress(*_GONE):
                os.kill(-1, number)

    def _bury(self, processes: list[Process]) -> list[Process]:
        """The living; the status of dead orphans is taken (nobody else waits for them)."""
        living = []
        for process in processes:
            if process.state not in "ZX":
                living.append(process)
            elif process.parent == self._own and process.pid not in self._managed:
                with suppress(*_GONE):
                    os.waitpid(process.pid, os.WNOHANG)
        return living

    def _refuse_company(self) -> None:
        """``kill(-1)`` is only for a namespace in which nothing lives but us and our ancestors."""
        processes = snapshot()
        line = {self._own}
        at = processes.get(self._own)
        while at is not None and at.parent in processes:
            line.add(at.parent)
            at = processes[at.parent]
        if at is None or 1 not in line or processes.keys() - line:
            raise Refusal("invalid", "mode namespace, but other processes are in sight")


def _still(process: Process, processes: list[Process]) -> bool:
    """Whether none of its threads can run.

    A thread in vfork sleeps in the kernel (D) until its child, which is stopped, goes on.
    """
    active = active_states(process)
    return not active or (
        active == {"D"}
        and any(child.parent == process.pid and child.state in "Tt" for child in processes)
    )
