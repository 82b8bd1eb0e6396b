"""The words of a condition with their places; what they mean is the library's business."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Word", "WordKind", "words"]


class WordKind(StrEnum):
    """What a word is."""

    NAME = "name"
    TEXT = "text"
    NUMBER = "number"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Word:
    """One word; ``value`` is what a text holds, as it is written between its quotes."""

    kind: WordKind
    text: str
    offset: int
    value: str = ""


_WORD = re.compile(
    r"""
    (?P<skip>\s+|//[^\n]*)
  | (?P<text>
        [rR](?:'(?P<raw1>[^'\n]*)'|"(?P<raw2>[^"\n]*)")
      | '(?P<one>(?:\\.|[^'\\\n])*)' | "(?P<two>(?:\\.|[^"\\\n])*)")
  | (?P<number>\d[\w.]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign>&&|\|\||[=!<>]=|[-+*/%<>!?:,.()\[\]])
    """,
    re.VERBOSE | re.ASCII,
)


def words(text: str) -> tuple[Word, ...]:
    """The words, without blanks and comments.

    Texts over several lines, bytes, maps and messages are not among what a condition may hold.

    Raises:
        ValueError: with the offset of what is no word.
    """
    found: list[Word] = []
    at = 0
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None or _runs_on(text, match):
            raise ValueError(str(at))
        for kind in WordKind:
            if match[kind.value] is not None:
                inside = (match["raw1"], match["raw2"], match["one"], match["two"])
                value = next((part for part in inside if part is not None), "")
                found.append(Word(kind, match[0], at, value))
        at = match.end()
    return tuple(found)


def _runs_on(text: str, match: re.Match[str]) -> bool:
    """Whether the library would read on: a quote right behind a text or a name starts another."""
    following = text[match.end() : match.end() + 1]
    return following in ("'", '"') and match["skip"] is None and match["sign"] is None
