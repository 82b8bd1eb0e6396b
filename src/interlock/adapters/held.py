"""Temporary directories that say whether somebody still uses them.

Who makes one holds a lock on it for as long as it lives. One that nobody holds was left by a
process that was killed, and is removed by the next that makes a directory of the same kind there.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from interlock.adapters.removal import remove_tree

__all__ = ["HeldDirectory", "remove_abandoned"]


class HeldDirectory:
    """A fresh, empty directory of mode 0700, until ``close`` or the end of the process.

    Args:
        prefix: of its name; what was abandoned under it is removed first.
        parent: where it is made; the directory for temporary files if not given.

    Attributes:
        path: of the directory, without links.
        descriptor: open on it.
    """

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        remove_abandoned(prefix, parent)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).resolve()
            if (descriptor := _lock(self.path, wait=True)) is not None:
                self.descriptor = descriptor
                return

    def close(self) -> None:
        """Remove it with everything in it."""
        remove_tree(self.path)
        os.close(self.descriptor)


def remove_abandoned(
    prefix: str, parent: Path, before: Callable[[Path], None] = lambda _: None
) -> None:
    """Remove directories that were made with this prefix and are held by nobody.

    Args:
        before: called with each of them first.
    """
    for path in parent.glob(f"{prefix}*"):
        if (descriptor := _lock(path, wait=False)) is not None:
            before(path)
            remove_tree(path)
            os.close(descriptor)


def _lock(path: Path, *, wait: bool) -> int | None:
    """A descriptor that holds the directory; ``None`` if it is another's, or gone by then."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        return None
    # Between its making and its lock somebody may have taken it for an abandoned one.
    if os.fstat(descriptor).st_nlink == 0 or not path.exists():
        os.close(descriptor)
        return None
    return descriptor
