"""Paths that a glob matches, made from the glob: whether one list of globs leaves something over of
another is tried on them.

A glob that another list takes in whole takes in all of its witnesses. The words put in for its
wildcards differ in length, first character and ending, so that a list which only takes in some
paths leaves one of them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from interlock.core.policy import pathshape
from interlock.core.policy.globs import PatternError, compiled

__all__ = ["witnesses"]

_WORDS: Final = ("zqx", "Q", "9-kvj.w", "_longer_than_others.yz", ".hqz")
_DEPTHS: Final = (0, 1, 2)
_CLASS: Final = re.compile(r"\[(!|\^)?([^\]]+)\]")


@lru_cache(maxsize=512)
def witnesses(pattern: str) -> tuple[str, ...]:
    """Paths that the glob matches; none if it cannot be read (an exception, an escape, no glob)."""
    if "\\" in pattern or pattern.startswith("!"):
        return ()
    stem = pattern.rstrip("/")
    parts = [part for part in stem.split("/") if part]
    found: dict[str, None] = {}
    for word in _WORDS:
        for depth in _DEPTHS:
            middle = [made for part in parts for made in _part(part, word, depth)]
            before = [] if "/" in stem else [word] * depth
            for after in ([], [word]):
                found["/".join([*before, *middle, *after])] = None
    try:
        globs = compiled((pattern,))
    except PatternError:
        return ()
    return tuple(
        path
        for path in found
        if path and not pathshape.malformed(path) and globs.both(path, pathshape.fold(path))
    )


def _part(part: str, word: str, depth: int) -> list[str]:
    if part == "**":
        return [word] * depth
    # With depth 0 a star stands for nothing, unless it is all there is.
    star = word if depth or part.strip("*") == "" else ""
    return [_CLASS.sub(_member, part).replace("?", word[-1]).replace("*", star)]


def _member(found: re.Match[str]) -> str:
    negated, members = found.groups()
    if not negated:
        return str(members[0])
    return next((char for char in "qzx7_" if char not in members), "~")
