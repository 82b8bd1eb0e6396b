"""Contents in and out of the object store, many per process.

New blobs are spooled as a pack while they arrive and handed to git at the end: git computes each
oid again from the bytes, and nobody's attributes, filters or newlines come into it.
"""

from __future__ import annotations

import hashlib
import tempfile
import weakref
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO

from interlock.adapters.git import Git
from interlock.errors import IntegrityError
from interlock.failpoints import reach

__all__ = ["EMPTY_BLOB", "BlobWriter", "blob_oid", "read_blobs", "sizes"]

_BLOB = 3
# As git's own transfer.unpackLimit: fewer objects are stored one file each.
_LOOSE_BELOW = 100
_CHUNK_BYTES = 1 << 20


def blob_oid(data: bytes) -> bytes:
    """The name git gives to a content."""
    digest = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest().encode()


EMPTY_BLOB = blob_oid(b"")


class BlobWriter:
    """Collects blobs and stores them together.

    Args:
        git: of the repository.
        directory: for the spool; of ours, on the repository's file system.
    """

    def __init__(self, git: Git, directory: Path) -> None:
        self._git = git
        self._directory = directory
        self._spool: IO[bytes] | None = None
        self._oids: set[bytes] = set()

    def add(self, data: bytes) -> bytes:
        """Take a content and return its oid; it is stored by ``store``."""
        oid = blob_oid(data)
        if oid not in self._oids:
            self._oids.add(oid)
            if self._spool is None:
                self._spool = tempfile.TemporaryFile(  # noqa: SIM115 - closed below
                    dir=self._directory
                )
                # An import that is given up is never stored.
                weakref.finalize(self, self._spool.close)
                self._spool.write(b"PACK" + (2).to_bytes(4, "big") + bytes(4))
            self._spool.write(_pack_header(_BLOB, len(data)) + zlib.compress(data, 1))
        return oid

    def store(self) -> None:
        """Make everything that was added durable; the writer is empty afterwards.

        Raises:
            GitFailed: git could not store it.
        """
        if self._spool is None:
            return
        count = len(self._oids)
        with self._spool as pack:
            pack.seek(8)
            pack.write(count.to_bytes(4, "big"))
            pack.seek(0)
            digest = hashlib.sha1(usedforsecurity=False)
            while chunk := pack.read(_CHUNK_BYTES):
                digest.update(chunk)
            pack.write(digest.digest())
            pack.seek(0)
            self._git.take_pack(pack, loose=count < _LOOSE_BELOW)
        reach("tree.stored")
        self._spool, self._oids = None, set()


def read_blobs(git: Git, oids: Collection[bytes]) -> Iterator[bytes]:
    """Contents in the order of their oids, one in memory at a time.

    Raises:
        IntegrityError: one is missing or is no blob (``IL-TRE-020``).
    """
    if not oids:
        return
    with git.stream("cat-file", "--batch", "--buffer", stdin=(oid + b"\n" for oid in oids)) as out:
        for oid in oids:
            size = _blob_size(oid, out.readline())
            data = out.read(size + 1)
            if len(data) != size + 1:
                raise IntegrityError(f"object {oid.decode()} is cut short", code="IL-TRE-020")
            yield data[:-1]


def sizes(git: Git, oids: Iterable[bytes]) -> dict[bytes, int]:
    """Sizes of blobs in bytes.

    Raises:
        IntegrityError: one is missing or is no blob (``IL-TRE-020``).
    """
    wanted = list(dict.fromkeys(oids))
    if not wanted:
        return {}
    answer = git.run(
        "cat-file", "--batch-check", "--buffer", stdin=b"".join(oid + b"\n" for oid in wanted)
    )
    return {
        oid: _blob_size(oid, line) for oid, line in zip(wanted, answer.splitlines(), strict=True)
    }


def _blob_size(oid: bytes, line: bytes) -> int:
    match line.split():
        case [_, b"blob", size]:
            return int(size)
    raise IntegrityError(
        f"object {oid.decode()} is not a blob here: {line.decode('utf-8', 'replace').strip()}",
        code="IL-TRE-020",
        remedy="git fsck on the state directory's repo.git",
    )


def _pack_header(kind: int, size: int) -> bytes:
    """Type and size as a pack writes them: 4 bits of the size, then 7 at a time."""
    header = bytearray()
    byte = kind << 4 | size & 0x0F
    size >>= 4
    while size:
        header.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    header.append(byte)
    return bytes(header)
