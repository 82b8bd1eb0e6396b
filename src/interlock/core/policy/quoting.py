"""Undo the shell's quoting of one word, without looking anything up."""

from __future__ import annotations

import re
from typing import Final

from interlock.core.policy.script import Word

__all__ = ["PLAIN", "PLAIN_BYTES", "UnclearWordError", "plain_words", "unquote"]

PLAIN: Final = re.compile(r"[A-Za-z0-9_./:,@%+-][A-Za-z0-9_./:,@%+=~-]*+", re.ASCII)
"""A word that means itself."""

PLAIN_BYTES: Final = re.compile(PLAIN.pattern.encode())

# One pair of quotes with nothing in it that means something else than itself.
_QUOTED: Final = r"""'[^'\n]*'|"[^"$`\\\n]*\""""
_WORDS: Final = re.compile(rf"(?:{PLAIN.pattern}|{_QUOTED})(?=[ \t]|$)", re.ASCII)
_SIMPLE: Final = re.compile(
    rf"(?![^ \t'\"]*=)(?:{PLAIN.pattern}|{_QUOTED})(?:[ \t]++(?:{PLAIN.pattern}|{_QUOTED}))*+",
    re.ASCII,
)

# Unquoted, these make the shell put in something else: expansions, globs, braces.
_DYNAMIC: Final = frozenset("$`*?[]{}")
# Unquoted, these end a word; met inside of one, the parser and the shell see different words.
_BREAKS: Final = frozenset(" \t\n;|&<>()")
# Inside double quotes a backslash is only special before these.
_ESCAPED_IN_DOUBLE: Final = frozenset('$`"\\')


def plain_words(source: str) -> tuple[str, ...]:
    """The words of a command that has nothing but plain and simply quoted ones, else none.

    Args:
        source: one simple command exactly as it stands in the text.
    """
    if not _SIMPLE.fullmatch(source):
        return ()
    if "'" not in source and '"' not in source:
        return tuple(source.split())
    return tuple(word[1:-1] if word[0] in "'\"" else word for word in _WORDS.findall(source))


class UnclearWordError(Exception):
    """A word that the shell may split or read in another way than the parser did."""


def unquote(source: str) -> Word:
    """The word's meaning, or ``None`` if the shell would expand something in it.

    Args:
        source: one word exactly as it stands in the text.

    Raises:
        UnclearWordError: quotes do not close, or an unquoted character ends the word early.
    """
    if PLAIN.fullmatch(source):
        return source
    if source.startswith("~"):
        return None
    out: list[str] = []
    position, end = 0, len(source)
    while position < end:
        char = source[position]
        match char:
            case "'":
                close = source.find("'", position + 1)
                if close < 0:
                    raise UnclearWordError(source)
                out.append(source[position + 1 : close])
                position = close + 1
            case '"':
                position = _double(source, position + 1, out)
                if position < 0:
                    return None
            case "\\":
                if position + 1 >= end:
                    raise UnclearWordError(source)
                if source[position + 1] != "\n":
                    out.append(source[position + 1])
                position += 2
            case "{" if source.startswith("{}", position):
                out.append("{}")
                position += 2
            case _ if char in _DYNAMIC:
                # What follows may hold spaces and quotes of its own; nobody needs it exactly.
                return None
            case _ if char in _BREAKS:
                raise UnclearWordError(source)
            case _:
                out.append(char)
                position += 1
    return "".join(out)


def _double(source: str, position: int, out: list[str]) -> int:
    """Reads up to the closing double quote; returns where to go on, -1 if something expands."""
    end = len(source)
    while position < end:
        char = source[position]
        if char == '"':
            return position + 1
        if char in "$`":
            # "a$" is plain, but telling so needs the grammar: unknown is good enough.
            return -1
        if char == "\\" and position + 1 < end:
            follower = source[position + 1]
            if follower == "\n":
                position += 2
                continue
            if follower in _ESCAPED_IN_DOUBLE:
                out.append(follower)
                position += 2
                continue
        out.append(char)
        position += 1
    raise UnclearWordError(source)
