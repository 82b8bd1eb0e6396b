"""The text: YAML 1.2 scalars, positions, and limits that hold against files made to hurt."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.definition.small import SMALL, changed

from interlock.core.model import Position
from interlock.definition import load
from interlock.definition.diagnostics import Findings
from interlock.definition.yaml_compose import MAX_BYTES, compose
from interlock.definition.yaml_nodes import MappingNode, plain
from interlock.errors import DefinitionError


def values(text: str) -> Any:
    findings = Findings()
    node = compose(text, file="w.yaml", findings=findings)
    assert node is not None
    assert not findings.failed
    return plain(node)


def codes(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        load(text)
    return [d["code"] for d in caught.value.context["diagnostics"]]


@pytest.mark.parametrize(
    "written, meant",
    [
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("Yes", "Yes"),
        ("true", True),
        ("False", False),
        ("tRue", "tRue"),
        ("~", None),
        ("", None),
        ("null", None),
        ("2024-01-01", "2024-01-01"),
        ("12:30:00", "12:30:00"),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("-3", -3),
        ("+3", 3),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1.2.3", "1.2.3"),
        ("'3'", "3"),
        ('"true"', "true"),
        ("!!str 3", "3"),
        ("! 3", "3"),
        ("|-\n  no", "no"),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(written: str, meant: Any) -> None:
    found = values(f"a: {written}\n")["a"]
    assert (found, type(found)) == (meant, type(meant))


def test_an_unquoted_version_stays_what_was_written() -> None:
    for written in ("1.10", "2", '"1.10"', "2024-01-01", "1e3"):
        text = changed('version: "1"', f"version: {written}")
        assert load(text).workflow.version == written.strip('"')


def test_keys_are_text_whatever_they_look_like() -> None:
    assert values("on: 1\n1: 2\ntrue: 3\n~: 4") == {"on": 1, "1": 2, "true": 3, "~": 4}


def test_every_node_knows_its_place() -> None:
    node = compose("a:\n  - é: [x,  y]\n", file="f", findings=Findings())
    assert isinstance(node, MappingNode)
    items: Any = node.entries["a"].value
    entry = items.items[0].entries["é"]
    assert entry.key.position == Position("f", 2, 5)
    assert entry.value.items[1].position == Position("f", 2, 13)


def test_aliases_stand_for_what_they_name() -> None:
    assert values("a: &x [1, {b: 2}]\nc: *x\n") == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}


def bomb(width: int, depth: int) -> str:
    levels = ["a0: &a0 [lol]"]
    for level in range(1, depth):
        levels.append(f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * width) + "]")
    return "\n".join(levels)


@pytest.mark.parametrize(
    "text, code",
    [
        (bomb(9, 12), "IL-DEF-002"),
        (bomb(1, 70), "IL-DEF-002"),
        ("[" * 500_000, "IL-DEF-002"),
        ("- " * 400_000, "IL-DEF-002"),
        ("{a: " * 200_000, "IL-DEF-002"),
        ("- a\n" * 200_000, "IL-DEF-002"),
        ("#" * (MAX_BYTES + 1), "IL-DEF-002"),
        ("name: " + "9" * 60, "IL-DEF-006"),
        ("name: 1e999", "IL-DEF-006"),
    ],
    ids=["bomb", "deep aliases", "brackets", "dashes", "braces", "long", "bytes", "digits", "e999"],
)
def test_a_file_made_to_hurt_is_refused_at_once(text: str, code: str) -> None:
    started = time.perf_counter()
    assert code in codes(text)
    assert time.perf_counter() - started < 60, "a hang, on any machine"


def test_comments_order_and_style_do_not_change_the_digest() -> None:
    digest = load(SMALL).workflow.digest
    assert load("# note\n" + SMALL.replace("\n", "  # c\n")).workflow.digest == digest
    reordered = SMALL.replace('name: Small\nversion: "1"\n', "") + "version: '1'\nname: \"Small\"\n"
    assert load(reordered).workflow.digest == digest
    assert load(SMALL, file="elsewhere.yaml").workflow.digest == digest
    alias = changed("[read_files, write_files, bash]", "[Read, write_files, Bash]")
    assert load(alias).workflow.digest == digest
    explicit = changed(
        "{from: A, to: B, gate: done}", "{from: A, to: B, gate: done, requires_token: true}"
    )
    assert load(explicit).workflow.digest == digest


@pytest.mark.parametrize(
    "old, new",
    [
        ("name: Small", "name: Smaller"),
        ('version: "1"', 'version: "1.0"'),
        ("bash]", "bash, grep]"),
        ('"src/**"', '"lib/**"'),
        ("{type: object}", "{type: object, maxProperties: 9}"),
        ("mode: strict", "mode: advisory"),
        ("all_tests_pass", "no_skipped_tests"),
        ("severity: blocking", "severity: blocking, message: other"),
    ],
)
def test_whatever_has_an_effect_changes_the_digest(old: str, new: str) -> None:
    assert load(changed(old, new)).workflow.digest != load(SMALL).workflow.digest


def outcome(text: str) -> None:
    """Anything but a definition or a ``DefinitionError`` that says why fails the test."""
    refused = None
    try:
        load(text)
    except DefinitionError as error:
        refused = error.context
    assert refused is None or (refused["diagnostics"] and refused["rendered"])


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    outcome(text)


PIECES = ["- ", "a: ", "\n", "  ", "[", "]", "{", "}", "&x ", "*x", "!!", "? ", "|", "'", '"', "#"]


@given(st.lists(st.sampled_from([*PIECES, "phases:", "id: A", "~", "\t", "\r", "\x85", "\ufeff"])))
def test_anything_that_looks_like_yaml_is_read_or_refused(pieces: list[str]) -> None:
    outcome("".join(pieces))


@given(st.data())
def test_any_change_of_a_good_file_is_read_or_refused(data: st.DataObject) -> None:
    lines = SMALL.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        row = data.draw(st.integers(0, len(lines) - 1))
        start = data.draw(st.integers(0, len(lines[row])))
        end = data.draw(st.integers(start, len(lines[row])))
        new = data.draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)))
        lines[row] = lines[row][:start] + new + lines[row][end:]
    outcome("\n".join(lines))
