"""One glob in gitignore's language, matched name by name while a tree is walked.

``*``, ``?`` and ``[…]`` stay within a name, ``**`` stands for any number of directories, ``\\``
escapes. A pattern without a slash (but at its end) matches at any depth; with one it starts at the
root of the walk. Matching is linear: a state is the set of positions in the pattern that a path has
reached, so no pattern takes exponential time and directories in which nothing can match are never
entered.
"""

from __future__ import annotations

import fnmatch
import re

from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["Pattern"]

_ANY = None
_MAX_LENGTH = 4096


class Pattern:
    """A compiled glob.

    Args:
        text: the glob; with a slash at its end it matches directories only.

    Raises:
        Refusal: ``invalid`` when it is empty or very long.
    """

    def __init__(self, text: str) -> None:
        self.directories = text.endswith("/")
        parts = [part for part in text.split("/") if part not in ("", ".")]
        if not parts or len(text) > _MAX_LENGTH:
            raise Refusal("invalid", "a glob is not empty and not over 4096 characters")
        if "/" not in text.rstrip("/"):
            parts.insert(0, "**")
        if parts[-1] == "**":
            parts.append("*")
        self._steps = [_ANY if part == "**" else _compiled(part) for part in parts]
        self.start = self._closure({0})

    def step(self, state: frozenset[int], name: str) -> frozenset[int]:
        """The state after entering ``name``; empty when nothing below can match."""
        reached: set[int] = set()
        for at in state:
            if at == len(self._steps):
                continue
            step = self._steps[at]
            if step is _ANY:
                reached.add(at)
            elif step.match(name):
                reached.add(at + 1)
        return self._closure(reached)

    def matches(self, state: frozenset[int]) -> bool:
        """Whether the path that led to this state matches."""
        return len(self._steps) in state

    def _closure(self, state: set[int]) -> frozenset[int]:
        """With everything that ``**`` standing for no directory at all reaches."""
        closed = set(state)
        for at, step in enumerate(self._steps):
            if at in closed and step is _ANY:
                closed.add(at + 1)
        return frozenset(closed)


def _compiled(part: str) -> re.Pattern[str]:
    """One name's pattern; ``fnmatch`` writes it without backtracking, and knows no escapes."""
    plain = re.sub(r"\\(.)", lambda found: f"[{found[1]}]" if found[1] in "*?[" else found[1], part)
    return re.compile(fnmatch.translate(plain))
