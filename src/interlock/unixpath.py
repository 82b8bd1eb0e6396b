"""Unix sockets however deep they lie: the kernel takes 108 bytes of a path, homes may be longer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["within_limit"]

_LONGEST = 100  # bytes; macOS takes 104, Linux 108


@contextmanager
def within_limit(path: str | os.PathLike[str]) -> Iterator[str]:
    """A name for the same socket that fits, valid inside the ``with``: to bind or to connect.

    Raises:
        OSError: its directory cannot be opened.
    """
    plain = os.fspath(path)
    if len(os.fsencode(plain)) <= _LONGEST:
        yield plain
        return
    directory = os.open(os.path.dirname(plain), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{os.path.basename(plain)}"
    finally:
        os.close(directory)
