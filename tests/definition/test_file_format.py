"""The table of keys and the readers say the same: no key, type, value or duty is in one alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.definition.files import FILES, schemas

from interlock.core.gates.registry import CHECKS
from interlock.definition import known_keys, load
from interlock.definition.fields import Fields
from interlock.definition.file_format import CHECK, FORMAT, paths
from interlock.definition.shapes import (
    FLAG,
    TEXT,
    UNQUOTED,
    Bounded,
    Choice,
    ListOf,
    Suggested,
)

REFUSED = {"transitions[].when", f"{CHECK}.examples"}
"""Keys that a reader knows and refuses, whatever stands there."""

BEFORE = {"extends", "variables"}
"""Keys that are acted on before a reader sees the file."""

DEPENDS = {"transitions"}
"""Keys that are required under a condition only."""

CONDITIONS = ("phases[].when", "phases[].gates[].when", f"{CHECK}.when")
OWN = {"environment.directory": "entry", **dict.fromkeys(CONDITIONS, "entry")}
"""Keys whose readers look at the value themselves: '.' is a text and no directory, and a condition
has places inside of it."""


@dataclass
class Asked:
    """What the readers ask of one key."""

    methods: dict[str, Any] = field(default_factory=dict)
    required: bool = False


@dataclass
class Readers:
    """What the readers know: path → keys, and how each key is read."""

    keys: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    asked: dict[str, Asked] = field(default_factory=lambda: defaultdict(Asked))


def below(path: str, key: str) -> str:
    return f"{path}.{key}".lstrip(".")


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    """Everything that is asked for while files are read that use every key."""
    found = Readers()
    with pytest.MonkeyPatch.context() as patch:
        _watch(patch, found)
        for name, text in FILES.items():
            load(text, file="f.yaml", schema_dir=schemas(name))
        yield found


def _watch(patch: pytest.MonkeyPatch, found: Readers) -> None:
    begin = Fields.__init__

    def beginning(self: Fields, node: Any, path: str, *words: Any, **more: Any) -> None:
        found.keys[path] |= set(words[1])
        begin(self, node, path, *words, **more)

    patch.setattr(Fields, "__init__", beginning)
    for name in ("entry", "text", "raw", "flag", "count", "choice", "texts", "items"):
        patch.setattr(Fields, name, _watched(name, getattr(Fields, name), found))


def _watched(name: str, method: Callable[..., Any], found: Readers) -> Callable[..., Any]:
    def asking(self: Fields, key: str, *words: Any, **more: Any) -> Any:
        asked = found.asked[below(self.path, key)]
        asked.methods[name] = tuple(map(str, words[0])) if name == "choice" else more
        asked.required |= bool(more.get("required"))
        return method(self, key, *words, **more)

    return asking


def test_a_key_that_a_reader_knows_is_in_the_table(readers: Readers) -> None:
    known = set(paths()) | REFUSED
    read = {below(path, key) for path, keys in readers.keys.items() for key in keys}
    assert read - known == set()


def test_a_key_of_the_table_is_known_to_a_reader(readers: Readers) -> None:
    read = {below(path, key) for path, keys in readers.keys.items() for key in keys}
    parameters = {f"{CHECK}.{name}" for info in CHECKS.values() for name in info.parameters}
    listed = {path for path in FORMAT if not path.endswith(("[]", "{}"))}
    assert listed - read - parameters == BEFORE


def test_a_key_that_a_reader_knows_is_asked_for(readers: Readers) -> None:
    read = {below(path, key) for path, keys in readers.keys.items() for key in keys}
    # Examples are found by a reader of their own, which goes through all phases.
    own = {path for path in read if path.endswith(".examples")}
    assert read - set(readers.asked) - own - REFUSED == set()


def test_no_key_both_has_an_effect_and_waits_for_it() -> None:
    assert set(FORMAT) & set(known_keys.NOT_YET) == set()


@pytest.mark.parametrize("path", [path for path in FORMAT if FORMAT[path].shape is not None])
def test_a_value_is_read_as_the_table_says(readers: Readers, path: str) -> None:
    if path.endswith(("[]", "{}")) or path in BEFORE:
        return
    shape, methods = FORMAT[path].shape, readers.asked[path].methods
    match shape:
        case ListOf():
            assert "texts" in methods
        case Choice():
            asked = methods.get("choice")
            assert asked == tuple(map(str, shape.values)) or (asked is None and "text" in methods)
        case Bounded():
            bounds = methods["count"]
            assert (bounds["least"], bounds.get("most")) == (shape.least, shape.most)
        case Suggested():
            assert "text" in methods
        case _:
            wanted = {id(TEXT): "text", id(FLAG): "flag", id(UNQUOTED): "raw"}
            assert (OWN.get(path) or wanted.get(id(shape), "entry")) in methods


def test_what_is_required_is_required_by_its_reader(readers: Readers) -> None:
    required = {path for path, asked in readers.asked.items() if asked.required}
    assert required - DEPENDS == {path for path, key in FORMAT.items() if key.required}


def test_every_key_says_what_it_does() -> None:
    for path, key in FORMAT.items():
        assert key.effect.endswith("."), path
