"""What a YAML document is made of here: values that know where they were written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from interlock.core.model import Position

__all__ = [
    "Entry",
    "MappingNode",
    "Node",
    "ScalarNode",
    "SequenceNode",
    "describe",
    "mapping_of",
    "plain",
    "sequence_of",
]


@dataclass(slots=True, eq=False)
class ScalarNode:
    """One value. ``raw`` is what was written, without quotes; ``size`` counts it and all below.

    ``opens`` is how far behind its position ``raw`` begins; ``None`` where the two do not go along
    side by side, as over several lines or with escapes.
    """

    position: Position
    value: str | int | float | bool | None
    raw: str
    size: int = 1
    opens: int | None = None


@dataclass(slots=True, eq=False)
class SequenceNode:
    """A list."""

    position: Position
    items: list[Node] = field(default_factory=list)
    size: int = 1


@dataclass(slots=True, eq=False)
class Entry:
    """One key of a mapping with its value."""

    key: ScalarNode
    value: Node


@dataclass(slots=True, eq=False)
class MappingNode:
    """A mapping; a key is what was written, whatever it looks like (``on`` is the text "on")."""

    position: Position
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1


Node = ScalarNode | SequenceNode | MappingNode


def mapping_of(position: Position, entries: Mapping[str, Entry]) -> MappingNode:
    """A mapping of nodes that are there already."""
    size = 1 + sum(1 + entry.value.size for entry in entries.values())
    return MappingNode(position, dict(entries), size)


def sequence_of(position: Position, items: Iterable[Node]) -> SequenceNode:
    """A list of nodes that are there already."""
    found = list(items)
    return SequenceNode(position, found, 1 + sum(item.size for item in found))


def plain(node: Node) -> Any:
    """The node as plain JSON values."""
    match node:
        case ScalarNode():
            return node.value
        case SequenceNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {key: plain(entry.value) for key, entry in node.entries.items()}


def describe(node: Node) -> str:
    """What the node is, in a word for a person."""
    match node:
        case SequenceNode():
            return "a list"
        case MappingNode():
            return "a mapping"
        case ScalarNode(value=None):
            return "nothing"
        case ScalarNode(value=bool()):
            return f"the yes/no value {node.raw}"
        case ScalarNode(value=int() | float()):
            return f"the number {node.raw}"
        case ScalarNode():
            return "text"
