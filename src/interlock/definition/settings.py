"""The parameters of one check against the schema of its kind, each finding at its own place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import jsonschema_rs

from interlock.core.gates.kind import CheckKind
from interlock.core.model import Position
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields
from interlock.definition.formats import FORMATS
from interlock.definition.json_text import canonical
from interlock.definition.schemas import REGEX, Schemas, node_at
from interlock.definition.yaml_nodes import Entry, Node, ScalarNode, describe, plain

__all__ = ["format_of", "freeze", "read_settings", "texts_with_format"]

Settings = dict[str, Any]


def read_settings(
    kind: CheckKind, fields: Fields, own: tuple[str, ...], schemas: Schemas, findings: Findings
) -> tuple[Settings, Mapping[str, Position]]:
    """The parameters as plain values with the defaults, and where each of them is written.

    Args:
        own: keys of the mapping that are no parameters.
    """
    known = kind.parameters
    found = {key: freeze(at["default"]) for key, at in known.items() if "default" in at}
    places: dict[str, Position] = {}
    is_whole = True
    for key, entry in fields.others(own):
        if fields.is_later(key, entry):
            continue
        if key not in known and kind.schema.get("additionalProperties", True):
            found[key] = freeze(plain(entry.value))
        elif key not in known:
            _unknown(kind.name, entry, (*own, *known), findings)
            is_whole = False
        elif _fits(key, entry.value, known[key], schemas, findings):
            found[key] = freeze(_resolved(entry.value, known[key], schemas))
            places[key] = entry.value.position
        else:
            is_whole = False
    for key in kind.schema.get("required", ()):
        if key not in fields:
            message = f"The check '{kind.name}' needs the parameter '{key}'"
            help = f"'{key}' is {known[key].get('title', 'described in docs/checks.md')}."
            findings.error(Code.CHECK_PARAMETER, message, fields.position, help=help)
            is_whole = False
    if is_whole and (wrong := kind.wrong(found)):
        findings.error(Code.CHECK_PARAMETER, f"The check '{kind.name}' {wrong}", fields.position)
    return found, MappingProxyType(places)


def _unknown(name: str, entry: Entry, known: tuple[str, ...], findings: Findings) -> None:
    findings.error(
        Code.CHECK_PARAMETER,
        f"The check '{name}' has no parameter '{entry.key.raw}'",
        entry.key,
        help=findings.did_you_mean(entry.key.raw, known),
    )


def _fits(
    key: str, node: Node, schema: Mapping[str, Any], schemas: Schemas, findings: Findings
) -> bool:
    value = plain(node)
    error = next(iter(_validator(canonical(schema)).iter_errors(value)), None)
    if error is not None:
        at = node_at(node, list(error.instance_path))
        found = at.raw if isinstance(at, ScalarNode) and at.raw else describe(at)
        wanted = schema.get("title")
        message = (
            f"'{key}' must be {wanted}, not {found}" if wanted else f"'{key}': {error.message}"
        )
        if value in ([], {}):
            message = f"'{key}' is empty, so nothing would be asked for"
        findings.error(Code.CHECK_PARAMETER, message[:300], at)
        return False
    # Each of them is reported, not only the first.
    verdicts = [_means_something(text, at, schema, schemas, findings) for text, at in _texts(node)]
    return all(verdicts)


def _means_something(
    text: str, at: Node, schema: Mapping[str, Any], schemas: Schemas, findings: Findings
) -> bool:
    name = format_of(schema)
    if name == "schema":
        return bool(schemas.resolve(text, at.position))
    wrong = FORMATS[name](text) if name in FORMATS else None
    if wrong is not None:
        code, message, help = wrong
        findings.error(code, message, at, help=help)
    return wrong is None


def _texts(node: Node) -> Iterator[tuple[str, Node]]:
    items = getattr(node, "items", None)
    for item in items if isinstance(items, list) else [node]:
        if isinstance(item, ScalarNode) and isinstance(item.value, str):
            yield item.value, item


def _resolved(node: Node, schema: Mapping[str, Any], schemas: Schemas) -> Any:
    if format_of(schema) == "schema":
        return schemas.resolve(plain(node), node.position)
    return plain(node)


def format_of(schema: Mapping[str, Any]) -> str:
    """What the texts of a parameter mean, whether it is one text or a list of them."""
    items = schema.get("items")
    inner = items.get("format", "") if isinstance(items, Mapping) else ""
    return str(schema.get("format", inner))


def texts_with_format(
    kind: CheckKind, values: Mapping[str, Any], name: str
) -> Iterator[tuple[str, str]]:
    """Parameter and text of all that have this format."""
    for key, schema in kind.parameters.items():
        if format_of(schema) == name:
            value = values.get(key)
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str):
                    yield key, text


def freeze(value: Any) -> Any:
    """Plain JSON values that nobody can change by accident."""
    if isinstance(value, list | tuple):
        return tuple(map(freeze, value))
    return value


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        json.loads(schema), offline=True, pattern_options=REGEX
    )
