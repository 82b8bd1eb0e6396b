"""The files of the log: ``000001.jsonl``, ``000002.jsonl``, …: no gaps, only ever appended to."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, Protocol

from interlock.adapters.durable import sync_directory, write_all
from interlock.failpoints import reach

__all__ = ["FIRST", "FileIO", "SystemIO", "first_gap", "listing", "segment_name"]

_NAME: Final = re.compile(r"[0-9]{6,}\.jsonl")


def segment_name(number: int) -> str:
    """The file of the n-th segment, from 1."""
    return f"{number:06d}.jsonl"


FIRST: Final = segment_name(1)
"""The file that a log begins with."""


def listing(directory: Path) -> list[Path]:
    """The segments that are there, in order."""
    found = [path for path in directory.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.stem))


def first_gap(segments: list[Path]) -> str | None:
    """Name of the first segment that should be there and is not; ``None`` if none is missing."""
    for number, path in enumerate(segments, start=1):
        if path.name != segment_name(number):
            return segment_name(number)
    return None


class FileIO(Protocol):
    """The few calls the writer makes, so that a test can stand in for a disk that fails."""

    def open(self, path: Path) -> int:
        """Open for appending, create if need be; the name is durable on return."""
        ...

    def write(self, descriptor: int, data: bytes) -> None:
        """Append all of it."""
        ...

    def sync(self, descriptor: int) -> None:
        """Return when everything written is on the disk."""
        ...

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut to that many bytes."""
        ...

    def close(self, descriptor: int) -> None:
        """Let go of it."""
        ...


class SystemIO:
    """``FileIO`` over the operating system."""

    def open(self, path: Path) -> int:
        """Open for appending, create if need be; the name is durable on return."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        reach("audit.segment")
        sync_directory(path.parent)
        return descriptor

    def write(self, descriptor: int, data: bytes) -> None:
        """Append all of it."""
        write_all(descriptor, data)

    def sync(self, descriptor: int) -> None:
        """Return when everything written is on the disk."""
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut to that many bytes."""
        os.ftruncate(descriptor, size)

    def close(self, descriptor: int) -> None:
        """Let go of it."""
        os.close(descriptor)
