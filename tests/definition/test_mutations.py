"""Every key of a team's file removed, misspelt, of a wrong type, or contradicting the rest: it is
said at its place, or leaving it out is allowed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tests.definition.contradictions import FREE, contradiction
from tests.definition.mutants import Key, keys_of, line_and_column

from interlock.definition import load
from interlock.errors import DefinitionError

TEXT = (Path(__file__).parent / "fixtures/agent_workflow.yaml").read_text("utf-8")
KEYS = keys_of(TEXT)
PATTERNS = sorted({key.pattern for key in KEYS})
Found = tuple[str, int]
"""A code and the offset that it is reported at."""

REQUIRED = frozenset(
    {
        *("name", "version", "phases", "phases[].id", "phases[].allowed_tools", "transitions"),
        *("phases[].required_artifacts[].type", "phases[].required_artifacts[].schema"),
        *("phases[].required_artifacts[].validation[].rule", "phases[].gates[].id"),
        *("phases[].gates[].blockers[].check", "transitions[].from", "transitions[].to"),
        "monitoring.alerts[].condition",
    }
)
"""Keys that something cannot be without; each other one may be left out."""

OF_BLOCKERS = frozenset({"severity", "message", "threshold", "required_reviews"})


def in_schema(key: Key) -> bool:
    return key.pattern.startswith("schemas.") and key.path.count(".") > 2


def is_property(key: Key) -> bool:
    return ".properties." in key.path and key.path.split(".")[-2] == "properties"


def is_free(key: Key) -> bool:
    """What stands below the parameters of an action is its own."""
    return key.pattern.startswith("transitions[].triggers[].params.")


def values(text: str, pattern: str, keep: Callable[[Key], bool] = lambda _: True) -> list[int]:
    return [key.value for key in keys_of(text) if key.pattern == pattern and keep(key)]


def beside(key: Key, name: str) -> Key | None:
    """A key of the same mapping in the whole file."""
    return next((k for k in KEYS if k.parent == key.parent and k.name == name), None)


def without(key: Key, text: str, parent: int) -> list[Found]:
    """What the lack of a key means, with places in a file that lacks it.

    Args:
        key: in the whole file.
        text: the file that lacks it.
        parent: offset of the mapping that lacks it.
    """
    if key.pattern in REQUIRED:
        return [("012", parent)]
    match key.pattern:
        case "phases[].gates[].blockers":
            kind = beside(key, "type")
            return [("030", parent)] if kind and kind.kind == "validation" else []
        case "phases[].gates[].approvers":
            return [("031", parent)]
        case "phases[].gates[].type":
            gate = beside(key, "id")
            assert gate is not None
            there = values(text, "phases[].gates[].approvers")
            owners = [k for k in KEYS if k.pattern == "phases[].gates[].approvers"]
            return [
                ("036", at)
                for at, owner in zip(there, owners, strict=True)
                if owner.parent == key.parent
            ]
        case "phases[].gates":
            phase = beside(key, "id")
            edges = [k for k in KEYS if k.pattern == "transitions[].gate"]
            there = values(text, "transitions[].gate")
            source = [beside(k, "from") for k in edges]
            return [
                ("024", at)
                for at, begin in zip(there, source, strict=True)
                if begin and phase and begin.kind == phase.kind
            ]
        case "transitions[].gate":
            found = [
                k
                for k in keys_of(text)
                if k.pattern == "phases[].gates[].id" and k.kind == key.kind
            ]
            return [("035", k.parent) for k in found]
    if key.path == "schemas" or (key.pattern.startswith("schemas.") and not in_schema(key)):
        wanted = key.name if key.path != "schemas" else ""
        named = values(text, "phases[].required_artifacts[].schema", lambda k: wanted in k.kind)
        return [("040", at) for at in named]
    return []


def said(text: str, level: str = "error") -> list[tuple[str, int, int, str]]:
    """Code, line, column and help of everything of a level."""
    try:
        found = [item.to_json() for item in load(text, file="w.yaml").warnings]
    except DefinitionError as error:
        found = json.loads(json.dumps(error.context["diagnostics"]))
    return [
        (d["code"][-3:], d["position"]["line"], d["position"]["column"], d["help"])
        for d in found
        if d["severity"] == level
    ]


def differs(text: str, expected: Iterable[Found]) -> str:
    """Empty if exactly the expected errors are found, else what is different."""
    wanted = Counter((code, *line_and_column(text, at)) for code, at in expected)
    found = Counter(item[:3] for item in said(text))
    return "" if wanted == found else f"wanted {wanted - found}, said besides {found - wanted}"


def checked(pattern: str, check: Callable[[Key], str]) -> None:
    wrong = {key.path: why for key in KEYS if key.pattern == pattern and (why := check(key))}
    assert wrong == {}


def test_the_file_holds_before_it_is_changed() -> None:
    assert said(TEXT) == []
    assert len(KEYS) > 300


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_key_that_is_removed_is_missed_or_may_be_left_out(pattern: str) -> None:
    def check(key: Key) -> str:
        text = key.removed()
        return differs(text, without(key, text, key.parent))

    checked(pattern, check)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_key_that_is_misspelt_is_named_with_the_one_that_was_meant(pattern: str) -> None:
    def check(key: Key) -> str:
        text = key.misspelt()
        lacking = without(key, text, key.parent)
        if is_free(key) or is_property(key):
            return differs(text, lacking)
        if key.pattern.startswith("schemas."):
            if not in_schema(key):
                return differs(text, lacking)  # a schema of that name is missed where it is used
            return "" if meant(key, text, "082", "warning") else "not warned of"
        code = "011"
        if key.pattern.startswith("phases[].tool_constraints.") and key.path.count(".") == 2:
            code = "022"
        elif ".blockers[]." in key.pattern and key.name in OF_BLOCKERS:
            code = "025"
        if not meant(key, text, code, "error"):
            return f"{code} does not name '{key.name}'"
        if key.pattern == "transitions[].gate":
            lacking = []  # whether every gate is used is asked once all keys are known
        return differs(text, [(code, key.start), *lacking])

    checked(pattern, check)


def meant(key: Key, text: str, code: str, level: str) -> bool:
    at = line_and_column(text, key.start)
    return any(
        (found, line, column) == (code, *at) and f"'{key.name}'" in help_
        for found, line, column, help_ in said(text, level)
    )


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_value_of_a_wrong_type_is_marked_itself(pattern: str) -> None:
    def check(key: Key) -> str:
        text = key.valued("7" if key.kind in ("list", "mapping") else "[x]")
        if pattern.startswith("transitions[].triggers[].params"):
            return differs(text, [])
        code = "010"
        if key.pattern.startswith("schemas."):
            code = "041"
        elif key.name in ("threshold", "required_reviews"):
            code = "025"
        follows = key.pattern in ("phases[].gates", "schemas")
        lacking = without(key, text, key.parent) if follows else []
        return differs(text, [(code, key.value_place()), *lacking])

    checked(pattern, check)


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p not in FREE])
def test_a_value_that_contradicts_the_rest_is_marked(pattern: str) -> None:
    def check(key: Key) -> str:
        wrong = contradiction(key)
        if wrong is None:
            return ""
        value, code, place = wrong
        text = key.valued(value)
        at = place(text, key)
        found = [item[:3] for level in ("error", "warning") for item in said(text, level)]
        return "" if (code, *line_and_column(text, at)) in found else f"{value}: {found}"

    checked(pattern, check)


def test_only_keys_of_the_file_are_said_to_take_anything() -> None:
    assert set(PATTERNS) >= FREE
