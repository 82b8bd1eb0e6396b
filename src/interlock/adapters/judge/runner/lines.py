"""Which lines of some files run, and which tests reach their functions.

Python's own trace function, so that no project needs a library for it: a call of any other file
costs one look into a dictionary, which is less than a coverage tool takes.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

__all__ = ["Lines"]

_REACHING = 10

Trace = Callable[[FrameType, str, Any], Any]


class Lines:
    """Watches some files of a tree.

    Args:
        root: of the tree.
        paths: of the files, from its root.
        minded: tests that are told of with everything they reach; of others only some are.
    """

    def __init__(self, root: str, paths: Iterable[str], minded: Iterable[str]) -> None:
        self.test = ""
        self._minded = frozenset(minded)
        self.hit: dict[str, set[int]] = {path: set() for path in paths}
        self.reached: dict[str, dict[int, set[str]]] = {path: {} for path in self.hit}
        self._traces: dict[str, Trace | None] = {
            os.path.join(root, path): self._tracing(path) for path in self.hit
        }

    def start(self) -> None:
        """Watch from now on, in this thread and in those to come."""
        if self.hit:
            threading.settrace(self._call)
            sys.settrace(self._call)

    def stop(self) -> None:
        """Watch no more."""
        if self.hit:
            sys.settrace(None)
            threading.settrace(None)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        try:
            trace = self._traces[code.co_filename]
        except KeyError:
            # A file may be imported by another name of its place.
            trace = self._traces.get(os.path.abspath(code.co_filename))
            self._traces[code.co_filename] = trace
        return trace and trace(frame, event, argument)

    def _tracing(self, path: str) -> Trace:
        hit, reached = self.hit[path].add, self.reached[path]

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "line":
                hit(frame.f_lineno)
            return line

        def call(frame: FrameType, event: str, argument: Any) -> Any:
            tests = reached.setdefault(frame.f_code.co_firstlineno, set())
            if self.test and (len(tests) < _REACHING or self.test in self._minded):
                tests.add(self.test)
            return line

        return call
