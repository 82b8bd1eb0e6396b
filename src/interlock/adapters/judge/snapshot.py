"""A tree to be judged: entries of git's objects, with some paths replaced; nothing is checked out.

A snapshot is immutable and cheap: variants share everything but what they change. Contents come
from an export of the base that is kept on disk; what differs from it is read from the repository.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from interlock.adapters.judge.runner import wire
from interlock.adapters.trees.entry import EXECUTABLE, FILE, GITLINK, LINK, Entry
from interlock.adapters.trees.repository import Repository
from interlock.failpoints import reach

__all__ = ["Contents", "Snapshot"]

_KEPT_BASES = 32
_IN_MEMORY = 64 << 20
_BYTECODE = (".pyc", ".pyo")


class Contents:
    """Blobs of trees that are near one base.

    Args:
        repository: holds all of them.
        base: oid of the tree that most of them are in.
        directory: where exports of bases are kept.
    """

    _lock = threading.Lock()
    _made: ClassVar[set[Path]] = set()

    def __init__(self, repository: Repository, base: str, directory: Path) -> None:
        self._repository = repository
        self._base = _decoded(repository.entries(base))
        self._root = directory / base
        self._loaded: dict[bytes, bytes] = {}
        self._kept: dict[bytes, bytes] = {}
        self._room = _IN_MEMORY
        with self._lock:
            self._export(base, directory)

    def tree(self, oid: str) -> Snapshot:
        """The snapshot of a tree, with what the base does not have loaded."""
        entries = _decoded(self._repository.entries(oid))
        missing = {
            entry.oid
            for path, entry in entries.items()
            if self._base.get(path) != entry and entry.mode != GITLINK
        } - self._loaded.keys()
        wanted = sorted(missing)
        self._loaded |= zip(wanted, self._repository.blobs(wanted), strict=True)
        return Snapshot(self, oid, entries, {})

    def read(self, path: str, entry: Entry) -> bytes:
        """Contents of an entry; of a link its target."""
        if self._base.get(path) != entry:
            return self._loaded[entry.oid]
        # Every run of a measurement asks for all of them.
        if (known := self._kept.get(entry.oid)) is not None:
            return known
        place = self._root / path
        data = os.fsencode(os.readlink(place)) if entry.mode == LINK else place.read_bytes()
        if len(data) <= self._room:
            self._room -= len(data)
            self._kept[entry.oid] = data
        return data

    def _export(self, base: str, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Nothing here is synced: after a power cut a file may have its name and no contents. What
        # an earlier process left is made anew.
        if self._root not in self._made or not self._root.exists():
            shutil.rmtree(self._root, ignore_errors=True)
            fresh = directory / f".{base}"
            shutil.rmtree(fresh, ignore_errors=True)
            self._repository.export(base, fresh)
            reach("judge.export")
            fresh.rename(self._root)
            self._made.add(self._root)
        os.utime(self._root)
        by_use = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in by_use[_KEPT_BASES:]:
            shutil.rmtree(old)


class Snapshot:
    """Paths with their contents.

    Args:
        contents: where entries are read from.
        oid: of the tree that it was made from.
        entries: path → entry.
        written: path → contents that no object has; these win.
    """

    def __init__(
        self,
        contents: Contents,
        oid: str,
        entries: Mapping[str, Entry],
        written: Mapping[str, bytes],
    ) -> None:
        self.oid = oid
        self._contents = contents
        self._entries = entries
        self._written = written

    @cached_property
    def paths(self) -> frozenset[str]:
        """All paths that have contents to read."""
        files = {path for path, entry in self._entries.items() if entry.mode in (FILE, EXECUTABLE)}
        return frozenset(files | self._written.keys())

    def entry(self, path: str) -> Entry | None:
        """The entry of a path that nothing was written to."""
        return self._entries.get(path)

    def has(self, path: str) -> bool:
        """Whether there is anything of that name."""
        return path in self._entries or path in self._written

    def read(self, path: str) -> bytes:
        """Contents of a path of ``paths``."""
        if path in self._written:
            return self._written[path]
        return self._contents.read(path, self._entries[path])

    def differing(self, other: Snapshot) -> tuple[str, ...]:
        """Paths whose entries differ, sorted."""
        mine, theirs = self._entries, other._entries
        return tuple(sorted(p for p in mine.keys() | theirs.keys() if mine.get(p) != theirs.get(p)))

    def taking(self, other: Snapshot, which: Callable[[str], bool]) -> Snapshot:
        """This tree, but the chosen paths as they are in another (gone, if it has them not)."""
        entries = {path: entry for path, entry in self._entries.items() if not which(path)}
        entries |= {path: entry for path, entry in other._entries.items() if which(path)}
        return Snapshot(self._contents, self.oid, entries, self._written)

    def writing(self, changes: Mapping[str, bytes]) -> Snapshot:
        """This tree with other contents at some paths."""
        return Snapshot(self._contents, self.oid, self._entries, {**self._written, **changes})

    def size(self) -> int:
        """Bytes of all contents."""
        return sum(len(data) for _, _, data in self.records())

    def records(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Kind, name and data for the runner. Bytecode stays out: it runs instead of its source."""
        for path in self._entries.keys() | self._written.keys():
            if path.endswith(_BYTECODE):
                continue
            entry = self._entries.get(path)
            name = os.fsencode(path)
            if entry is not None and entry.mode == GITLINK:
                yield wire.DIRECTORY, name, b""
            elif path not in self._written and entry is not None and entry.mode == LINK:
                yield wire.LINK, name, self.read(path)
            else:
                program = entry is not None and entry.mode == EXECUTABLE
                yield wire.PROGRAM if program else wire.FILE, name, self.read(path)


def _decoded(entries: Mapping[bytes, Entry]) -> dict[str, Entry]:
    return {os.fsdecode(path): entry for path, entry in entries.items()}
