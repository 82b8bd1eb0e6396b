"""The directory that a runner writes its trees to where its sandbox has none of its own: in memory
if it fits and nobody else gets at it, gone after use.

What a supervisor that died left is removed by the next one.
"""

from __future__ import annotations

import os
from pathlib import Path

from interlock.adapters.held import HeldDirectory, remove_abandoned
from interlock.adapters.occupied import occupied

__all__ = ["WorkDirectory"]

_PREFIX = "interlock-judge-"
_SMALL = 50 << 20
# So much has to go before the directory is measured again.
_STEP = 64 << 20
_MEMORY = Path("/dev/shm")  # noqa: S108 — a directory of our own is made in it


class WorkDirectory:
    """An empty directory, until ``close``.

    Args:
        scratch: where it is made if the tree is too big for memory.
        needed: bytes of the tree, about.
        uid: its owner; ``None`` for the caller.
    """

    def __init__(self, scratch: Path, needed: int, uid: int | None) -> None:
        self._held = HeldDirectory(_PREFIX, _parent(scratch, needed, in_memory=uid is not None))
        self.path = self._held.path
        if uid is not None:
            os.fchown(self._held.descriptor, uid, uid)
        self._free_before = self._free()

    @staticmethod
    def sweep(scratch: Path) -> None:
        """Remove what dead supervisors left; for who starts, and may need none for long."""
        for parent in (scratch, _MEMORY):
            remove_abandoned(_PREFIX, parent)

    def holds_more_than(self, limit: int) -> bool:
        """Whether more than ``limit`` bytes lie in it; cheap while little of the disk is taken."""
        free = self._free()
        if self._free_before - free < min(limit, _STEP):
            # What others give back must not hide what is taken afterwards.
            self._free_before = max(self._free_before, free)
            return False
        self._free_before = free
        return self.size() > limit

    def size(self) -> int:
        """Bytes that lie in it."""
        return occupied(self.path)

    def _free(self) -> int:
        status = os.fstatvfs(self._held.descriptor)
        return status.f_bavail * status.f_frsize

    def close(self) -> None:
        """Remove it with everything in it; nobody may use it any more."""
        self._held.close()


def _parent(scratch: Path, needed: int, *, in_memory: bool) -> Path:
    """That memory is everybody's of a user: only one of its own keeps sessions out."""
    if in_memory and needed < _SMALL and _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK):
        space = os.statvfs(_MEMORY)
        if space.f_bavail * space.f_frsize > 8 * _SMALL:
            return _MEMORY
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    return scratch
