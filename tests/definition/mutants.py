"""Every key of a workflow file with the place where it stands, and the file without it, with it
misspelt, or with another value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

__all__ = ["Key", "keys_of", "line_and_column"]


@dataclass(frozen=True)
class Key:
    """One key of one mapping.

    Args:
        path: from the root, as ``phases[0].gates[0].id``.
        name: the key itself.
        text: the whole file.
        start: offset of the key.
        value: offset of its value.
        end: offset behind its value.
        parent: offset of the mapping that it is in.
        then: offset of the key after it in the same mapping, ``None`` for the last.
        before: offset behind the value before it, ``None`` for the first.
        node: its value.
    """

    path: str
    name: str
    text: str
    start: int
    value: int
    end: int
    parent: int
    then: int | None
    before: int | None
    node: Any

    @property
    def pattern(self) -> str:
        """The path without numbers: ``phases[].gates[].id``."""
        return re.sub(r"\[\d+\]", "[]", self.path)

    @property
    def kind(self) -> str:
        """``list``, ``mapping``, or what is written for a scalar."""
        match self.node:
            case yaml.SequenceNode():
                return "list"
            case yaml.MappingNode():
                return "mapping"
        return str(self.node.value)

    def removed(self) -> str:
        """The file without the key."""
        if self.then is not None:
            return self.text[: self.start] + self.text[self.then :]
        if self.before is not None:
            return self.text[: self.before] + self.text[self.end :]
        return self.text[: self.start] + ("" if self._is_flow else "{}") + self.text[self.end :]

    @property
    def _is_flow(self) -> bool:
        return self.text[self.parent] == "{"

    def misspelt(self) -> str:
        """The file with one letter of the key twice."""
        return self.text[: self.start] + self.name[0] + self.text[self.start :]

    def valued(self, value: str) -> str:
        """The file with another value."""
        inserted = value
        if "\n" in self.text[self.start : self.value]:  # it stood below its key
            return f"{self.text[: self.start]}{self.name}: {inserted}{self.text[self.end :]}"
        return self.text[: self.value] + inserted + self.text[self.end :]

    def value_place(self) -> int:
        """Offset of the value in what ``valued`` makes."""
        if "\n" in self.text[self.start : self.value]:
            return self.start + len(self.name) + 2
        return self.value


def keys_of(text: str) -> list[Key]:
    """All keys of a file, in its order."""
    return list(_keys(yaml.compose(text, Loader=yaml.SafeLoader), "", text))


def _keys(node: Any, path: str, text: str) -> Iterator[Key]:
    match node:
        case yaml.SequenceNode():
            for index, item in enumerate(node.value):
                yield from _keys(item, f"{path}[{index}]", text)
        case yaml.MappingNode():
            pairs = node.value
            for index, (key, value) in enumerate(pairs):
                name = f"{path}.{key.value}" if path else key.value
                yield Key(
                    path=name,
                    name=key.value,
                    text=text,
                    start=key.start_mark.index,
                    value=value.start_mark.index,
                    end=_end(value),
                    parent=node.start_mark.index,
                    then=pairs[index + 1][0].start_mark.index if index + 1 < len(pairs) else None,
                    before=_end(pairs[index - 1][1]) if index else None,
                    node=value,
                )
                yield from _keys(value, name, text)


def _end(node: Any) -> int:
    """Behind the last character of a node; the mark of a block lies behind the blanks after it."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """A place as people count."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
