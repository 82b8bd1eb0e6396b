"""What a walker says of a tree, checked: it runs as the agent and may say anything.

What no honest walker can say is an error. What an honest one can say but a tree must not hold is
left to the caller, to be refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from interlock.adapters.trees.entry import EXECUTABLE, FILE, LINK, Entry, shown
from interlock.adapters.trees.names import ancestors, directories
from interlock.errors import InvalidInputError, TooLargeError

__all__ = ["ROOT", "Manifest", "malformed", "parse"]

ROOT = b"."

_RECORD = re.compile(rb"(%b|%b|%b) ([0-9a-f]{40}) " % (FILE, EXECUTABLE, LINK))
_PATH_AT = len(b"100644 ") + 40 + len(b" ")
_MAX_BYTES = 128 << 20
_MAX_PATH_BYTES = 64 * 256
_MAX_REASON = 200
_NO_PARTS = (b"", b".", b"..")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed manifest.

    Attributes:
        files: every file and link the walker could read.
        refused: path → reason for what it could not; a directory stands for all below it.
        closed: directories that were not entered.
    """

    files: dict[bytes, Entry]
    refused: dict[bytes, str]
    closed: frozenset[bytes]


def parse(data: bytes, known: Mapping[bytes, Entry], entered: Collection[bytes]) -> Manifest:
    """Read a manifest.

    Args:
        data: as ``walk`` makes it.
        known: entries of the start tree; what equals them needs no further look.
        entered: directories that the walker was told to list, ``ROOT`` for the tree's own.

    Raises:
        InvalidInputError: no walker of ours says this (``IL-TRE-014``).
        TooLargeError: the tree is more than can be walked (``IL-TRE-015``).
    """
    if len(data) > _MAX_BYTES:
        raise TooLargeError(f"a manifest of {len(data)} bytes", code="IL-TRE-015")
    listed, rest = _section(data)
    said, rest = _section(rest)
    closed = frozenset(_records(rest))
    files, fresh = _files(listed, known)
    refused = _refusals(said, files)
    for path in closed:
        _check_path(path)
    if closed & (files.keys() | refused.keys()):
        raise malformed("a directory that it lists is something else as well")
    for path in (*fresh, *refused, *closed):
        if (path.rpartition(b"/")[0] or ROOT) not in entered and path not in entered:
            raise malformed(f"{shown(path)} is in no directory that was asked for")
    return Manifest(files, refused, closed)


def _section(data: bytes) -> tuple[bytes, bytes]:
    """The records up to the next empty one, and what comes after that."""
    if data[:1] == b"\0":
        return b"", data[1:]
    records, found, rest = data.partition(b"\0\0")
    if not found:
        raise malformed("it is cut short")
    return records + b"\0", rest


def _records(section: bytes) -> list[bytes]:
    if section and not section.endswith(b"\0"):
        raise malformed("it is cut short")
    return section.split(b"\0")[:-1]


def _files(listed: bytes, known: Mapping[bytes, Entry]) -> tuple[dict[bytes, Entry], list[bytes]]:
    """All that is listed, and which of it the start does not have like that."""
    files: dict[bytes, Entry] = {}
    fresh = []
    for record in _records(listed):
        path = record[_PATH_AT:]
        if path in files:
            raise malformed(f"{shown(path)} is named twice")
        was = known.get(path)
        if was is not None and record.startswith(b"%b %b " % was):
            files[path] = was
            continue
        match = _RECORD.match(record)
        if match is None:
            raise malformed(f"a record that begins {shown(record[:_PATH_AT])!r}")
        files[path] = Entry(*match.groups())
        _check_path(path)
        fresh.append(path)
    if fresh:
        above = directories(files)
        for path in fresh:
            if path in above or any(up in files for up in ancestors(path)):
                raise malformed(f"{shown(path)} is below a file, or a directory as well")
    return files, fresh


def _refusals(said: bytes, files: Mapping[bytes, Entry]) -> dict[bytes, str]:
    refused: dict[bytes, str] = {}
    for record in _records(said):
        reason, found, path = record.partition(b"\n")
        text = "".join(char for char in reason.decode("utf-8", "replace") if char.isprintable())
        if not found or path in files or path in refused:
            raise malformed("a refusal without path, or of a path that is there")
        if not path:
            raise TooLargeError(
                f"the tree cannot be taken over: {text[:_MAX_REASON]}",
                code="IL-TRE-015",
                remedy="remove generated files from the working copy",
            )
        _check_path(path)
        refused[path] = text[:_MAX_REASON]
    return refused


def _check_path(path: bytes) -> None:
    parts = path.split(b"/")
    if len(path) > _MAX_PATH_BYTES or any(part in _NO_PARTS for part in parts):
        raise malformed(f"{shown(path[:_MAX_REASON])} is no path in a tree")
    if parts[0] == b".git":
        raise malformed("it names the repository's own files")


def malformed(what: str) -> InvalidInputError:
    """The error for what no walker of ours says."""
    return InvalidInputError(
        f"the description of the working copy is malformed: {what}",
        code="IL-TRE-014",
        remedy="end this session and start the phase again",
    )
