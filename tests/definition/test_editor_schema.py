"""The schema for editors takes what the loader takes, and marks what is misspelt."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from tests.definition.files import CALLS, EVERY_KEY, FILES, document

from interlock.core.gates.registry import CHECKS
from interlock.definition import load, load_tree, pack_files
from interlock.definition.editor_schema import (
    EDITOR_SCHEMA,
    editor_schema,
    editor_schema_file,
    with_mode_line,
)
from interlock.definition.file_format import CHECK, FORMAT, paths

VALIDATOR = jsonschema_rs.Draft7Validator(dict(editor_schema()))
Place = tuple[str | int, ...]


def problems(value: Any) -> list[str]:
    return [f"{list(e.instance_path)}: {e.message}" for e in VALIDATOR.iter_errors(value)]


EXTENDING = """\
extends: tdd
variables: {covered: 90, cleared: ["make test"]}
description: {remove: true}
phases:
  - id: TDD
    tool_constraints:
      bash: {allowed_commands: "${cleared}"}
      write_files: {remove: true}
    gates: [{id: tests_red, blockers: [{check: tests_are_meaningful, remove: true}]}]
  - id: IMPL
    gates:
      - id: tests_green
        blockers: [{check: coverage_threshold_met, threshold: "${covered}"}]
  - {id: SIGN_OFF, after: REVIEW, allowed_tools: [read_files]}
transitions:
  - {from: REVIEW, to: COMPLETE, remove: true}
  - {from: REVIEW, to: SIGN_OFF, gate: review_passed}
  - {from: SIGN_OFF, to: COMPLETE}
"""


def test_a_file_that_builds_on_another_says_only_what_is_different() -> None:
    assert load(EXTENDING).workflow.phase("SIGN_OFF") is not None
    assert problems(document(EXTENDING)) == []


@pytest.mark.parametrize(
    "old, new",
    [
        ("id: TDD", "name: TDD"),
        ("remove: true}]}]", "remove: yes}]}]"),
        ("after: REVIEW", "behind: REVIEW"),
        ('threshold: "${covered}"', 'threshold: "{covered}"'),
        ("threshold:", "thresold:"),
        ("extends: tdd", "name: a"),
    ],
)
def test_what_is_wrong_in_a_file_that_builds_on_another_is_marked(old: str, new: str) -> None:
    assert problems(document(EXTENDING.replace(old, new, 1))) != []


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_loads_is_taken(name: str) -> None:
    assert problems(document(FILES[name])) == []


def mappings(value: Any, path: str = "", place: Place = ()) -> Iterator[tuple[str, Place]]:
    """Every mapping of a file: its path in the format, and the way to it."""
    match value:
        case dict():
            yield path, place
            for key, inner in value.items():
                below = f"{path}.{key}".lstrip(".")
                if path.endswith("tool_constraints"):
                    below = f"{path}{{}}"
                yield from mappings(inner, below, (*place, key))
        case list():
            for index, item in enumerate(value):
                yield from mappings(item, f"{path}[]", (*place, index))


def at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


PREFIXES = {path.rpartition(".")[0] for path in paths()}
PLACES = sorted(
    {
        (name, path, place)
        for name, text in FILES.items()
        for path, place in mappings(document(text))
        if path in PREFIXES and not path.endswith("tool_constraints")
    },
    key=str,
)
FIRST = {path: (name, place) for name, path, place in reversed(PLACES)}


def test_the_files_have_a_mapping_for_every_key() -> None:
    assert set(FIRST) == PREFIXES


@pytest.mark.parametrize("path", FIRST)
def test_a_misspelt_key_is_marked_at_every_place(path: str) -> None:
    name, place = FIRST[path]
    value = document(FILES[name])
    kept = copy.deepcopy(at(value, place))
    for key in kept:
        holder = at(value, place)
        holder[f"{key}_"] = holder.pop(key)
        found = problems(value)
        has_any = path == CHECK and key != "check" and _is_open(kept["check"])
        assert bool(found) is not has_any, key
        holder.clear()
        holder.update(copy.deepcopy(kept))


@pytest.mark.parametrize("path", FIRST)
def test_a_value_of_a_wrong_type_is_marked(path: str) -> None:
    name, place = FIRST[path]
    value = document(FILES[name])
    holder = at(value, place)
    for key, kept in list(holder.items()):
        row = FORMAT.get(f"{path}.{key}".lstrip("."))
        if row is None or (row.shape is not None and row.shape == FORMAT["schemas{}"].shape):
            continue
        holder[key] = (
            1.5 if not isinstance(kept, float) and key not in ("version", "python") else []
        )
        assert problems(value), key
        holder[key] = kept


@pytest.mark.parametrize(
    "old, new",
    [
        ("type: approval", "type: aproval"),
        ("severity: info}", "severity: infos}"),
        ("approvers: [human,", "approvers: [hunam,"),
        ("check: no_open_questions", "check: no_open_question"),
        ("rule: has_in_scope", "rule: has_inscope"),
        ("threshold: 72.5", "threshold: 101"),
        ("threshold: 72.5", "thresold: 72"),
        ("{check: scope_is_bounded}", "{check: scope_is_bounded, threshold: 3}"),
        ("required_reviews: [security, quality]", "required_reviews: []"),
        ("violation_action: reject", "violation_action: rejects"),
        ("port: 5432", "port: 0"),
        ("required: partial", "required: parts"),
        ("expiry_seconds: 900", "expiry_seconds: 0"),
        ("action: webhook", "action: webhok"),
        ('name: "Billing changes"\n', ""),
    ],
)
def test_a_value_that_is_none_is_marked(old: str, new: str) -> None:
    assert old in EVERY_KEY
    assert problems(document(EVERY_KEY.replace(old, new, 1))) != []


@pytest.mark.parametrize(
    "old, new", [("allowed: true}", "allowed: yes}"), ("{command: ls}", "{comand: ls}")]
)
def test_an_example_that_is_none_is_marked(old: str, new: str) -> None:
    assert problems(document(CALLS.replace(old, new, 1))) != []


def described(schema: Any, path: str = "") -> Iterator[str]:
    """Every key that the schema describes, as a path of the format."""
    match schema:
        case {"$ref": str(name)} if "tool_constraints" in name:
            yield from described(editor_schema()["definitions"]["tool_constraints"], path)
        case dict():
            named = path.endswith("tool_constraints")
            for key, inner in schema.get("properties", {}).items():
                if not named:
                    below = f"{path}.{key}".lstrip(".")
                    yield below
                    yield from described(inner, below)
            if isinstance(schema.get("additionalProperties"), dict):
                yield from described(schema["additionalProperties"], f"{path}{{}}")
            if "items" in schema:
                yield from described(schema["items"], f"{path}[]")
            for inner in schema.get("anyOf", ()):
                yield from described(inner, path)


def test_the_schema_knows_exactly_the_keys_of_the_format() -> None:
    assert set(described(dict(editor_schema()["else"]))) == set(paths())


def test_what_init_writes_tells_editors_where_the_schema_lies() -> None:
    files = pack_files("tdd")
    first, rest = files["agent_workflow.yaml"].decode().split("\n", 1)
    place = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads(files[place]) == editor_schema()
    assert place.endswith(f"/{EDITOR_SCHEMA}")
    assert with_mode_line(f"{first}\n{rest}", "elsewhere") == f"{first}\n{rest}"
    assert load_tree(files.get).workflow.digest
    assert editor_schema_file().endswith(b"}\n")


def _is_open(check: str) -> bool:
    return bool(CHECKS[check].schema.get("additionalProperties", True))
