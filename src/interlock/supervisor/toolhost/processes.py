"""What the kernel says about processes, and what it is told about ours.

Everything is read from ``/proc``; a process is named by pid *and* start time, so that a number
which was given to somebody else meanwhile is never signalled.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterable
from typing import NamedTuple

__all__ = [
    "Process",
    "active_states",
    "adopt_orphans",
    "children",
    "descendants",
    "end_with_parent",
    "forbid_inspection",
    "send",
    "snapshot",
]

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36
_libc = ctypes.CDLL(None, use_errno=True)


class Process(NamedTuple):
    """One line of ``/proc/PID/stat``; ``started`` in clock ticks since boot."""

    pid: int
    parent: int
    state: str
    started: int


def forbid_inspection() -> None:
    """Nobody of the same uid may trace us, read our memory or open our descriptors."""
    _prctl(_PR_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Whatever loses its parent below us becomes our child: nothing leaves the tree unseen."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(number: signal.Signals) -> None:
    """Be sent a signal when the thread that started us ends."""
    _prctl(_PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    if _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _bytes(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def snapshot() -> dict[int, Process]:
    """Every process in sight, by pid."""
    found = (_read(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return {process.pid: process for process in found if process}


def _read(pid: int, task: str = "") -> Process | None:
    try:
        # The name in parentheses may itself hold parentheses and spaces.
        fields = _bytes(f"/proc/{pid}/{task}stat").rpartition(b") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Process(pid, int(fields[1]), fields[0].decode("ascii"), int(fields[19]))


def children(parent: int) -> list[Process]:
    """Children of a process; cheap, but one that dies meanwhile may hide a sibling."""
    try:
        pids = [
            int(pid)
            for task in os.listdir(f"/proc/{parent}/task")
            for pid in _bytes(f"/proc/{parent}/task/{task}/children").split()
        ]
    except FileNotFoundError:  # a kernel that does not keep this list
        return [process for process in snapshot().values() if process.parent == parent]
    return [process for process in map(_read, pids) if process]


def descendants(processes: dict[int, Process], root: int) -> list[Process]:
    """Everything below ``root`` in a snapshot, parents before children."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    found = list(children.get(root, ()))
    for process in found:  # grows while it is walked
        found.extend(children.get(process.pid, ()))
    return found


def active_states(process: Process) -> set[str]:
    """States of its threads that are neither stopped, nor traced to a stop, nor dead."""
    try:
        tasks = os.listdir(f"/proc/{process.pid}/task")
    except (FileNotFoundError, ProcessLookupError):
        return set()
    threads = (_read(process.pid, f"task/{task}/") for task in tasks)
    return {thread.state for thread in threads if thread} - set("TtZX")


def send(processes: Iterable[Process], number: signal.Signals) -> None:
    """Signal these processes, but none that only inherited a pid.

    Who is gone or out of reach is passed over: the caller looks again at what is left.
    """
    for process in processes:
        try:
            handle = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        try:
            now = _read(process.pid)
            if now and now.started == process.started:
                signal.pidfd_send_signal(handle, number)
        except (ProcessLookupError, PermissionError):
            pass
        finally:
            os.close(handle)
