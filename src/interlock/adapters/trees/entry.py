"""One path of a tree: its mode and the object it names, as git writes them."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["EXECUTABLE", "FILE", "GITLINK", "LINK", "Entry", "canonical", "shown"]

FILE = b"100644"
EXECUTABLE = b"100755"
LINK = b"120000"
GITLINK = b"160000"

_GROUP_WRITABLE = b"100664"


class Entry(NamedTuple):
    """What a tree says of a path.

    Attributes:
        mode: six octal digits.
        oid: forty hexadecimal digits.
    """

    mode: bytes
    oid: bytes


def canonical(entry: Entry) -> Entry:
    """The entry as git would write it today: old trees hold files of mode 100664."""
    return Entry(FILE, entry.oid) if entry.mode == _GROUP_WRITABLE else entry


def shown(path: bytes) -> str:
    """A path for people and records; bytes that are no UTF-8 are escaped."""
    return path.decode("utf-8", "backslashreplace")
