"""Files that are whole or absent: written beside, synced, renamed, and the rename synced too."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from interlock.failpoints import reach

__all__ = [
    "make_private_directory",
    "replace_file",
    "sync_directory",
    "sync_file",
    "sync_tree",
    "write_all",
]


def sync_directory(path: Path) -> None:
    """Make creations, renames and removals in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the contents of a file durable; its name is its directory's."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path, *, large: bool = False) -> None:
    """Make everything in a directory durable: contents and names, and its own name.

    What lies there must not be anybody else's to change.

    Args:
        large: thousands of files: first have the whole file system written out, if that can be
            asked for; each sync is then a quick one.
    """
    if large:
        _write_out(path)
    for place, _, files in os.walk(path):
        for name in files:
            inside = Path(place, name)
            if stat.S_ISREG(inside.lstat().st_mode):
                sync_file(inside)
        sync_directory(Path(place))
    sync_directory(path.parent)


def _write_out(path: Path) -> None:
    import ctypes

    syncfs = getattr(ctypes.CDLL(None), "syncfs", None)  # Linux has it, `os` has not
    if syncfs is not None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            syncfs(descriptor)
        finally:
            os.close(descriptor)


def make_private_directory(path: Path) -> None:
    """Create a directory (and its parents) that only its owner can enter; an existing one stays.

    Its name is durable on return, whoever made it.
    """
    if not path.parent.exists():
        make_private_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_directory(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, however many calls it takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def replace_file(path: Path, data: bytes, *, temporary: Path, family: str) -> None:
    """Put a file (mode 0600) in the place of whatever is there, durable on return.

    Args:
        temporary: where it is written first; same file system, not used by anyone else.
        family: of fail points, one for each step in ``failpoints.REPLACING``.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600)
    try:
        reach(f"{family}.write")
        write_all(descriptor, data)
        reach(f"{family}.sync")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    reach(f"{family}.rename")
    temporary.rename(path)
    reach(f"{family}.renamed")
    sync_directory(path.parent)
