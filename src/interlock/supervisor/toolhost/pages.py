"""One page of a file of any size, cut where a reader can go on."""

from __future__ import annotations

import base64
import os
from io import BufferedReader

__all__ = ["MAX_PAGE", "encode", "lines", "whole_characters"]

MAX_PAGE = 4 << 20
_BLOCK = 1 << 20


def lines(file: BufferedReader, offset: int, limit: int) -> tuple[bytes, int, bool]:
    """``limit`` lines from line ``offset`` on: their bytes, how many, and whether one was cut."""
    for _ in range(offset):
        if not _skip_line(file):
            return b"", 0, False
    taken: list[bytes] = []
    size = 0
    while len(taken) < limit and (line := file.readline(MAX_PAGE + 1)):
        size += len(line)
        if size > MAX_PAGE and taken:
            file.seek(-len(line), os.SEEK_CUR)
            break
        if size > MAX_PAGE:
            if not line.endswith(b"\n"):
                _skip_line(file)
            return whole_characters(line[:MAX_PAGE]), 1, True
        taken.append(line)
    return b"".join(taken), len(taken), False


def _skip_line(file: BufferedReader) -> bool:
    """Go behind the end of the line without holding all of it; whether there was anything."""
    block = file.readline(_BLOCK)
    found = bool(block)
    while block and not block.endswith(b"\n"):
        block = file.readline(_BLOCK)
    return found


def whole_characters(data: bytes) -> bytes:
    """The page without the beginning of a character that the next page has the rest of."""
    for back in range(1, min(4, len(data)) + 1):
        lead = data[-back]
        if lead >= 0xC0:
            length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return data[:-back] if length > back and len(data) > back else data
        if lead < 0x80:
            break
    return data


def encode(data: bytes) -> tuple[str, str]:
    """The bytes as text and the name of its encoding: ``utf-8``, or ``base64`` for all else."""
    if b"\0" not in data:
        try:
            return data.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            pass
    return base64.b64encode(data).decode("ascii"), "base64"
