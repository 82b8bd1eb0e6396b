"""One file of a tree that somebody else may be writing to: read whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = [
    "DIRECTORY",
    "MAX_FILE_BYTES",
    "Changed",
    "Signature",
    "beneath",
    "hashed",
    "oid_of",
    "read",
    "signature_of",
]

MAX_FILE_BYTES = 64 << 20
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CHUNK_BYTES = 1 << 20

Signature = tuple[int, int, int, int, int]


class Changed(Exception):
    """The file is not what it was a moment ago."""


def signature_of(info: os.stat_result) -> Signature:
    """What of a file differs if its content or mode was changed."""
    # The change time is in it because only the kernel sets it.
    return (info.st_mode, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)


def oid_of(data: bytes) -> bytes:
    """The name git gives to a content."""
    head = b"blob %d\0" % len(data)
    return hashlib.sha1(head + data, usedforsecurity=False).hexdigest().encode()


def read(fd: int, name: bytes, signature: Signature | None) -> bytes:
    """Content of a regular file that keeps one signature, the given one if any, meanwhile."""
    with _steady(fd, name, signature) as (file, size):
        if size > MAX_FILE_BYTES:
            raise Changed
        # One byte more than there should be: a short read is the end of the file.
        data = os.read(file, size + 1)
        if len(data) != size:
            raise Changed
        return data


def hashed(fd: int, name: bytes, signature: Signature) -> bytes:
    """Oid of a regular file of any size that keeps its signature meanwhile."""
    if signature[2] <= MAX_FILE_BYTES:
        return oid_of(read(fd, name, signature))
    with _steady(fd, name, signature) as (file, size):
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        left = size
        while chunk := os.read(file, min(left, _CHUNK_BYTES)):
            digest.update(chunk)
            left -= len(chunk)
    if left:
        raise Changed
    return digest.hexdigest().encode()


@contextmanager
def _steady(fd: int, name: bytes, signature: Signature | None) -> Iterator[tuple[int, int]]:
    """A regular file and its size; an error if its signature is another one before or after."""
    file = os.open(name, _FILE, dir_fd=fd)
    try:
        info = os.fstat(file)
        before = signature_of(info)
        if not stat.S_ISREG(info.st_mode) or signature not in (None, before):
            raise Changed
        yield file, info.st_size
        if signature_of(os.fstat(file)) != before:
            raise Changed
    finally:
        os.close(file)


@contextmanager
def beneath(top: int, parts: Iterable[bytes]) -> Iterator[int]:
    """A directory below another, no link followed on the way."""
    opened = [top]
    try:
        for part in parts:
            opened.append(os.open(part, DIRECTORY, dir_fd=opened[-1]))
        yield opened[-1]
    finally:
        for each in opened[1:]:
            os.close(each)
