"""Users for sandboxes: numbers from a range that nobody else on the machine uses."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from interlock.errors import UnavailableError, UsageError

__all__ = ["UidRange", "end", "in_use"]

_LOCKS = Path("/run/interlock/uids")
_END_S = 10.0


class UidRange:
    """One uid for each sandbox: leased ones are locked against other servers by a lock file each.

    Uids are given in turn, so that a fresh sandbox does not get the uid of the last one.

    Args:
        first: first uid of the range.
        last: last one, included.
        locks: directory of the lock files.
    """

    def __init__(self, first: int = 64100, last: int = 64899, locks: Path = _LOCKS) -> None:
        if not 0 < first <= last:
            raise UsageError(f"{first} to {last} is no range of uids", code="IL-CNF-002")
        self._range = range(first, last + 1)
        self._locks = locks
        self._leased: dict[int, int] = {}
        self._next = 0
        self._guard = threading.Lock()

    def lease(self) -> int | None:
        """A uid that no process has, until ``release``; None if the caller is not root.

        Raises:
            UnavailableError: all are in use (IL-CNF-005).
        """
        if os.getuid() != 0:
            return None
        with self._guard:
            self._locks.mkdir(parents=True, exist_ok=True)
            busy = in_use(dead=True)
            for _ in self._range:
                uid = self._range[self._next]
                self._next = (self._next + 1) % len(self._range)
                if uid not in self._leased and uid not in busy and self._lock(uid):
                    return uid
        raise UnavailableError(
            f"all uids from {self._range[0]} to {self._range[-1]} are in use",
            code="IL-CNF-005",
            remedy="end a session, or give the server a wider range of uids",
        )

    def release(self, uid: int | None) -> None:
        """Give a uid back. None, which an ordinary user leases, is accepted."""
        if uid is None:
            return
        with self._guard:
            descriptor = self._leased.pop(uid, None)
        if descriptor is None:
            raise UsageError(f"uid {uid} is not leased", code="IL-CNF-002")
        os.close(descriptor)

    def sweep(self) -> None:
        """End what runs as a uid that was leased once and that no server holds any more.

        A server and the launchers of its sandboxes may have been killed together: below ``full``
        nothing else ends what they had started.
        """
        with self._guard:
            for uid in in_use(dead=False).keys() & set(self._range):
                if (
                    uid not in self._leased
                    and (self._locks / str(uid)).exists()
                    and self._lock(uid)
                ):
                    end(uid)
                    os.close(self._leased.pop(uid))

    def _lock(self, uid: int) -> bool:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._locks / str(uid), flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._leased[uid] = descriptor
        return True


def in_use(*, dead: bool) -> dict[int, list[int]]:
    """Real uids of all processes of this machine (as far as /proc shows them), with their pids.

    Args:
        dead: count also what only waits to be reaped by somebody: it can do nothing any more, but
            is still one of its user's processes when the kernel compares with a limit.
    """
    found: dict[int, list[int]] = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with suppress(FileNotFoundError, ProcessLookupError):
            status = Path("/proc", entry, "status").read_bytes()
            state = status.partition(b"\nState:\t")[2][:1]
            uid = int(status.partition(b"\nUid:\t")[2].split(None, 1)[0])
            if dead or state not in b"ZX":
                found.setdefault(uid, []).append(int(entry))
    return found


def end(uid: int) -> None:
    """Kill all processes of a uid and wait until they are gone.

    Raises:
        UnavailableError: they do not end (IL-CNF-005).
    """
    deadline = time.monotonic() + _END_S
    while pids := in_use(dead=False).get(uid):
        if time.monotonic() > deadline:
            raise UnavailableError(f"processes of uid {uid} do not end", code="IL-CNF-005")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
