"""One path of a tree: its mode and the object it names, as git writes them."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

__all__ = ["EXECUTABLE", "FILE", "GITLINK", "LINK", "Entry", "canonical", "shown", "text_of"]

FILE = b"100644"
EXECUTABLE = b"100755"
LINK = b"120000"
GITLINK = b"160000"

_GROUP_WRITABLE = b"100664"
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


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


def text_of(path: bytes) -> str:
    """A path as facts name it: its own characters; bytes that are no UTF-8 are escaped."""
    return path.decode("utf-8", "backslashreplace")


def shown(path: bytes) -> str:
    """A path for people, so that no two look the same.

    Plain ones stay as they are. The others stand in double quotes with escapes that a shell
    understands in ``$'…'``: ``\\n``, ``\\xff`` for a byte that is no UTF-8, ``\\u200b`` for what
    cannot be seen, and for all that is not ASCII where it is not in Unicode's normal form C.
    """
    text = path.decode("utf-8", "surrogateescape")
    is_normal = unicodedata.is_normalized("NFC", text)
    spaced = any(part != part.strip() for part in text.split("/"))
    if text.isprintable() and is_normal and not spaced and not {'"', "\\"} & set(text):
        return text
    return f'"{"".join(_escaped(char, is_normal) for char in text)}"'


def _escaped(char: str, is_normal: bool) -> str:
    code = ord(char)
    if char in _ESCAPES:
        return _ESCAPES[char]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable() and (is_normal or char.isascii()):
        return char
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
