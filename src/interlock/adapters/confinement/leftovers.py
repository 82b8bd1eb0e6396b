"""What servers leave that were killed together with their launchers: removed by the next probe.

Everything is named after the process that had it made, and is left alone while that one lives. A
segment of shared memory and a message queue have no such names: a probe notes them beforehand.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import NamedTuple

from interlock.adapters.confinement.inside.harness import call
from interlock.adapters.confinement.launcher import cgroups, plain
from interlock.adapters.confinement.launcher.staging import SHARED_MEMORY
from interlock.adapters.confinement.uids import UidRange
from interlock.adapters.removal import remove_tree

__all__ = ["PROBE", "Named", "note", "remove_named", "sweep", "take_back"]

PROBE = "interlock-probe-"
"""What the probe makes is named so; its process id follows."""

# Directories of sandboxes without mounts, and of probes.
_NAMES = re.compile(rf"(?:interlock-|{PROBE})([0-9]+)-[0-9a-z_]+")
_NOTE = "named.json"
_IPC_RMID = 0


class Named(NamedTuple):
    """What a probe makes that is no file: the key of a segment, the name of a queue."""

    segment: int
    queue: str


def note(directory: Path) -> Named:
    """Choose names for a probe and write them down in its directory, before it makes anything."""
    named = Named(secrets.randbelow(1 << 30) + 1, f"interlock-{secrets.token_hex(8)}")
    (directory / _NOTE).write_text(json.dumps(named))
    return named


def remove_named(named: Named) -> None:
    """Remove what has these names, as far as it is there."""
    libc = ctypes.CDLL(None)
    libc.shmctl(libc.shmget(named.segment, 0, 0), _IPC_RMID, None)
    with contextlib.suppress(OSError):
        call("mq_unlink", ctypes.c_char_p(named.queue.encode()))


def take_back(name: str) -> None:
    """Remove cgroups and private directories of the job of that name, whose launcher was lost."""
    for directory in cgroups.directories(name):
        # Whoever reaps in the launcher's place may be slow; what is left is swept later.
        with contextlib.suppress(OSError):
            cgroups.remove(directory)
    remove_tree(Path(plain.room(tempfile.gettempdir(), name)))


def sweep() -> None:
    """Remove cgroups, directories and, as root, processes that nobody owns any more."""
    cgroups.sweep()
    for place in {tempfile.gettempdir(), SHARED_MEMORY}:
        for path in _abandoned(Path(place)):
            # Somebody else's, or swept by another probe meanwhile.
            with contextlib.suppress(OSError):
                _remove_noted(path)
                path.unlink() if path.is_file() else remove_tree(path)
    if os.getuid() == 0:
        UidRange().sweep()


def _abandoned(place: Path) -> list[Path]:
    found = []
    with contextlib.suppress(OSError):
        for path in place.iterdir():
            name = _NAMES.fullmatch(path.name)
            if name and not Path("/proc", name[1]).exists() and not path.is_symlink():
                found.append(path)
    return found


def _remove_noted(abandoned: Path) -> None:
    """Nobody else's word says what is to be removed as us."""
    path = abandoned / _NOTE
    with contextlib.suppress(OSError, ValueError, TypeError):
        if path.lstat().st_uid == abandoned.lstat().st_uid == os.geteuid():
            segment, queue = json.loads(path.read_text())
            remove_named(Named(int(segment), str(queue)))
