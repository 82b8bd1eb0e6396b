"""Finding files by name and by content, in bounded time."""

from __future__ import annotations

import os
import re
import signal
import stat
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

from interlock.supervisor.toolhost.beneath import Tree
from interlock.supervisor.toolhost.pattern import Pattern
from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["Search"]

MAX_DEPTH = 64
MAX_FILE = 16 << 20
MAX_HITS = 10_000
MAX_SECONDS = 30.0
MAX_LINE = 500
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_BINARY_WITHIN = 8192


class TimeLimit:
    """Interrupts even a regular expression: ``re`` looks for signals while it matches.

    Only in the main thread, where signal handlers run.
    """

    def __init__(self, seconds: float) -> None:
        if not 0 < seconds <= MAX_SECONDS:
            raise Refusal("invalid", f"0 < seconds ≤ {MAX_SECONDS:.0f}")
        self._seconds = seconds
        self._armed = False

    def __enter__(self) -> Self:
        self._armed = True
        signal.signal(signal.SIGALRM, self._late)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        return self

    def __exit__(self, *_: object) -> None:
        # In this order: an alarm between the two lines must not raise out of here.
        self._armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _late(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed:
            self._armed = False
            raise Refusal("timed_out", f"not done within {self._seconds:g} s")


class Search:
    """The operations ``glob`` and ``grep``; the root's ``.git`` and links are not entered."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def glob(
        self, *, pattern: str, path: str = ".", limit: int = 2000, seconds: float = 10.0
    ) -> dict[str, Any]:
        """Paths that match, sorted.

        Args:
            pattern: gitignore-style, from ``path``; with a slash at its end for directories.
            path: the directory to look in.
            limit: how many are named at most; ``more`` says whether there are others.
        """
        _refuse_limit(limit)
        wanted = Pattern(pattern)
        with TimeLimit(seconds):
            found = sorted(
                name
                for name, is_directory, _ in self._walk(path, wanted)
                if is_directory == wanted.directories
            )
        return {"paths": [_text(name) for name in found[:limit]], "more": len(found) > limit}

    def grep(
        self,
        *,
        regex: str,
        path: str = ".",
        pattern: str = "**",
        ignore_case: bool = False,
        limit: int = 500,
        seconds: float = 5.0,
    ) -> dict[str, Any]:
        """Lines that match, in files in the order of their names; binary files are passed over.

        Args:
            regex: regular expression (Python's), searched in each line.
            path: a directory to look in, or one file.
            pattern: which files of the directory, as for ``glob``.
            limit: how many hits are answered at most.

        Returns:
            ``hits``: lists of path, line from 1, text (at most 500 characters of it); ``files``:
            how many were looked through; ``more``: whether the limit cut it short; ``skipped``: how
            many files were too large or unreadable.

        Raises:
            Refusal: ``invalid`` for a bad expression, ``timed_out``.
        """
        _refuse_limit(limit)
        with TimeLimit(seconds):
            expression = _expression(regex, ignore_case)
            return self._grep(expression, self._candidates(path, Pattern(pattern)), limit)

    def _grep(
        self,
        expression: re.Pattern[str],
        candidates: Iterator[tuple[bytes, int | None]],
        limit: int,
    ) -> dict[str, Any]:
        hits: list[tuple[str, int, str]] = []
        files = skipped = 0
        more = False
        for name, descriptor in candidates:
            text = None if descriptor is None else _content(descriptor)
            if text is None:
                skipped += 1
                continue
            files += 1
            for number, line in enumerate(text.splitlines() if text else (), 1):
                if expression.search(line):
                    if len(hits) == limit:
                        more = True
                        break
                    hits.append((_text(name), number, line[:MAX_LINE]))
            if more:
                break
        return {"hits": hits, "files": files, "skipped": skipped, "more": more}

    def _candidates(self, path: str, wanted: Pattern) -> Iterator[tuple[bytes, int | None]]:
        """Regular files to look through, opened; ``None`` for those that cannot be."""
        real = self._tree.resolve(path)
        status = self._tree.status(real)
        if status is not None and not stat.S_ISDIR(status.st_mode):
            yield real, self._tree.open_regular(real)[0]
            return
        for name, is_directory, directory in self._walk(path, wanted):
            if is_directory:
                continue
            try:
                descriptor = os.open(name.rpartition(b"/")[2], _FILE, dir_fd=directory)
            except OSError:
                yield name, None
                continue
            yield name, descriptor

    def _walk(self, path: str, wanted: Pattern) -> Iterator[tuple[bytes, bool, int]]:
        """Matching paths from the root, whether each is a directory, and its open parent."""
        real = self._tree.resolve(path)
        pending = [(real, wanted.start, 0)]
        while pending:
            prefix, state, depth = pending.pop()
            try:
                directory = self._tree.open(prefix, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:
                if not depth:
                    raise
                continue  # gone, swapped or closed to us meanwhile: not there
            below = []
            try:
                with os.scandir(directory) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
                for entry in entries:
                    name = os.fsencode(entry.name)
                    here = prefix + b"/" + name if prefix else name
                    after = wanted.step(state, _shown(name))
                    if not after or here == b".git":
                        continue
                    is_directory = entry.is_dir(follow_symlinks=False)
                    if wanted.matches(after):
                        yield here, is_directory, directory
                    if is_directory and depth < MAX_DEPTH:
                        below.append((here, after, depth + 1))
            finally:
                os.close(directory)
            pending.extend(reversed(below))


def _expression(regex: str, ignore_case: bool) -> re.Pattern[str]:
    try:
        return re.compile(regex, re.IGNORECASE if ignore_case else 0)
    except (re.error, RecursionError, OverflowError) as problem:
        raise Refusal("invalid", f"not a regular expression: {problem}") from None


def _content(descriptor: int) -> str | None:
    """Text of an open file, empty if it is binary; ``None`` if it is no file or too large."""
    with open(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE:
            return None
        data = file.read(MAX_FILE)
    if b"\0" in data[:_BINARY_WITHIN]:
        return ""
    return data.decode("utf-8", "replace")


def _refuse_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_HITS:
        raise Refusal("invalid", f"1 ≤ limit ≤ {MAX_HITS}")


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _text(path: bytes) -> str:
    """A path as it goes into JSON: bytes that are no UTF-8 become lone surrogates."""
    return path.decode("utf-8", "surrogateescape")
