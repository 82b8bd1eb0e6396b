"""What lost its parent somewhere below the monitor becomes the monitor's, and is ended.

A supervisor that is killed leaves launchers, which then end what is in them; a server leaves a
git; a launcher that is killed leaves what ran in its sandbox. The first two get a moment to end in
order, whatever comes out of a sandbox gets none. Nothing is started again before all of it is
gone, so that no process ever meets what its predecessor had begun.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Collection
from contextlib import suppress

from interlock.supervisor.toolhost.processes import (
    Process,
    adopt_orphans,
    end_with_parent,
    send,
    snapshot,
)

__all__ = ["Orphans", "dies_with_us"]

_IS_LINUX = sys.platform == "linux"
_LAUNCHER = b"/launcher/run.py\0"
_GRACE_S = 5.0
# What the kernel does not let go of must not keep the house down for ever.
_GIVEN_UP_S = 20.0


class Orphans:
    """From its making on this process is the parent of every orphan below it (Linux only)."""

    def __init__(self) -> None:
        self._since: dict[tuple[int, int], float] = {}
        if _IS_LINUX:
            adopt_orphans()

    def tend(self, now: float, own: Collection[int]) -> bool:
        """Take away the dead and kill who had its time; whether somebody is still to be waited for.

        Args:
            now: monotonic seconds.
            own: children that are not orphans.
        """
        if not _IS_LINUX:
            return False
        living = [process for process in self._adopted(own) if not _is_buried(process)]
        since = {_key(process): self._since.get(_key(process), now) for process in living}
        self._since = since
        send((p for p in living if now - since[_key(p)] >= _patience(p)), signal.SIGKILL)
        return any(now - first < _GIVEN_UP_S for first in since.values())

    def _adopted(self, own: Collection[int]) -> list[Process]:
        us = os.getpid()
        return [p for p in snapshot().values() if p.parent == us and p.pid not in own]


def dies_with_us() -> None:
    """For a child between fork and exec: it is told to end (SIGTERM) when its parent is gone."""
    if _IS_LINUX:
        end_with_parent(signal.SIGTERM)


def _key(process: Process) -> tuple[int, int]:
    return process.pid, process.started


def _is_buried(process: Process) -> bool:
    if process.state not in "ZX":
        return False
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return True


def _patience(process: Process) -> float:
    """Seconds for helpers of our own and for launchers; none for what was in a sandbox."""
    try:
        with open(f"/proc/{process.pid}/cmdline", "rb") as file:
            is_launcher = _LAUNCHER in file.read()
        # Server and supervisor live in our session, and so do their helpers.
        is_helper = os.getsid(process.pid) == os.getsid(0)
    except (FileNotFoundError, ProcessLookupError):
        return _GRACE_S
    return _GRACE_S if is_launcher or is_helper else 0.0
