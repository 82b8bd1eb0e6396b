"""A document that a schema takes, made from the schema alone: shown to agents, which copy it.

Required fields are filled with the least that is valid. A schema's own ``examples`` are taken where
they are there, and an optional field that has some is shown as well: gates ask for more than a
schema can say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["example", "fields"]

_MAX_DEPTH = 12
_OID = "0" * 40
_WORD = "text "

Schema = Mapping[str, Any]


def example(schema: Schema) -> Any:
    """A document for ``schema``; valid for the keywords that our packs use.

    Patterns are not solved: a schema with patterns of its own brings ``examples`` or ``default``.
    """
    return _value(schema, schema, 0)


def fields(schema: Schema) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the required and of the optional fields of an object's schema."""
    properties = schema.get("properties", {})
    required = tuple(map(str, schema.get("required", ())))
    return required, tuple(name for name in properties if name not in required)


def _value(schema: Any, root: Schema, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return None
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _value({**_target(str(schema["$ref"]), root), **rest}, root, depth + 1)
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _value(schema[key][0], root, depth + 1)
    return _of_type(_type(schema), schema, root, depth + 1)


def _type(schema: Schema) -> str:
    named = schema.get("type")
    if isinstance(named, list | tuple):
        return str(named[0])
    if named is None and ("properties" in schema or "required" in schema):
        return "object"
    return str(named)


def _of_type(kind: str, schema: Schema, root: Schema, depth: int) -> Any:
    match kind:
        case "object":
            return _object(schema, root, depth)
        case "array":
            items = schema.get("items", {})
            return [_value(items, root, depth) for _ in range(schema.get("minItems", 0))]
        case "string":
            return _text(schema)
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return True
    return None


def _object(schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    required, optional = fields(schema)
    shown = (*required, *(n for n in optional if "examples" in properties[n]))
    return {name: _value(properties.get(name, {}), root, depth) for name in shown}


def _text(schema: Schema) -> str:
    if "0-9a-f" in str(schema.get("pattern", "")):
        return _OID
    words = str(schema.get("description") or _WORD.strip())
    least = int(schema.get("minLength", 0))
    text = words if len(words) >= least else (words + " ") * (least // (len(words) + 1) + 1)
    return text.strip() if len(text.strip()) >= least else text.rstrip() + "." * least


def _target(reference: str, root: Schema) -> Schema:
    """What a reference inside the document stands for; nothing for any other."""
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(part, {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}
