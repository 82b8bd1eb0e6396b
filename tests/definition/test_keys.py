"""``keys.yaml``: each key of the workflow file has tests that show its effect, without a gap."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.definition.test_file_format import REFUSED

from interlock.core.gates.registry import CHECKS
from interlock.definition.file_format import CHECK, FORMAT, paths, values_at
from interlock.definition.known_keys import NOT_YET
from interlock.definition.shapes import FLAG

TESTS = Path(__file__).parent.parent
TABLE: Mapping[str, Any] = yaml.safe_load((TESTS / "definition" / "keys.yaml").read_text("utf-8"))
DOES, WAITS, IS_REFUSED = "has an effect", "waits", "is refused"


def waits_above(path: str) -> bool:
    """Whether the key stands below one that waits."""
    return any(path.startswith((f"{key}.", f"{key}[]")) for key in NOT_YET)


KEYS = {path for path in paths() if not waits_above(path)} | REFUSED


def rows(entry: Any) -> Iterator[Any]:
    """A key's own row and those of its values."""
    if isinstance(entry, Mapping) and "values" in entry:
        yield from entry["values"].values()
    else:
        yield entry


def named_in(row: Any) -> list[str]:
    if isinstance(row, Mapping):
        return list(row.get("refused") or row.get("tests") or ())
    return list(row or ())


def kind(row: Any) -> str:
    if isinstance(row, Mapping):
        return IS_REFUSED if "refused" in row else WAITS
    return DOES


@cache
def functions(file: str) -> frozenset[str]:
    path = TESTS / file
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_every_key_has_a_row() -> None:
    assert set(TABLE) - KEYS == set()
    assert KEYS - set(TABLE) == set()


@pytest.mark.parametrize("path", TABLE)
def test_every_row_names_tests_that_are_there(path: str) -> None:
    for row in rows(TABLE[path]):
        named = named_in(row)
        assert named, row
        for test in named:
            file, _, name = test.partition("::")
            assert name.startswith("test_")
            assert name in functions(file), test


@pytest.mark.parametrize("path", sorted(NOT_YET))
def test_a_key_that_waits_says_for_what(path: str) -> None:
    entry = TABLE[path]
    assert (kind(entry), entry["waits"]) == (WAITS, NOT_YET[path].issue)


@pytest.mark.parametrize("path", sorted(KEYS - set(NOT_YET) - REFUSED))
def test_a_key_with_an_effect_does_not_wait(path: str) -> None:
    entry = TABLE[path]
    assert kind(entry) is DOES or "values" in entry


@pytest.mark.parametrize("path", sorted(REFUSED))
def test_a_key_that_is_refused_says_so(path: str) -> None:
    assert kind(TABLE[path]) is IS_REFUSED


@pytest.mark.parametrize("path", [path for path in FORMAT if len(values_at(path)) > 1])
def test_every_value_with_an_effect_of_its_own_has_a_row(path: str) -> None:
    if path.endswith((".rule", "{}")):  # one test goes through all of them
        return
    assert set(TABLE[path]["values"]) == set(values_at(path))


@pytest.mark.parametrize("path", [path for path in TABLE if "values" in TABLE[path]])
def test_values_are_those_that_may_stand_there(path: str) -> None:
    shape = FORMAT[path].shape
    known = {"true", "false"} if shape is FLAG else set(values_at(path))
    assert set(TABLE[path]["values"]) <= known


@pytest.mark.parametrize("name", CHECKS)
def test_no_check_waits(name: str) -> None:
    assert kind(TABLE[f"{CHECK}.check"]["values"][name]) is DOES
