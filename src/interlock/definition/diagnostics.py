"""What is wrong with a workflow file, said as a good compiler says it: place, line, caret, help.

Readers never stop at the first mistake: they add to one ``Findings`` and go on, so that a person
sees everything in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol

from interlock.core.model import Position
from interlock.definition.codes import Code, page_of
from interlock.errors import DefinitionError

__all__ = [
    "LINE_BREAK",
    "Diagnostic",
    "Findings",
    "Level",
    "Placed",
    "Related",
    "did_you_mean",
    "excerpt",
    "render",
]

MAX_DIAGNOSTICS = 200
"""Of each level; more are counted, not shown: a hostile file must not make a hostile report."""

_MAX_LINE = 160
_MAX_NAMES = 300
_MAX_NOTES = 3
_BESIDE = frozenset(
    {
        Code.UNKNOWN_CHECK,
        Code.UNKNOWN_RULE,
        Code.UNKNOWN_TOOL,
        Code.CHECK_PARAMETER,
        Code.GATE_CANNOT_FAIL,
        Code.GATE_CANNOT_PASS,
        Code.TOOL_CONTRADICTION,
        Code.CONSTRAINT_WITHOUT_EFFECT,
        Code.SCHEMA_MISSING,
        Code.SCHEMA_INVALID,
        Code.BAD_PATTERN,
        Code.BAD_COMMAND,
    }
)
"""Mistakes that leave the ways between phases as they are."""
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what libyaml counts as a line


class Level(StrEnum):
    """Whether the file loads in spite of it."""

    ERROR = "error"
    WARNING = "warning"


class Placed(Protocol):
    """Anything that knows where it was written."""

    @property
    def position(self) -> Position: ...


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that has to do with the finding."""

    message: str
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding. ``help`` is what to write instead, or an empty string."""

    code: Code
    level: Level
    message: str
    position: Position
    help: str = ""
    related: tuple[Related, ...] = ()

    @classmethod
    def of(
        cls,
        level: Level,
        code: Code,
        message: str,
        at: Placed | Position,
        *,
        help: str = "",
        related: Iterable[Related] = (),
    ) -> Diagnostic:
        """A finding about something that knows its place."""
        return cls(
            code=code,
            level=level,
            message=message,
            position=at if isinstance(at, Position) else at.position,
            help=help,
            related=tuple(related),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values for machines."""
        return {
            "code": str(self.code),
            "severity": str(self.level),
            "message": self.message,
            "position": _place(self.position),
            "help": self.help,
            "related": [
                {"message": item.message, "position": _place(item.position)}
                for item in self.related
            ],
            "page": page_of(self.code),
        }


class Findings:
    """Collects what the readers notice about one file."""

    def __init__(self) -> None:
        self._found: dict[Level, list[Diagnostic]] = {level: [] for level in Level}
        self._known: set[Diagnostic] = set()
        self._notes: dict[Position, list[Related]] = {}
        self._beyond = 0

    def error(
        self,
        code: Code,
        message: str,
        at: Placed | Position,
        *,
        help: str = "",
        related: Iterable[Related] = (),
    ) -> None:
        """Add something that keeps the file from loading."""
        self._add(Diagnostic.of(Level.ERROR, code, message, at, help=help, related=related))

    def warning(self, code: Code, message: str, at: Placed | Position, *, help: str = "") -> None:
        """Add something that the file loads in spite of."""
        self._add(Diagnostic.of(Level.WARNING, code, message, at, help=help))

    def note(self, at: Position, related: Related) -> None:
        """Let whatever is found at a place from now on name another one that has to do with it."""
        notes = self._notes.setdefault(at, [])
        if related not in notes[:_MAX_NOTES]:
            notes.append(related)

    def _add(self, found: Diagnostic) -> None:
        if notes := self._notes.get(found.position):
            found = replace(found, related=(*found.related, *notes[:_MAX_NOTES]))
        if found in self._known:  # an alias reads the same node several times
            return
        self._known.add(found)
        listed = self._found[found.level]
        if len(listed) < MAX_DIAGNOSTICS:
            listed.append(found)
        else:
            self._beyond += 1

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return bool(self._found[Level.ERROR])

    @property
    def shape_holds(self) -> bool:
        """Whether phases, gates and transitions are as they were meant, whatever else is wrong."""
        return all(item.code in _BESIDE for item in self._found[Level.ERROR]) and not self._beyond

    def did_you_mean(self, name: str, known: Iterable[str]) -> str:
        """``did_you_mean``, unless nobody would see it: comparing names is not free."""
        if len(self._found[Level.ERROR]) >= MAX_DIAGNOSTICS:
            return ""
        return did_you_mean(name, known)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings in the order of the file."""
        found = [item for listed in self._found.values() for item in listed]
        return tuple(
            sorted(found, key=lambda d: (d.position.file, d.position.line, d.position.column))
        )

    def failure(self, sources: Mapping[str, str]) -> DefinitionError:
        """All findings as one error, with ``diagnostics`` and ``rendered`` in its context.

        Args:
            sources: file → text, for the carets.
        """
        found = self.sorted()
        errors = [item for item in found if item.level is Level.ERROR]
        first = errors[0]
        count = len(errors) + self._beyond
        more = f" (and {count - 1} more)" if count > 1 else ""
        rendered = "\n\n".join(render(item, sources) for item in found)
        if self._beyond:
            rendered += f"\n\n… and {self._beyond} more findings"
        return DefinitionError(
            f"{first.position}: {first.message}{more}",
            code=str(first.code),
            remedy=first.help or "Correct the marked places of the file.",
            context={"diagnostics": [item.to_json() for item in found], "rendered": rendered},
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Help for a misspelt name: the nearest known one, else all of them if they are few."""
    names = sorted(set(known))
    if len(names) > _MAX_NAMES:
        return ""
    near = get_close_matches(name[:100], names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known here: {', '.join(names)}." if 0 < len(names) <= 20 else ""


def render(diagnostic: Diagnostic, sources: Mapping[str, str]) -> str:
    """The finding as text: ``file:line:col``, the source line, a caret, help and related places."""
    position = diagnostic.position
    head = f"{position}: {diagnostic.level}: {diagnostic.message} [{diagnostic.code}]"
    parts = [head, *excerpt(position, sources)]
    for item in diagnostic.related:
        parts.append(f"  {item.position}: {item.message}")
        parts.extend(excerpt(item.position, sources))
    if diagnostic.help:
        parts.append(f"  help: {diagnostic.help}")
    return "\n".join(parts)


def excerpt(position: Position, sources: Mapping[str, str]) -> list[str]:
    """The source line with a caret below its column, cut around the caret when it is long."""
    source = sources.get(position.file)
    if source is None:
        return []
    lines = _lines(source)
    if position.line > len(lines):
        return []
    line, column = lines[position.line - 1], position.column - 1
    start = max(0, column - _MAX_LINE // 2) if len(line) > _MAX_LINE else 0
    shown = "".join(c if c.isprintable() or c == "\t" else "·" for c in line[start:][:_MAX_LINE])
    # Tabs stay tabs below tabs, so that the caret stands where the reader's terminal puts it.
    indent = "".join("\t" if c == "\t" else " " for c in shown[: column - start])
    gutter = str(position.line)
    return [f"  {gutter} | {shown}", f"  {' ' * len(gutter)} | {indent}^"]


@lru_cache(maxsize=2)
def _lines(source: str) -> list[str]:
    return LINE_BREAK.split(source)


def _place(position: Position) -> dict[str, Any]:
    return {"file": position.file, "line": position.line, "column": position.column}
