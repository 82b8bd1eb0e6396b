"""What a session prints goes into a file with a cap; printing more never blocks the program."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from interlock.adapters.durable import write_all

__all__ = ["CAP_BYTES", "OutputLog"]

CAP_BYTES = 8 * 1024 * 1024
_log = logging.getLogger(__name__)
_CHUNK = 64 * 1024
_CAPPED = b"\n[interlock: the log is full, the rest of the output is dropped]\n"


class OutputLog:
    """Reads one pipe to its end on the loop, keeping the first ``cap`` bytes.

    Args:
        path: the file; an existing one is continued.
        cap: size of the file in bytes, from which on output is read and dropped.
    """

    def __init__(
        self, path: Path, loop: asyncio.AbstractEventLoop, *, cap: int = CAP_BYTES
    ) -> None:
        self._loop = loop
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._room = cap - os.fstat(self._file).st_size
        self._pipe, self.write_end = os.pipe()
        os.set_blocking(self._pipe, False)

    def start(self) -> None:
        """Begin to read; the writer has its end, ours is closed."""
        os.close(self.write_end)
        self.write_end = -1
        self._loop.add_reader(self._pipe, self._readable)

    def close(self) -> None:
        """Take what is still in the pipe and stop. May be called again."""
        if self._pipe < 0:
            return
        while self._take():
            pass
        if self.write_end >= 0:
            os.close(self.write_end)
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        os.close(self._file)
        self._pipe = self._file = self.write_end = -1

    def _readable(self) -> None:
        self._take()

    def _take(self) -> bool:
        """Move one chunk; whether there may be more at once."""
        try:
            data = os.read(self._pipe, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._pipe)
            return False
        if self._room > 0:
            kept = data[: self._room]
            self._room -= len(kept)
            self._write(kept if self._room else kept + _CAPPED)
        return True

    def _write(self, data: bytes) -> None:
        try:
            write_all(self._file, data)
        except OSError as error:
            # A full disk must not stop the session's program at its next line of output.
            self._room = 0
            _log.error("the output of a session is dropped from here on: %s", error)
