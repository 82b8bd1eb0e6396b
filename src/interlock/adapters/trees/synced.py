"""Names of what git has stored, made durable.

git syncs the contents of objects and refs (``core.fsync``) and leaves their names to the file
system's good will. An event that names a tree must not outlive the tree, so whoever stores
something for an event syncs the directories as well.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from interlock.adapters.durable import sync_directory

__all__ = ["SyncedNames"]

_TICK_NS: Final = 100_000_000
"""A directory that changed within this time may change again without looking newer."""


class SyncedNames:
    """The directories of one repository. Safe to use from several threads.

    The first call syncs all of them, because a process that was killed may have left names
    unsynced; later ones sync what changed since.

    Args:
        git_dir: the repository, the common one of several working trees.
    """

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}

    def objects(self) -> None:
        """Make the names of all objects durable."""
        place = self._git_dir / "objects"
        with self._lock:
            for entry in os.scandir(place):
                if entry.is_dir(follow_symlinks=False):
                    self._sync(entry.path)
            self._sync(str(place))

    def packs(self) -> None:
        """Make the names of packs durable, and no others."""
        with self._lock:
            self._sync(str(self._git_dir / "objects" / "pack"))

    def ref(self, name: str) -> None:
        """Make a ref's name durable."""
        path = self._git_dir / name
        above = [place for place in path.parents if place.is_relative_to(self._git_dir)]
        with self._lock:
            # A ref may be kept in another place than a file of its name.
            for place in (*above, self._git_dir / "reftable"):
                with suppress(FileNotFoundError):
                    self._sync(str(place))

    def _sync(self, place: str) -> None:
        changed = os.stat(place).st_mtime_ns
        if self._known.get(place) == changed:
            return
        sync_directory(Path(place))
        if time.time_ns() - changed > _TICK_NS:
            self._known[place] = changed
