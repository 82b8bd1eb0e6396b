"""YAML text to nodes: libyaml's events, YAML 1.2 scalars, limits on whatever can be multiplied.

The tree is built here because PyYAML's C composer recurses (a file of brackets ends the process)
and its resolver is that of YAML 1.1 (``no`` is false). Only text, numbers, booleans, null, lists
and mappings come out; no tag constructs anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn, Protocol

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    ScalarEvent,
    SequenceStartEvent,
)
from yaml.reader import ReaderError

from interlock.core.model import Position
from interlock.definition.codes import Code
from interlock.definition.diagnostics import LINE_BREAK, Findings, Related
from interlock.definition.yaml_nodes import Entry, MappingNode, Node, ScalarNode, SequenceNode

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "compose", "is_constant"]

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 100_000
"""Counted with aliases expanded, so that nine lines of aliases cannot stand for a billion nodes."""

_TOO_DEEP = f"Nested deeper than {MAX_DEPTH} levels"
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_LARGEST = 1 << 63
_TEXT, _LIST, _MAPPING = (f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map"))


class _Mark(Protocol):
    """A place as libyaml counts it: from 0."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


class _Stop(Exception):
    """Reading on makes no sense; the finding is already noted."""


def compose(text: str, *, file: str, findings: Findings) -> Node | None:
    """The one document of the text as nodes.

    Args:
        text: the whole file, at most ``MAX_BYTES`` in UTF-8.
        file: name for positions.
        findings: takes what is wrong.

    Returns:
        The root, or ``None`` when the text cannot be read at all.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        at = _place(text[: error.start], file)
        findings.error(Code.SYNTAX, "This is not Unicode text", at)
        return None
    if len(data) > MAX_BYTES:
        message = f"The file has {len(data)} bytes; at most {MAX_BYTES} are read"
        findings.error(Code.TOO_LARGE, message, Position(file, 1, 1))
        return None
    try:
        return _Composer(file, findings).build(data)
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        _note_syntax(error, file, findings)
    except ReaderError as error:
        at = _place(data[: error.position].decode(errors="ignore"), file)
        message = f"YAML has no place for the character U+{int(error.character):04X}"
        findings.error(
            Code.SYNTAX, message, at, help="Write it as an escape between double quotes."
        )
    return None


def is_constant(text: str) -> bool:
    """Whether a plain text stands for true, false or nothing."""
    return text in _CONSTANTS


class _Composer:
    """Builds the tree of one document with a stack of open collections."""

    def __init__(self, file: str, findings: Findings) -> None:
        self._file = file
        self._findings = findings
        self._anchors: dict[str, Node] = {}
        self._open: list[SequenceNode | MappingNode] = []
        self._keys: list[ScalarNode | None] = []  # per open collection: the key awaiting its value
        self._names: list[str | None] = []  # per open collection: its anchor
        self._root: Node | None = None
        self._no_key = ScalarNode(Position(file, 1, 1), None, "")

    def build(self, data: bytes) -> Node | None:
        documents = 0
        for event in _events(data):
            match event:
                case ScalarEvent():
                    scalar = self._scalar(event, self._position(event))
                    if event.anchor:
                        self._anchors[event.anchor] = scalar
                    self._place(scalar)
                case CollectionStartEvent():
                    self._start(event, self._position(event))
                case CollectionEndEvent():
                    self._end()
                case AliasEvent():
                    at = self._position(event)
                    self._place(self._alias(str(event.anchor), at), at)
                case DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        at = self._position(event)
                        self._stop(Code.SYNTAX, "Only one document fits into a file", at)
        return self._root

    def _position(self, event: Event) -> Position:
        return _mark(self._file, event.start_mark)

    def _start(self, event: CollectionStartEvent, position: Position) -> None:
        is_list = isinstance(event, SequenceStartEvent)
        if event.tag is not None:
            self._tag(event.tag, _LIST if is_list else _MAPPING, position)
        if len(self._open) >= MAX_DEPTH:
            self._stop(Code.TOO_LARGE, _TOO_DEEP, position)
        self._open.append(SequenceNode(position) if is_list else MappingNode(position))
        self._keys.append(None)
        self._names.append(event.anchor)

    def _end(self) -> None:
        node = self._open.pop()
        self._keys.pop()
        name = self._names.pop()
        if name:
            self._anchors[name] = node
        self._place(node)

    def _place(self, node: Node, at: Position | None = None) -> None:
        """Put a finished node where it belongs; ``at`` is where an alias to it stands."""
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.size += node.size
        if parent.size > MAX_NODES:
            self._stop(Code.TOO_LARGE, f"More than {MAX_NODES} values", at or node.position)
        if isinstance(parent, SequenceNode):
            parent.items.append(node)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = self._key(node)
            return
        self._keys[-1] = None
        if key is self._no_key:
            return
        earlier = parent.entries.setdefault(key.raw, Entry(key, node))
        if earlier.key is not key:
            self._findings.error(
                Code.DUPLICATE_KEY,
                f"The key '{key.raw}' is here twice",
                key,
                help="Keep one of the two; which one counts would be a guess.",
                related=[Related("first written here", earlier.key.position)],
            )

    def _key(self, node: Node) -> ScalarNode:
        if isinstance(node, ScalarNode):
            return node
        self._findings.error(Code.KEY_NOT_TEXT, "A list or mapping cannot be a key", node)
        return self._no_key

    def _alias(self, name: str, position: Position) -> Node:
        if name in self._names:
            self._stop(Code.ALIAS, f"'*{name}' stands inside of what it repeats", position)
        node = self._anchors.get(name)
        if node is None:
            self._stop(Code.ALIAS, f"Nothing is named '&{name}' above", position)
        depth = len(self._open) + _depth(node)
        if depth > MAX_DEPTH:
            self._stop(Code.TOO_LARGE, _TOO_DEEP, position)
        return node

    def _scalar(self, event: ScalarEvent, position: Position) -> ScalarNode:
        raw: str = event.value
        if event.tag is not None:
            self._tag(event.tag, _TEXT, position)
        # implicit[0]: written plain and untagged. A "!" alone says the same as quotes do.
        is_plain = event.implicit[0] and event.tag is None
        value = self._resolve(raw, position) if is_plain else raw
        return ScalarNode(position, value, raw, opens=_opens(event))

    def _resolve(self, raw: str, position: Position) -> str | int | float | bool | None:
        """The value of a plain scalar by the core schema of YAML 1.2."""
        if raw in _CONSTANTS:
            return _CONSTANTS[raw]
        if len(raw) > 64 or not (raw[0] in "+-." or raw[0].isdigit()):
            return raw
        number: int | float
        if _INT.fullmatch(raw):
            base = {"0o": 8, "0x": 16}.get(raw[:2], 10)
            number = int(raw, base)
        elif _FLOAT.fullmatch(raw):
            number = float(raw)
        elif _NOT_FINITE.fullmatch(raw):
            number = float("inf")
        else:
            return raw
        if not -_LARGEST <= number < _LARGEST:
            self._findings.error(
                Code.NUMBER,
                f"{raw} is no number that JSON and 64 bits can hold",
                position,
                help="Put it between quotes if text is meant.",
            )
            return 0
        return number

    def _tag(self, tag: str, meant: str, position: Position) -> None:
        if tag in ("!", meant):
            return
        self._findings.error(
            Code.TAG,
            f"The tag {tag} has no meaning here",
            position,
            help="Leave the tag out; quotes make text of anything.",
        )

    def _stop(self, code: Code, message: str, position: Position) -> NoReturn:
        self._findings.error(code, message, position)
        raise _Stop


def _events(data: bytes) -> Iterator[Event]:
    loader = yaml.CSafeLoader(data)
    try:
        yield from iter(loader.get_event, None)
    finally:
        loader.dispose()


def _opens(event: ScalarEvent) -> int | None:
    """How many quotes stand before a scalar; ``None`` where more differs than the quotes."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return None
    around = end.index - start.index - len(event.value)
    return around // 2 if start.line == end.line and around in (0, 2) else None


def _depth(node: Node) -> int:
    """How many collections are nested in the node, itself included; at most ``MAX_DEPTH``."""
    match node:
        case ScalarNode():
            return 0
        case SequenceNode():
            return 1 + max(map(_depth, node.items), default=0)
        case MappingNode():
            return 1 + max((_depth(entry.value) for entry in node.entries.values()), default=0)


def _note_syntax(error: yaml.MarkedYAMLError, file: str, findings: Findings) -> None:
    related = []
    if error.context and error.context_mark is not None:
        related.append(Related(error.context, _mark(file, error.context_mark)))
    position = _mark(file, error.problem_mark or error.context_mark)
    # Newer releases of libyaml have a limit of their own and reach it while they read ahead.
    if error.problem and "nesting" in error.problem:
        findings.error(Code.TOO_LARGE, _TOO_DEEP, position)
        return
    message = f"This is not YAML: {error.problem or error.context or 'it cannot be parsed'}"
    findings.error(Code.SYNTAX, message, position, related=related)


def _mark(file: str, mark: _Mark | None) -> Position:
    return Position(file, mark.line + 1, mark.column + 1) if mark else Position(file, 1, 1)


def _place(before: str, file: str) -> Position:
    """The place right after the given beginning of a text."""
    lines = LINE_BREAK.split(before)
    return Position(file, len(lines), len(lines[-1]) + 1)
