"""What an agent copies out of its prompt is taken by the schema."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from interlock.definition import load_pack
from interlock.definition.examples import example, fields

SCHEMAS = load_pack("tdd").workflow.schemas


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_example_of_every_schema_of_the_pack_is_valid(name: str) -> None:
    document = example(SCHEMAS[name])
    jsonschema_rs.Draft202012Validator(dict(SCHEMAS[name])).validate(document)
    assert set(fields(SCHEMAS[name])[0]) <= set(document)


SMALL: dict[str, dict[str, Any]] = {
    "nothing said": {},
    "an object": {"type": "object", "required": ["a"], "properties": {"a": {"type": "boolean"}}},
    "a list with enough": {"type": "array", "minItems": 2, "items": {"const": 3}},
    "a text that is long enough": {"type": "string", "minLength": 50, "description": "Why"},
    "a number": {"type": "integer", "minimum": 7},
    "one of several": {"anyOf": [{"type": "null"}, {"type": "string"}]},
    "one of these": {"enum": ["pass", "fail"]},
    "an oid": {"type": "string", "pattern": "^[0-9a-f]{40}$"},
    "several types": {"type": ["string", "null"]},
    "a reference": {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "minItems": 1}}},
    "a default": {"type": "string", "pattern": "^x+$", "default": "xx"},
}


@pytest.mark.parametrize("name", sorted(SMALL))
def test_what_a_schema_says_is_enough_for_an_example(name: str) -> None:
    jsonschema_rs.Draft202012Validator(SMALL[name]).validate(example(SMALL[name]))


def test_an_optional_field_is_shown_where_its_schema_has_an_example() -> None:
    schema = {"properties": {"shown": {"examples": [1]}, "not": {"type": "string"}}}
    assert example(schema) == {"shown": 1}
    assert fields(schema) == ((), ("shown", "not"))


def test_a_schema_that_refers_to_itself_ends() -> None:
    again = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}}
    assert set(example(again)) == {"next"}
