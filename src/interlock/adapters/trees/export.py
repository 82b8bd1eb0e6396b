"""A tree as files: the bytes of its blobs, with nobody's attributes applied."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from interlock.adapters.git import Git
from interlock.adapters.trees.entry import EXECUTABLE, GITLINK, LINK, Entry
from interlock.adapters.trees.objects import read_blobs

__all__ = ["export"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def export(
    git: Git, before: Mapping[bytes, Entry], after: Mapping[bytes, Entry], dest: Path
) -> None:
    """Bring a directory from one tree to another; only differences are touched.

    Submodules become empty directories, as git leaves them.

    Args:
        git: of the repository that holds the blobs.
        before: what the directory holds now; empty for a new one, which is then made.
        after: what it shall hold.
        dest: the directory; nobody else may write to it meanwhile.

    Raises:
        OSError: the directory does not hold ``before``, or cannot be written.
    """
    if not before:
        dest.mkdir(parents=True, exist_ok=True)
        dest.chmod(0o755)
    changed = sorted(path for path, entry in after.items() if before.get(path) != entry)
    contents = [path for path in changed if after[path].mode != GITLINK]
    with _Directories(dest) as directories:
        for path in sorted(before, reverse=True):
            if after.get(path) != before[path]:
                directories.remove(path, before[path])
        for path in changed:
            if after[path].mode == GITLINK:
                directories.of(path + b"/")
        oids = [after[path].oid for path in contents]
        for path, data in zip(contents, read_blobs(git, oids), strict=True):
            _write(directories.of(path), path.rsplit(b"/", 1)[-1], after[path].mode, data)


def _write(directory: int, name: bytes, mode: bytes, data: bytes) -> None:
    if mode == LINK:
        os.symlink(data, name, dir_fd=directory)
        return
    permissions = 0o755 if mode == EXECUTABLE else 0o644
    file = os.open(name, _NEW_FILE, permissions, dir_fd=directory)
    try:
        os.fchmod(file, permissions)
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
    finally:
        os.close(file)


class _Directories:
    """Descriptors of the directories on the way to a path; made if missing, no link followed."""

    def __init__(self, root: Path) -> None:
        self._parts: list[bytes] = []
        self._open = [os.open(root, _DIRECTORY)]

    def __enter__(self) -> _Directories:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._open:
            os.close(descriptor)

    def of(self, path: bytes) -> int:
        """The directory that holds a path."""
        parts = path.split(b"/")[:-1]
        self._leave(parts)
        for part in parts[len(self._parts) :]:
            here = self._open[-1]
            try:
                os.mkdir(part, 0o755, dir_fd=here)
            except FileExistsError:
                down = os.open(part, _DIRECTORY, dir_fd=here)
            else:
                down = os.open(part, _DIRECTORY, dir_fd=here)
                os.fchmod(down, 0o755)
            self._open.append(down)
            self._parts.append(part)
        return self._open[-1]

    def remove(self, path: bytes, entry: Entry) -> None:
        """Remove a path and the directories that are empty without it: a file may come there."""
        name = path.rsplit(b"/", 1)[-1]
        if entry.mode == GITLINK:
            os.rmdir(name, dir_fd=self.of(path))
        else:
            os.unlink(name, dir_fd=self.of(path))
        while self._parts:
            try:
                os.rmdir(self._parts[-1], dir_fd=self._open[-2])
            except OSError:  # not empty: the only reason that is not an error later on
                return
            os.close(self._open.pop())
            self._parts.pop()

    def _leave(self, parts: list[bytes]) -> None:
        same = 0
        for mine, theirs in zip(self._parts, parts, strict=False):
            if mine != theirs:
                break
            same += 1
        while len(self._parts) > same:
            os.close(self._open.pop())
            self._parts.pop()
