"""The way out of a run: one JSON line for each thing that happened.

``collect``, ``broken``, ``report``, ``lines``, and ``end`` as the last one.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from typing import Any

from .lines import Lines

__all__ = ["Frames"]

# What an object without a text of its own shows of itself differs from run to run.
_ADDRESS = re.compile(r"( at 0x)[0-9a-fA-F]+")


class Frames:
    """Writes frames for one process.

    Args:
        fd: where they go.
        directory: of the project in the tree; tests are named from the tree's root.
    """

    def __init__(self, fd: int, directory: str) -> None:
        self._fd = fd
        self._directory = directory
        self._process = os.getpid()
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()

    def name(self, test: str) -> str:
        """A test (or file) of the project as the judge calls it: the same in every run."""
        if test not in self._names:
            known = stable = _ADDRESS.sub(r"\1", self._from_root(test))
            count = 1
            while stable in self._taken:
                count += 1
                stable = f"{known}#{count}"
            self._taken.add(stable)
            self._names[test] = stable
        return self._names[test]

    def _from_root(self, test: str) -> str:
        if not self._directory:
            return test
        path, separator, inner = test.partition("::")
        return posixpath.normpath(posixpath.join(self._directory, path)) + separator + inner

    def emit(self, **frame: Any) -> None:
        """Write one frame; a process that a test forked is not the one to report."""
        if os.getpid() != self._process:
            return
        rest = memoryview(json.dumps(frame).encode() + b"\n")
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def emit_lines(self, lines: Lines) -> None:
        """Say what ran of the files that were watched."""
        for path, hit in lines.hit.items():
            reached = lines.reached[path]
            self.emit(
                k="lines",
                file=path,
                hit=sorted(hit),
                reached=[[line, sorted(tests)] for line, tests in sorted(reached.items())],
            )
