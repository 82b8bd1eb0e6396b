"""Describe the tree an agent worked in: modes, blob oids and names, as a manifest of bytes.

The tree is walked by directory descriptors and no link is followed, so a name that is swapped while
we read can make an entry wrong but never leads outside. Nothing here is believed by the server: it
checks every name and every hash again, and rules that need to know the base (collisions, ignored
files, policy) are only there. What cannot be read as a plain file or link is refused with a reason,
so that its absence is not taken for a deletion.

The server says which directories to enter. Others are only named, so that a hundred thousand files
that nobody will take over are not read; it asks again for those of them that it wants to know.

Manifest: records ``mode SP oid SP path NUL``, an empty record, records ``reason LF path NUL`` for
what was refused, an empty record, records ``path NUL`` for directories that were not entered. A
refused directory stands for everything below it; the empty path stands for the whole tree.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from interlock.supervisor.toolhost import steady
from interlock.supervisor.toolhost.steady import (
    DIRECTORY,
    Changed,
    Signature,
    beneath,
    hashed,
    oid_of,
    read,
    signature_of,
)

__all__ = ["MAX_DEPTH", "MAX_NAMES", "ROOT", "Cache", "blobs", "walk"]

ROOT = b"."
MAX_DEPTH = 64
MAX_NAMES = 250_000
MAX_READ_BYTES = 8 << 30

# A file that changed just before it was hashed can change again within one tick of the file
# system's clock and keep its signature: such a file is hashed again next time.
_RACY_NS = 50_000_000
# What os.fsencode does, without the calls around it.
_ENCODING = sys.getfilesystemencoding()
_REPOSITORY_NAMES = (b".git", b"git~1")
_CHANGED = "changed while it was read → stop what writes to it, then ask again"
_KINDS = {
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}

Seen = tuple[Signature, bytes, bytes]


class Cache:
    """What the last walk saw; one per tree, kept by the caller between walks.

    Attributes:
        earlier: what the walk before the present one knew: ``signatures`` of then.
        signatures: path → signature of the file when it was hashed, its oid, its record.
        files: oid → a file that holds it; for ``blobs``.
        links: oid → a link with that target.
        names: how many names were met.
        read: how many bytes were read.
        root: the tree's root as given to ``walk``.
    """

    __slots__ = ("earlier", "files", "links", "names", "read", "root", "signatures")

    def __init__(self) -> None:
        self.earlier: dict[bytes, Seen] = {}
        self.signatures: dict[bytes, Seen] = {}
        self.files: dict[bytes, bytes] = {}
        self.links: dict[bytes, bytes] = {}
        self.names = self.read = 0
        self.root: int | str | bytes = -1


def walk(
    root: int | str | bytes,
    cache: Cache,
    enter: Collection[bytes] | None = None,
    large: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """The manifest of a tree, or of some directories more of the tree that was just walked.

    Args:
        root: directory, as a path or as a descriptor (``O_PATH`` will do; it is left open).
        cache: of the same tree; brought up to date.
        enter: directories to list; ``None`` for all. With ``ROOT`` among them a new walk begins.
        large: path → oid of files that are over the limit and may stay if they are still that.

    Raises:
        OSError: the root itself cannot be opened.
    """
    begins = enter is None or ROOT in enter
    if begins:
        cache.earlier = cache.signatures
        cache.signatures, cache.files, cache.links = {}, {}, {}
        cache.names = cache.read = 0
    cache.root = root
    with _opened(root) as top:
        walker = _Walker(cache, enter, large or {})
        try:
            if begins:
                walker.directory(top, b"", 1)
            else:
                walker.directories(top)
        except _Full:
            return b"\0more than %d names\n\0\0" % MAX_NAMES
    parts = (walker.entries, walker.refused, walker.closed)
    return b"\0".join(b"".join(records) for records in parts)


def blobs(oids: Iterable[bytes], cache: Cache, *, limit: int = 32 << 20) -> list[bytes]:
    """Contents for oids that the last walk named, in order.

    An oid whose file is gone or unreadable gives ``b""``, which its hash will not match. The list
    ends early once it holds ``limit`` bytes (but not before its first element): ask for the rest.
    """
    found: list[bytes] = []
    held = 0
    with _opened(cache.root) as top:
        for oid in oids:
            if held >= limit:
                break
            if oid in cache.files:
                data = _content(top, cache.files[oid], link=False)
            else:
                data = _content(top, cache.links[oid], link=True) if oid in cache.links else b""
            held += len(data)
            found.append(data)
    return found


@contextmanager
def _opened(root: int | str | bytes) -> Iterator[int]:
    """A descriptor of the root that can be listed, whatever kind of handle was given."""
    top = (
        os.open(b".", DIRECTORY, dir_fd=root) if isinstance(root, int) else os.open(root, DIRECTORY)
    )
    try:
        yield top
    finally:
        os.close(top)


class _Full(Exception):
    """More names than any tree may have."""


class _Walker:
    """One pass over a tree, or over some of its directories."""

    def __init__(
        self, cache: Cache, enter: Collection[bytes] | None, large: Mapping[bytes, bytes]
    ) -> None:
        self._cache = cache
        self._known = cache.earlier
        self._enter = None if enter is None else frozenset(enter)
        self._large = large
        self._settled_before = time.time_ns() - _RACY_NS
        self.entries: list[bytes] = []
        self.refused: list[bytes] = []
        self.closed: list[bytes] = []

    def directories(self, top: int) -> None:
        """Those that are to be entered and lie in none that is."""
        for path in sorted(self._enter or ()):
            if path.rpartition(b"/")[0] not in (self._enter or ()):
                try:
                    with beneath(top, path.split(b"/")) as fd:
                        self.directory(fd, path + b"/", path.count(b"/") + 2)
                except OSError as error:
                    self._refuse(path, _unreadable(error))

    def directory(self, fd: int, prefix: bytes, depth: int) -> None:
        """Everything in an open directory; ``depth`` is what a name in it counts."""
        try:
            with os.scandir(fd) as listing:
                found = list(listing)
        except OSError as error:
            self._refuse(prefix.rstrip(b"/"), _unreadable(error))
            return
        self._cache.names += len(found)
        if self._cache.names > MAX_NAMES:
            raise _Full
        for entry in found:
            name = entry.name.encode(_ENCODING, "surrogateescape")
            path = prefix + name
            try:
                info = entry.stat(follow_symlinks=False)
                if not self._unchanged(path, info):
                    self._entry(fd, name, path, info, depth)
            except Changed:
                self._refuse(path, _CHANGED)
            except OSError as error:
                self._refuse(path, _unreadable(error))

    def _unchanged(self, path: bytes, info: os.stat_result) -> bool:
        """Take over what was seen before, if it still is that; so it is with nearly every file."""
        seen = self._known.get(path)
        if seen is None or seen[0] != signature_of(info):
            return False
        self._cache.signatures[path] = seen
        self._cache.files[seen[1]] = path
        self.entries.append(seen[2])
        return True

    def _entry(self, fd: int, name: bytes, path: bytes, info: os.stat_result, depth: int) -> None:
        kind = stat.S_IFMT(info.st_mode)
        if name.lower() in _REPOSITORY_NAMES:
            if path != b".git":
                self._refuse(path, "a nested repository → remove it, or ask a person to add it")
        elif kind == stat.S_IFREG:
            self._file(fd, name, path, info)
        elif kind == stat.S_IFDIR:
            if depth >= MAX_DEPTH:
                self._refuse(path, f"deeper than {MAX_DEPTH} levels → move it further up")
                return
            if self._enter is not None and path not in self._enter:
                self.closed.append(path + b"\0")
                return
            below = os.open(name, DIRECTORY, dir_fd=fd)
            try:
                self.directory(below, path + b"/", depth + 1)
            finally:
                os.close(below)
        elif kind == stat.S_IFLNK:
            oid = oid_of(os.readlink(name, dir_fd=fd))
            self._cache.links[oid] = path
            self.entries.append(b"120000 %b %b\0" % (oid, path))
        else:
            self._refuse(path, f"a {_KINDS.get(kind, 'special file')} → remove it")

    def _file(self, fd: int, name: bytes, path: bytes, info: os.stat_result) -> None:
        signature = signature_of(info)
        if info.st_size > steady.MAX_FILE_BYTES and path not in self._large:
            problem = f"{info.st_size} bytes, {steady.MAX_FILE_BYTES} are allowed → make it smaller"
        elif self._cache.read + info.st_size > MAX_READ_BYTES:
            problem = f"more than {MAX_READ_BYTES} bytes are new in the tree → remove some"
        else:
            self._cache.read += info.st_size
            oid = hashed(fd, name, signature)
            if info.st_size > steady.MAX_FILE_BYTES and oid != self._large[path]:
                problem = "too large to be changed → ask a person to change it"
            else:
                self._take(path, info, signature, oid)
                return
        self._refuse(path, problem)

    def _take(self, path: bytes, info: os.stat_result, signature: Signature, oid: bytes) -> None:
        mode = b"100755" if info.st_mode & stat.S_IXUSR else b"100644"
        record = b"%b %b %b\0" % (mode, oid, path)
        if info.st_ctime_ns < self._settled_before:
            self._cache.signatures[path] = (signature, oid, record)
        self._cache.files[oid] = path
        self.entries.append(record)

    def _refuse(self, path: bytes, reason: str) -> None:
        self.refused.append(b"%b\n%b\0" % (reason.encode(), path))


def _unreadable(error: OSError) -> str:
    return f"unreadable: {error.strerror} → chmod -R u+rwX"


def _content(top: int, path: bytes, *, link: bool) -> bytes:
    *above, name = path.split(b"/")
    try:
        with beneath(top, above) as fd:
            return os.readlink(name, dir_fd=fd) if link else read(fd, name, None)
    except (OSError, Changed):
        return b""
