"""What a condition may ask about: the one table of facts, with their types.

The loader checks names and types against it, the gates fill it in, the documentation prints it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from interlock.core.facts import ChangeKind, TreeChange
from interlock.core.model import Mode
from interlock.core.work import Kind, Work

__all__ = ["FACTS", "Fact", "FactType", "known_facts", "samples"]


class FactType(StrEnum):
    """What a fact is, in a reader's words."""

    TEXT = "text"
    NUMBER = "number"
    TEXTS = "list of texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact.

    Args:
        about: what it says, as the end of a sentence.
        values: all that it can be, where there are few; a condition that compares it with anything
            else is misspelt.
    """

    type: FactType
    about: str
    values: tuple[str, ...] = ()


def _text(about: str, *values: str) -> Fact:
    return Fact(type=FactType.TEXT, about=about, values=tuple(map(str, values)))


def _number(about: str) -> Fact:
    return Fact(type=FactType.NUMBER, about=about)


FACTS: Mapping[str, Fact] = MappingProxyType(
    {
        "work.kind": _text("kind of work, as measured by the server", *Kind),
        "work.stated": _text("word that the plan states it by; empty without one"),
        "task.title": _text("the task's title"),
        "task.priority": _number("the task's priority, 0 by default"),
        "task.capabilities": Fact(
            type=FactType.TEXTS, about="capabilities that the task asks of its agent"
        ),
        "diff.files": _number("how many paths differ from the base"),
        "diff.added": _number("how many of them are new"),
        "diff.modified": _number("how many of them are changed"),
        "diff.deleted": _number("how many of them are gone"),
        "diff.paths": Fact(type=FactType.TEXTS, about="the paths that differ from the base"),
        "confinement": _text(
            "level of confinement that the attempt ran at", "full", "partial", "none"
        ),
        "mode": _text("mode of the workflow", *Mode),
    }
)
"""Dotted name → fact."""


def known_facts(
    *,
    work: Work,
    title: str,
    priority: int,
    capabilities: tuple[str, ...],
    changes: tuple[TreeChange, ...],
    confinement: str,
    mode: Mode,
) -> Mapping[str, Any]:
    """Every fact of the table for one task on one tree."""
    of_kind = {kind: sum(change.kind is kind for change in changes) for kind in ChangeKind}
    return {
        "work.kind": work.kind.value,
        "work.stated": work.stated,
        "task.title": title,
        "task.priority": priority,
        "task.capabilities": list(capabilities),
        "diff.files": len(changes),
        "diff.added": of_kind[ChangeKind.ADDED],
        "diff.modified": of_kind[ChangeKind.MODIFIED],
        "diff.deleted": of_kind[ChangeKind.DELETED],
        "diff.paths": [change.path for change in changes],
        "confinement": confinement,
        "mode": mode.value,
    }


def samples() -> tuple[Mapping[str, Any], ...]:
    """Facts of the right types that a condition is tried on when it is loaded."""
    texts = {FactType.TEXT: "a", FactType.NUMBER: 1, FactType.TEXTS: ["a"]}
    return tuple(
        {
            name: (fact.values[turn % len(fact.values)] if fact.values else texts[fact.type])
            for name, fact in FACTS.items()
        }
        for turn in range(max(len(fact.values) for fact in FACTS.values()))
    )
