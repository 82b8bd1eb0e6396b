"""Nothing outlives a run: processes, temporary files, shared memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time

from .wire import clear

__all__ = ["become_reaper", "end_processes", "set_dumpable", "wipe"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36
_IPC_RMID = 0
_PATIENCE_S = 10.0


def set_dumpable(value: bool) -> None:
    """Whether processes of the same user may trace this one and open what it has open."""
    _LIBC.prctl(_PR_SET_DUMPABLE, int(value), 0, 0, 0)


def become_reaper() -> None:
    """Orphans of this process's descendants become its children, not those of process 1."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_processes(*, exclusive: bool) -> None:
    """Kill every process that a run started, and wait until none is left.

    Args:
        exclusive: all that this process may signal belongs to the judge (a process namespace, or a
            user of its own), so that one call reaches them all.

    Raises:
        TimeoutError: new ones keep coming.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        if exclusive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(-1, signal.SIGKILL)
        else:
            for child in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
        if not _reap():
            return
        if time.monotonic() > deadline:
            raise TimeoutError("processes of the run cannot be ended")


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(pid) for pid in file.read().split()]


def _reap() -> bool:
    """Take in what has ended; whether there are children left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    # What was just killed needs a moment.
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    return True


def wipe(*, private: bool) -> None:
    """Empty the places that a run may write to.

    Args:
        private: this process has mounts and System V objects of its own.

    Raises:
        OSError: something cannot be removed.
    """
    places = [os.environ["TMPDIR"], os.environ["HOME"]]
    if private:
        places.append("/dev/shm")  # noqa: S108 — the sandbox's own, and to be emptied
    for place in places:
        if os.path.isdir(place):
            clear(place)
    if private:
        _remove_shared_memory()


def _remove_shared_memory() -> None:
    for kind, control in (
        ("shm", _LIBC.shmctl),
        ("msg", _LIBC.msgctl),
        ("sem", _LIBC.semctl),
    ):
        try:
            with open(f"/proc/sysvipc/{kind}") as file:
                rows = file.read().splitlines()[1:]
        except FileNotFoundError:
            continue
        for row in rows:
            number = int(row.split()[1])
            if kind == "sem":
                control(number, 0, _IPC_RMID)
            else:
                control(number, _IPC_RMID, None)
