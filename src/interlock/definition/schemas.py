"""Finds the JSON schema that an artifact names, and refuses one that is none.

A name is looked up in ``schemas``, then among the files of ``schemas_dir``, then among those of the
packs that the file builds on; ``schemas/plan.json``,
``plan.json`` and ``plan.schema.json`` all mean the schema called *plan*. Only what is used becomes
part of the definition and of its digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jsonschema_rs

from interlock.core.model import Position
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.json_text import parse_json
from interlock.definition.schema_words import note_misspelt
from interlock.definition.yaml_nodes import Entry, MappingNode, Node, SequenceNode, plain

__all__ = ["REGEX", "SchemaSource", "Schemas", "node_at", "stem_of"]

SchemaSource = Callable[[str], Any]
"""File name below ``schemas_dir`` → text, bytes or parsed document; ``None``: no such file."""

REGEX = jsonschema_rs.RegexOptions(size_limit=1 << 20)
"""Linear time: a pattern comes from the file, what it is held against from an agent."""

_SUFFIXES = (".schema.json", ".json")


class Schemas:
    """The schemas of one definition.

    Args:
        inline: the value of ``schemas``, if there is one.
        directory: ``schemas_dir``, for messages.
        source: the files of that directory.
        findings: takes what is wrong.
        inherited: file name → schema, of the packs that the file builds on.
    """

    def __init__(
        self,
        inline: Mapping[str, Entry],
        directory: str,
        source: SchemaSource,
        findings: Findings,
        inherited: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self._inline = inline
        self._directory = directory
        self._source = source
        self._inherited = inherited
        self._findings = findings
        self._names: dict[str, str] = {}  # stem → key of ``used``
        self.used: dict[str, Mapping[str, Any]] = {}
        self.files: dict[str, str] = {}
        for name, entry in inline.items():
            stem = stem_of(name)
            if stem in self._names:
                message = f"'{name}' and '{self._names[stem]}' name the same schema"
                findings.error(Code.DUPLICATE_ID, message, entry.key)
                continue
            self._names[stem] = name
            value = plain(entry.value)
            # A text here is no file's: what it would have to be is a mapping.
            document = value if isinstance(value, Mapping) else None
            self._take(name, document, entry.value.position, entry.value)
            note_misspelt(entry.value, findings)

    def resolve(self, name: str, at: Position) -> str:
        """The key in ``used`` of the schema of that name; "" (and a finding) when there is none."""
        found = self._find(name, at)
        if found:
            return found
        self._findings.error(
            Code.SCHEMA_MISSING,
            f"There is no schema '{name}'",
            at,
            help=self._findings.did_you_mean(_file(name), self._inline)
            or f"Put {stem_of(name)}.schema.json into {self._directory}, or use 'schemas'.",
        )
        return ""

    def adopt(self, name: str, fallback: bytes, at: Position) -> None:
        """Take in a schema that no artifact names: the team's own, else the given one."""
        if not self._find(name, at):
            self._take(f"{name}.schema.json", fallback, at, None)

    def _find(self, name: str, at: Position) -> str:
        stem = stem_of(name)
        if stem in self._names:
            return self._names[stem]
        candidates = tuple(dict.fromkeys((_file(name), f"{stem}.schema.json", f"{stem}.json")))
        for candidate in candidates:
            if not _is_plain_path(candidate):
                break
            document = self._source(candidate)
            if document is not None:
                self._names[stem] = candidate
                self.files[candidate] = f"{self._directory}/{candidate}"
                self._take(candidate, document, at, None)
                return candidate
        for candidate in candidates:
            if candidate in self._inherited:
                self._names[stem] = candidate
                self._take(candidate, self._inherited[candidate], at, None)
                return candidate
        return ""

    def _take(self, name: str, document: Any, at: Position, node: Node | None) -> None:
        if isinstance(document, bytes | str):
            document = self._parse(name, document, at)
        if not isinstance(document, Mapping):
            self._findings.error(
                Code.SCHEMA_INVALID, f"The schema '{name}' is not a mapping of keywords", at
            )
            return
        try:
            jsonschema_rs.Draft202012Validator(dict(document), offline=True, pattern_options=REGEX)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            path = getattr(error, "instance_path", None) or []
            where = node_at(node, path).position if node else at
            reason = str(getattr(error, "message", error))[:300]
            pointer = "".join(f"/{part}" for part in path)
            inside = f" at {pointer}" if pointer and node is None else ""
            self._findings.error(
                Code.SCHEMA_INVALID, f"'{name}' is no JSON schema{inside}: {reason}", where
            )
            return
        self.used[name] = document

    def _parse(self, name: str, text: bytes | str, at: Position) -> Any:
        try:
            return parse_json(text)
        except ValueError as error:
            message = f"{self._directory}/{name} is not JSON: {error}"
            self._findings.error(Code.SCHEMA_INVALID, message, at)
            return {}


def _file(name: str) -> str:
    return name.removeprefix("./").removeprefix("schemas/")


def stem_of(name: str) -> str:
    """What a schema is called whichever way it is written: ``schemas/plan.json`` → ``plan``."""
    name = _file(name)
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and name != suffix:
            return name.removesuffix(suffix)
    return name


def _is_plain_path(name: str) -> bool:
    """Whether the name stays below the directory it is looked up in."""
    parts = name.split("/")
    return name.isprintable() and all(part not in ("", ".", "..") for part in parts)


def node_at(node: Node, path: list[Any]) -> Node:
    """The node at a path of keys and indices, or the deepest one on the way."""
    for part in path:
        match node:
            case MappingNode() if part in node.entries:
                node = node.entries[part].value
            case SequenceNode() if isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            case _:
                return node
    return node
