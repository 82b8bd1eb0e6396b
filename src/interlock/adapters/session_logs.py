"""What sessions printed: the last lines of their logs, fit to be shown."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["SessionLogs"]

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TAIL_BYTES, _MAX_LINES, _MAX_LINE = 16_384, 10, 300


class SessionLogs:
    """Logs of one project's sessions.

    Args:
        directory: holds ``<session id>.log``; the supervisor writes them.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __call__(self, session_id: str) -> tuple[str, tuple[str, ...]]:
        """Path of a session's log and at most 10 last lines; an empty path if there is none."""
        path = self._directory / f"{session_id}.log"
        try:
            with path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return "", ()
        lines = [_CONTROL.sub("", line)[:_MAX_LINE].rstrip() for line in text.split("\n")]
        return str(path), tuple([line for line in lines if line][-_MAX_LINES:])
