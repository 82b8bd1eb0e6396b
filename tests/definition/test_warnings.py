"""What a file loads in spite of, each at its place."""

from __future__ import annotations

import pytest
from tests.definition.small import changed

from interlock.definition import load

PATTERNS = '["src/**"]'
END = "schemas:\n"
SCHEMA = "{type: object}"
VERDICTS = "{check: no_blocking_issues, severity: blocking}"


@pytest.mark.parametrize(
    "code, words, old, new",
    [
        ("085", "stays 1.10 here", 'version: "1"', "version: @1.10"),
        ("085", "take it for 1000.0", 'version: "1"', "version: @1e3"),
        ("085", "'python' stays 3.20", END, f"environment: {{python: @3.20}}\n{END}"),
        ("084", "make env || true", END, f'environment: {{setup: [@"make env || true"]}}\n{END}'),
        ("084", "b || :", END, f'environment: {{setup: ["a", @"b || :; c"]}}\n{END}'),
        (
            "084",
            "ping || true",
            END,
            "environment: {services: [{name: a, command: x, port: 1, ready: @ping || true}]}\n"
            + END,
        ),
        ("082", "all of it is protected", PATTERNS, '["src/**", @".github/workflows/*.yml"]'),
        ("082", "all of it is protected", PATTERNS, '["src/**", @".git/config"]'),
        ("082", "'requierd' is no keyword", SCHEMA, "{@requierd: [a]}"),
        (
            "082",
            "'minLenght' is no keyword",
            SCHEMA,
            "{properties: {required_name: {@minLenght: 1}}, x-own: 1, allOf: [{type: object}]}",
        ),
    ],
)
def test_it_is_said_and_the_file_loads(code: str, words: str, old: str, new: str) -> None:
    before, _, after = changed(old, new).partition("@")
    lines = before.split("\n")
    (found,) = load(before + after, file="w.yaml").warnings
    assert found.code == f"IL-DEF-{code}"
    assert words in found.message
    assert (found.position.line, found.position.column) == (len(lines), len(lines[-1]) + 1)


@pytest.mark.parametrize(
    "old, new",
    [
        ('version: "1"', 'version: "1.10"'),
        ('version: "1"', "version: 1.5"),
        (END, f'environment: {{python: 3.12, setup: ["make a && make b", "true"]}}\n{END}'),
        (PATTERNS, '["src/**", ".github/**"]'),
        (SCHEMA, "{properties: {requierd: {type: string}}, x-minimum: 3}"),
    ],
)
def test_what_is_meant_as_it_is_written_is_not_warned_of(old: str, new: str) -> None:
    assert load(changed(old, new)).warnings == ()


def test_verdicts_that_an_earlier_phase_or_a_session_of_its_own_brings_are_waited_for() -> None:
    check = "{check: all_tests_pass, severity: blocking}"
    asked = changed(check, f"{VERDICTS}, {{check: all_review_models_completed}}")
    assert load(asked).warnings == ()
    spawned = changed(check, VERDICTS).replace("  - id: A\n", "  - id: A\n    auto_spawn: []\n")
    assert {w.code for w in load(spawned).warnings} <= {"IL-DEF-080"}
