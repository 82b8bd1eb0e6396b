"""Reads one mapping of the file key by key; reports what is missing, unknown or of a wrong type."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from interlock.core.model import Position
from interlock.definition import known_keys
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings, Related
from interlock.definition.yaml_nodes import (
    Entry,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    describe,
)

__all__ = ["Fields", "Text", "identifier", "text_of", "texts_of", "unique"]

T = TypeVar("T")

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its place."""

    value: str
    position: Position


class Fields:
    """One mapping under a path such as ``phases[].gates[]``; ``owner`` names it for a person.

    Whoever makes one states all keys that it reads; every other key is reported at once: as one
    without effect yet (``known_keys``), else as unknown. ``open_keys`` leaves that to the reader.
    """

    def __init__(
        self,
        node: Node,
        path: str,
        owner: str,
        keys: Collection[str],
        findings: Findings,
        *,
        open_keys: bool = False,
    ) -> None:
        self.position = node.position
        self.path = path
        self.owner = owner
        self._findings = findings
        self._entries: dict[str, Entry] = {}
        if not isinstance(node, MappingNode):
            findings.error(
                Code.WRONG_TYPE, f"{owner} must be a mapping of keys, not {describe(node)}", node
            )
            self.usable = False
            return
        self.usable = True
        self._entries = node.entries
        if not open_keys:
            self._report_others(frozenset(keys))

    def _report_others(self, keys: frozenset[str]) -> None:
        later = known_keys.below(self.path)
        for name, entry in self._entries.items():
            if name in keys:
                continue
            if self.is_later(name, entry):
                continue
            hint = self._findings.did_you_mean(name, keys | set(later))
            if name == "<<":
                hint = "Merge keys are not part of YAML 1.2; write the keys out."
            message = f"{self.owner} has no key '{name}'"
            self._findings.error(Code.UNKNOWN_KEY, message, entry.key, help=hint)

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def entry(self, key: str, *, required: bool = False) -> Entry | None:
        """The key with its value; a missing required key is reported."""
        entry = self._entries.get(key)
        if entry is None and required and self.usable:
            message = f"{self.owner} needs the key '{key}'"
            self._findings.error(Code.MISSING_KEY, message, self.position)
        return entry

    def is_list(self, key: str) -> bool:
        """Whether the key is there with a list below it."""
        entry = self._entries.get(key)
        return entry is not None and isinstance(entry.value, SequenceNode)

    def text_is(self, key: str, value: str) -> bool:
        """Whether the key is there with exactly this value."""
        entry = self._entries.get(key)
        node = entry.value if entry else None
        return isinstance(node, ScalarNode) and node.value == value

    def is_later(self, key: str, entry: Entry) -> bool:
        """Whether the key is one without effect yet; if so, that is reported."""
        row = known_keys.below(self.path).get(key)
        if row is not None:
            known_keys.report(row, entry, self._findings)
        return row is not None

    def others(self, keys: Collection[str]) -> Iterator[tuple[str, Entry]]:
        """All entries except those of the given keys."""
        return ((name, entry) for name, entry in self._entries.items() if name not in keys)

    def place(self, key: str) -> Position:
        """Where the value of a key stands; the mapping itself without it."""
        entry = self._entries.get(key)
        return entry.value.position if entry else self.position

    def text(self, key: str, *, required: bool = False, empty: bool = False) -> str:
        """A text; "" when it is missing or wrong. ``empty``: an empty text is fine."""
        entry = self.entry(key, required=required)
        if entry is None:
            return ""
        found = text_of(entry.value, f"'{key}'", self._findings, empty=empty)
        return found.value if found else ""

    def raw(self, key: str, *, required: bool = False) -> str:
        """A text that people forget to quote: ``1.10`` stays "1.10"."""
        entry = self.entry(key, required=required)
        if entry is None:
            return ""
        if isinstance(entry.value, ScalarNode) and isinstance(entry.value.value, int | float):
            self._note_unquoted(key, entry.value)
            return entry.value.raw
        found = text_of(entry.value, f"'{key}'", self._findings)
        return found.value if found else ""

    def _note_unquoted(self, key: str, node: ScalarNode) -> None:
        """Read right here, and as another number by every other program that reads the file."""
        if str(node.value) != node.raw:
            self._findings.warning(
                Code.UNQUOTED,
                f"'{key}' stays {node.raw} here; other readers of YAML take it for {node.value}",
                node,
                help=f'Put it between quotes: {key}: "{node.raw}"',
            )

    def flag(self, key: str, default: bool) -> bool:
        """``true`` or ``false``."""
        entry = self.entry(key)
        if entry is None:
            return default
        if isinstance(entry.value, ScalarNode) and isinstance(entry.value.value, bool):
            return entry.value.value
        self._wrong(key, "true or false", entry.value)
        return default

    def count(self, key: str, default: T, *, least: int, most: int = 1 << 31) -> int | T:
        """A whole number between two bounds, both included."""
        entry = self.entry(key)
        if entry is None:
            return default
        value = entry.value.value if isinstance(entry.value, ScalarNode) else None
        if not isinstance(value, int) or isinstance(value, bool):
            self._wrong(key, "a whole number", entry.value)
            return default
        if not least <= value <= most:
            message = f"'{key}' must be between {least} and {most}, not {value}"
            self._findings.error(Code.BAD_VALUE, message, entry.value)
            return default
        return value

    def choice(self, key: str, values: Sequence[T], default: T, *, what: str) -> T:
        """One of the values (each written as its ``str``); ``what`` names the kind of value."""
        entry = self.entry(key)
        if entry is None:
            return default
        found = text_of(entry.value, f"'{key}'", self._findings)
        if found is None:
            return default
        for value in values:
            if str(value) == found.value:
                return value
        self._findings.error(
            Code.UNKNOWN_VALUE,
            f"There is no {what} '{found.value}'",
            entry.value,
            help=self._findings.did_you_mean(found.value, map(str, values)),
        )
        return default

    def texts(self, key: str, *, required: bool = False) -> tuple[Text, ...]:
        """A list of texts."""
        entry = self.entry(key, required=required)
        return texts_of(entry.value, f"'{key}'", self._findings) if entry else ()

    def items(self, key: str, *, required: bool = False) -> list[Node]:
        """The items of a list."""
        entry = self.entry(key, required=required)
        if entry is None:
            return []
        if isinstance(entry.value, SequenceNode):
            return entry.value.items
        self._wrong(key, "a list", entry.value)
        return []

    def _wrong(self, key: str, wanted: str, node: Node) -> None:
        message = f"'{key}' must be {wanted}, not {describe(node)}"
        hint = "Write [] for an empty list." if wanted == "a list" and _is_nothing(node) else ""
        self._findings.error(Code.WRONG_TYPE, message, node, help=hint)


def text_of(node: Node, what: str, findings: Findings, *, empty: bool = False) -> Text | None:
    """The node as a text; ``None`` (and a finding) when it is none."""
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        is_bare = isinstance(node, ScalarNode) and node.value is not None
        hint = "Put it between quotes." if is_bare else ""
        message = f"{what} must be text, not {describe(node)}"
        findings.error(Code.WRONG_TYPE, message, node, help=hint)
        return None
    if not empty and not node.value.strip():
        findings.error(Code.BAD_VALUE, f"{what} is empty", node)
        return None
    return Text(node.value, node.position)


def texts_of(node: Node, what: str, findings: Findings) -> tuple[Text, ...]:
    """The node as a list of texts."""
    if not isinstance(node, SequenceNode):
        hint = "Write [] for an empty list." if _is_nothing(node) else ""
        message = f"{what} must be a list, not {describe(node)}"
        findings.error(Code.WRONG_TYPE, message, node, help=hint)
        return ()
    found = (text_of(item, f"An item of {what}", findings) for item in node.items)
    return tuple(item for item in found if item is not None)


def unique(
    items: Sequence[T],
    key: Callable[[T], str],
    at: Callable[[T], Position],
    what: str,
    findings: Findings,
) -> None:
    """Report each item whose key an earlier item has."""
    first: dict[str, Position] = {}
    for item in items:
        name = key(item)
        if not name:
            continue
        if name in first:
            findings.error(
                Code.DUPLICATE_ID,
                f"{what} '{name}' is here twice",
                at(item),
                related=[Related("first here", first[name])],
            )
        first.setdefault(name, at(item))


def identifier(fields: Fields, key: str, findings: Findings) -> str:
    """A required name that goes into paths, refs and commands: letters, digits and ``_ . -``."""
    name = fields.text(key, required=True)
    if name and not _IDENTIFIER.fullmatch(name):
        message = f"'{name[:80]}' cannot be the '{key}' of anything"
        hint = "Use at most 64 letters, digits and _ . - and start with a letter or digit."
        findings.error(Code.BAD_VALUE, message, fields.place(key), help=hint)
    return name


def _is_nothing(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None
