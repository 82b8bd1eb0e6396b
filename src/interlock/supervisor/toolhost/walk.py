"""Describe the tree an agent worked in: modes, blob oids and names, as a manifest of bytes.

The tree is walked by directory descriptors and no link is followed, so a name that is swapped while
we read can make an entry wrong but never leads outside. Nothing here is believed by the server: it
checks every name and every hash again, and rules that need to know the base (collisions, ignored
files, policy) are only there. What cannot be read as a plain file or link is refused with a reason,
so that its absence is not taken for a deletion.

Manifest: records ``mode SP oid SP path NUL``, an empty record, then records ``reason LF path NUL``
for what was refused. A refused directory stands for everything below it; the empty path stands for
the whole tree.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ["MAX_DEPTH", "MAX_FILE_BYTES", "MAX_NAMES", "Cache", "blobs", "walk"]

MAX_DEPTH = 64
MAX_FILE_BYTES = 64 << 20
MAX_NAMES = 250_000

# A file that changed just before it was hashed can change again within one tick of the file
# system's clock and keep its signature: such a file is hashed again next time.
_RACY_NS = 50_000_000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
# What os.fsencode does, without the calls around it.
_ENCODING = sys.getfilesystemencoding()
_REPOSITORY_NAMES = (b".git", b"git~1")
_CHANGED = "changed while it was read"
_KINDS = {
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}

Signature = tuple[int, int, int, int, int]
Seen = tuple[Signature, bytes, bytes]


class Cache:
    """What the last walk saw; one per tree, kept by the caller between walks.

    Attributes:
        signatures: path → signature of the file when it was hashed, its oid, its record.
        files: oid → a file that holds it; for ``blobs``.
        links: oid → a link with that target.
        root: the tree's root as given to ``walk``.
    """

    __slots__ = ("files", "links", "root", "signatures")

    def __init__(self) -> None:
        self.signatures: dict[bytes, Seen] = {}
        self.files: dict[bytes, bytes] = {}
        self.links: dict[bytes, bytes] = {}
        self.root: int | str | bytes = -1


def walk(root: int | str | bytes, cache: Cache) -> bytes:
    """The manifest of a tree.

    Args:
        root: directory, as a path or as a descriptor (``O_PATH`` will do; it is left open).
        cache: of the same tree; brought up to date.

    Raises:
        OSError: the root itself cannot be opened.
    """
    with _opened(root) as top:
        walker = _Walker(cache.signatures)
        try:
            walker.directory(top, b"", 1)
        except _Full:
            return b"\0more than %d names\n\0" % MAX_NAMES
    cache.root, cache.signatures = root, walker.signatures
    cache.files, cache.links = walker.files, walker.links
    return b"".join(walker.entries) + b"\0" + b"".join(walker.refused)


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
        os.open(b".", _DIRECTORY, dir_fd=root)
        if isinstance(root, int)
        else os.open(root, _DIRECTORY)
    )
    try:
        yield top
    finally:
        os.close(top)


class _Full(Exception):
    """More names than any tree may have."""


class _Changed(Exception):
    """The file is not what it was a moment ago."""


class _Walker:
    """One pass over a tree."""

    def __init__(self, known: dict[bytes, Seen]) -> None:
        self._known = known
        self._names = 0
        self._settled_before = time.time_ns() - _RACY_NS
        self.signatures: dict[bytes, Seen] = {}
        self.files: dict[bytes, bytes] = {}
        self.links: dict[bytes, bytes] = {}
        self.entries: list[bytes] = []
        self.refused: list[bytes] = []

    def directory(self, fd: int, prefix: bytes, depth: int) -> None:
        """Everything in an open directory; ``depth`` is what a name in it counts."""
        try:
            with os.scandir(fd) as listing:
                found = list(listing)
        except OSError as error:
            self._refuse(prefix.rstrip(b"/"), f"unreadable: {error.strerror}")
            return
        self._names += len(found)
        if self._names > MAX_NAMES:
            raise _Full
        for entry in found:
            name = entry.name.encode(_ENCODING, "surrogateescape")
            path = prefix + name
            try:
                info = entry.stat(follow_symlinks=False)
                if not self._unchanged(path, info):
                    self._entry(fd, name, path, info, depth)
            except _Changed:
                self._refuse(path, _CHANGED)
            except OSError as error:
                self._refuse(path, f"unreadable: {error.strerror}")

    def _unchanged(self, path: bytes, info: os.stat_result) -> bool:
        """Take over what was seen before, if it still is that; so it is with nearly every file."""
        seen = self._known.get(path)
        if seen is None or seen[0] != _signature(info):
            return False
        self.signatures[path] = seen
        self.files[seen[1]] = path
        self.entries.append(seen[2])
        return True

    def _entry(self, fd: int, name: bytes, path: bytes, info: os.stat_result, depth: int) -> None:
        kind = stat.S_IFMT(info.st_mode)
        if name.lower() in _REPOSITORY_NAMES:
            if path != b".git":
                self._refuse(path, "a nested repository")
        elif kind == stat.S_IFREG:
            self._file(fd, name, path, info)
        elif kind == stat.S_IFDIR:
            if depth >= MAX_DEPTH:
                self._refuse(path, f"deeper than {MAX_DEPTH} levels")
                return
            below = os.open(name, _DIRECTORY, dir_fd=fd)
            try:
                self.directory(below, path + b"/", depth + 1)
            finally:
                os.close(below)
        elif kind == stat.S_IFLNK:
            oid = _oid(os.readlink(name, dir_fd=fd))
            self.links[oid] = path
            self.entries.append(b"120000 %b %b\0" % (oid, path))
        else:
            self._refuse(path, f"a {_KINDS.get(kind, 'special file')}")

    def _file(self, fd: int, name: bytes, path: bytes, info: os.stat_result) -> None:
        if info.st_size > MAX_FILE_BYTES:
            self._refuse(path, f"{info.st_size} bytes, {MAX_FILE_BYTES} are allowed")
            return
        signature = _signature(info)
        oid = _oid(_read(fd, name, signature))
        mode = b"100755" if info.st_mode & stat.S_IXUSR else b"100644"
        record = b"%b %b %b\0" % (mode, oid, path)
        if info.st_ctime_ns < self._settled_before:
            self.signatures[path] = (signature, oid, record)
        self.files[oid] = path
        self.entries.append(record)

    def _refuse(self, path: bytes, reason: str) -> None:
        self.refused.append(b"%b\n%b\0" % (reason.encode(), path))


def _signature(info: os.stat_result) -> Signature:
    # The change time is in it because only the kernel sets it.
    return (info.st_mode, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def _oid(data: bytes) -> bytes:
    head = b"blob %d\0" % len(data)
    return hashlib.sha1(head + data, usedforsecurity=False).hexdigest().encode()


def _read(fd: int, name: bytes, signature: Signature | None) -> bytes:
    """Content of a regular file that keeps one signature, the given one if any, meanwhile."""
    file = os.open(name, _FILE, dir_fd=fd)
    try:
        info = os.fstat(file)
        before = _signature(info)
        if not stat.S_ISREG(info.st_mode) or signature not in (None, before):
            raise _Changed
        if info.st_size > MAX_FILE_BYTES:
            raise _Changed
        # One byte more than there should be: a short read is the end of the file.
        data = os.read(file, info.st_size + 1)
        if len(data) != info.st_size or _signature(os.fstat(file)) != before:
            raise _Changed
        return data
    finally:
        os.close(file)


def _content(top: int, path: bytes, *, link: bool) -> bytes:
    *above, name = path.split(b"/")
    fd, opened = top, []
    try:
        for part in above:
            fd = os.open(part, _DIRECTORY, dir_fd=fd)
            opened.append(fd)
        return os.readlink(name, dir_fd=fd) if link else _read(fd, name, None)
    except (OSError, _Changed):
        return b""
    finally:
        for each in opened:
            os.close(each)
