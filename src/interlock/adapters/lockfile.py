"""One process at a time: an advisory lock on a file that holds nothing but the owner's process id.

The lock is never taken on the data itself: closing any descriptor of a file drops all of a
process's POSIX locks on it, those of a database library included.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from interlock.errors import ConflictError

__all__ = ["LockFile", "waiting_lock"]


class LockFile:
    """Held from construction to ``release``, or to the end of the process.

    Args:
        path: the lock's own file; it is created and stays.
        code: error code for the refusal.
        what: what is being locked, for the message.

    Raises:
        ConflictError: another holder is alive; ``context["pid"]`` names it if it is known.
    """

    def __init__(self, path: Path, *, code: str, what: str) -> None:
        # Not inherited over exec: a child must not keep a dead server's lock.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise ConflictError(
                f"{what} is in use by process {pid or 'unknown'}",
                code=code,
                remedy=f"stop it first: kill {pid}" if pid else "stop the running server first",
                context={"pid": int(pid) if pid.isdecimal() else None},
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in; the file stays, because removing it would let two in at once."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1


@contextlib.contextmanager
def waiting_lock(path: Path) -> Iterator[None]:
    """Hold a lock that others, in this process or another, wait for; the file stays."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
