"""The JSON Schema of the workflow file, for editors: completion, what a key does, what is misspelt.

It is made from ``file_format`` and says what can be said about one place alone; the loader knows
more (names that have to exist, ways through the phases, what contradicts). A file that builds on
another one may leave out whatever that one says, and take out or place what it has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from interlock.core.gates.registry import CHECKS
from interlock.definition.file_format import CHECK, FORMAT, Key
from interlock.definition.known_keys import NOT_YET
from interlock.definition.merge import identity_keys
from interlock.definition.shapes import (
    Anything,
    Bounded,
    Choice,
    Keys,
    ListOf,
    Scalar,
    Shape,
    Suggested,
)

__all__ = ["EDITOR_SCHEMA", "editor_schema", "editor_schema_file", "with_mode_line"]

EDITOR_SCHEMA: Final = "agent_workflow.schema.json"
"""Its file among the schemas of artifacts."""

_MODE: Final = "# yaml-language-server: $schema="
_VARIABLE: Final = {"$ref": "#/definitions/variable"}
_REMOVE: Final = {"description": "Takes out what the file below has here.", "const": True}
_TAKEN_OUT: Final = {"type": "object", "properties": {"remove": _REMOVE}, "required": ["remove"]}
_PLACING: Final = {
    key: {"description": f"The phase that this one comes {key}.", "type": "string"}
    for key in ("before", "after")
}
_TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}


def with_mode_line(text: str, directory: str) -> str:
    """A workflow file that tells editors where its schema lies: first line, path from the file."""
    if text.startswith(_MODE):
        return text
    return f"{_MODE}{directory}/{EDITOR_SCHEMA}\n{text}"


def editor_schema_file() -> bytes:
    """The schema as it is written to disk."""
    return json.dumps(editor_schema(), indent=2, ensure_ascii=False).encode() + b"\n"


@cache
def editor_schema() -> Mapping[str, Any]:
    """The schema as a document, of the draft that editors know best."""
    suggested = (_suggested(key.shape) for key in FORMAT.values())
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "agent_workflow.yaml",
        "definitions": {
            shape.name: {"anyOf": [{"enum": list(shape.values)}, {"type": "string"}]}
            for shape in suggested
            if shape is not None
        }
        | {"variable": {"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]{0,63}\}$"}}
        | {
            _name(row): _value(row, key, over=False)
            for row, key in FORMAT.items()
            if row.endswith("{}")
        },
        "if": {"required": ["extends"]},
        "then": _mapping("", over=True),
        "else": _mapping("", over=False),
    }


def _suggested(shape: Shape | None) -> Suggested | None:
    inner = shape.item if isinstance(shape, ListOf) else shape
    return inner if isinstance(inner, Suggested) else None


def _rows() -> Mapping[str, Key]:
    """Keys with an effect and those that wait for it."""
    waiting = {
        path: Key(f"No effect yet: {row.missing}.", row.shape) for path, row in NOT_YET.items()
    }
    return {**FORMAT, **waiting}


def _mapping(path: str, *, over: bool) -> dict[str, Any]:
    """The mapping at a path: its keys and no others.

    Args:
        path: as in ``file_format``.
        over: it lies over one of the file that this one builds on.
    """
    prefix = f"{path}." if path else ""
    names = {
        row.removeprefix(prefix): key
        for row, key in _rows().items()
        if row.startswith(prefix) and row.removeprefix(prefix).isidentifier()
    }
    found: dict[str, Any] = {
        "type": "object",
        "properties": {
            name: _key(f"{prefix}{name}", key, over=over) for name, key in names.items()
        },
        "additionalProperties": False,
    }
    identity = identity_keys(path)
    if required := [n for n, key in names.items() if (n in identity if over else key.required)]:
        found["required"] = required
    if over and path:
        found["properties"]["remove"] = _REMOVE
    if over and path == "phases[]":
        found["properties"] |= _PLACING
    if path == CHECK:
        _add_parameters(found)
    return found


def _key(path: str, key: Key, *, over: bool) -> dict[str, Any]:
    value = _value(path, key, over=over)
    return {"description": key.effect, **({"anyOf": [value, _TAKEN_OUT]} if over else value)}


def _value(path: str, key: Key | None, *, over: bool) -> dict[str, Any]:
    """What may stand at a path: by its own row, or by the rows below it."""
    shapes = [_shape(key.shape)] if key and key.shape else []
    rows = _rows()
    if any(row.startswith(f"{path}.") for row in rows):
        shapes.append(_mapping(path, over=over))
    item = f"{path}[]"
    if item in rows or any(row.startswith(f"{item}.") for row in rows):
        shapes.append({"type": "array", "items": _value(item, rows.get(item), over=over)})
    if f"{path}{{}}" in rows:
        shapes.append(_named(f"{path}{{}}", key, over=over))
    return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}


def _named(path: str, key: Key | None, *, over: bool) -> dict[str, Any]:
    """A mapping of names that are the team's own; editors propose those under ``properties``."""
    value: dict[str, Any] = {"$ref": f"#/definitions/{_name(path)}"}
    if over:
        # Any of them can be taken out.
        value = {"anyOf": [_value(path, FORMAT[path], over=True), _TAKEN_OUT]}
    proposed = dict.fromkeys(key.names if key else (), value)
    return {"type": "object", "properties": proposed, "additionalProperties": value}


def _name(path: str) -> str:
    """What the values below a mapping of names are called."""
    return path.rpartition(".")[2].removesuffix("{}")


def _shape(shape: Shape) -> dict[str, Any]:
    """What may stand there; a variable may stand wherever the text of one would not fit anyhow."""
    found = _written(shape)
    if isinstance(shape, Anything | Suggested | Keys) or found.get("type") == "string":
        return found
    return {"anyOf": [found, _VARIABLE]}


def _written(shape: Shape) -> dict[str, Any]:
    match shape:
        case Anything():
            return {}
        case Scalar():
            types = [_TYPES[kind] for kind in shape.types]
            return {"type": types[0] if len(types) == 1 else types}
        case Bounded():
            most = {} if shape.most is None else {"maximum": shape.most}
            return {"type": "integer", "minimum": shape.least, **most}
        case Suggested():
            return {"$ref": f"#/definitions/{shape.name}"}
        case Choice():
            return {"enum": [str(value) for value in shape.values]}
        case ListOf():
            return {"type": "array", "items": _shape(shape.item)}
        case Keys():
            properties = {name: _shape(inner) for name, inner in shape.keys.items()}
            return {"type": "object", "properties": properties, "additionalProperties": False}


def _add_parameters(blocker: dict[str, Any]) -> None:
    """A check has its own parameters beside the keys of every blocker, and no others."""
    own = list(blocker["properties"])
    by_parameters: dict[tuple[str, ...], list[str]] = {}
    of_name: dict[str, list[Any]] = {}
    for name, kind in CHECKS.items():
        for parameter, schema in kind.parameters.items():
            if dict(schema) not in of_name.setdefault(parameter, []):
                of_name[parameter].append(dict(schema))
        if not kind.schema.get("additionalProperties", True):
            by_parameters.setdefault(tuple(kind.parameters), []).append(name)
    for parameter, schemas in of_name.items():
        blocker["properties"][parameter] = {"anyOf": [*schemas, _VARIABLE]}
    blocker["allOf"] = [
        {
            "if": {"properties": {"check": {"enum": checks}}, "required": ["check"]},
            "then": {"propertyNames": {"enum": [*own, *parameters]}},
        }
        for parameters, checks in by_parameters.items()
    ]
