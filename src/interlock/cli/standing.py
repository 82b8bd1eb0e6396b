"""A repository's files as they stand in its working tree, for commands that need no commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

__all__ = ["standing"]


def standing(root: Path) -> Callable[[str], bytes | None]:
    """Reads by path from the repository's top; nothing outside, and nothing through a link.

    A commit holds a link as a link, so what it leads to here would not be there for a task.
    """
    top = root.resolve()

    def read(path: str) -> bytes | None:
        file = top / path
        try:
            is_ours = file.is_relative_to(top) and file.resolve(strict=True) == file
            if not is_ours or not file.is_file():
                return None
            return file.read_bytes()
        except (OSError, ValueError, RuntimeError):
            return None

    return read
