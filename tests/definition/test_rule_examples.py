"""Examples under rules: a call that does not get its verdict keeps the file from loading."""

from __future__ import annotations

from typing import Any

import pytest
from tests.definition.small import SMALL, changed

from interlock.definition import load
from interlock.definition.rule_examples import MAX_EXAMPLES
from interlock.errors import DefinitionError

PHASE = "    forbidden_tools: [git_commit]\n"
BASH = 'bash: {allowed_commands: ["pytest"]}'
WRITE = 'write_files: {allowed_patterns: ["src/**"], forbidden_patterns: ["src/x/**"]}'


def under_phase(examples: str) -> str:
    return changed(PHASE, f"{PHASE}    examples: {examples}\n")


def under_bash(examples: str) -> str:
    return changed(BASH, f'bash: {{allowed_commands: ["pytest"], examples: {examples}}}')


def under_writing(examples: str) -> str:
    return changed(WRITE, f"{WRITE[:-1]}, examples: {examples}}}")


def found(text: str) -> list[dict[str, Any]]:
    """What is wrong with a file; nothing if it loads."""
    try:
        load(text, file="w.yaml")
    except DefinitionError as error:
        listed: list[dict[str, Any]] = error.context["diagnostics"]
        return [item for item in listed if item["severity"] == "error"]
    return []


def at(text: str, words: str) -> dict[str, Any]:
    """Where words stand first in a text."""
    before = text[: text.index(words)].split("\n")
    return {"file": "w.yaml", "line": len(before), "column": len(before[-1]) + 1}


HOLD = {
    "a command of bash": under_bash('{allowed: ["pytest -q"], denied: ["git push --force", "ls"]}'),
    "a path of a writing tool": under_writing("{allowed: [src/a.py], denied: [src/x/a.py, a.py]}"),
    "a bare text under a phase": under_phase('{allowed: ["pytest"], denied: ["git push"]}'),
    "calls written out": under_phase(
        "{allowed: [{tool: Write, path: src/a.py}, {command: pytest}, {tool: read_files}],"
        " denied: [{tool: git_commit}, {tool: web_fetch, args: {url: 'https://example.org'}}]}"
    ),
    "all arguments": under_writing(
        "{denied: [{tool: apply_patch, args: {patch: '*** Add File: a.py'}}]}"
    ),
    "another tool under a constraint": under_writing("{allowed: [{tool: Edit, path: src/a.py}]}"),
    "a list": under_phase("[{tool: read_files, allowed: true}, {command: ls, allowed: false}]"),
    "a list under a constraint": under_writing("[{path: a.py, allowed: false}]"),
    "none": under_phase("{}"),
    "an empty list": under_bash("{allowed: []}"),
}


@pytest.mark.parametrize("text", HOLD.values(), ids=HOLD)
def test_a_file_whose_examples_hold_is_loaded(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", HOLD.values(), ids=HOLD)
def test_a_task_is_not_pinned_to_examples(text: str) -> None:
    assert load(text).workflow.digest == load(SMALL).workflow.digest


SWAPS = ("allowed: true", "allowed: false"), ("allowed: [", "denied: [")


@pytest.mark.parametrize(
    "name", [name for name in HOLD if "none" not in name and "empty" not in name]
)
def test_the_same_calls_with_the_other_verdict_do_not_hold(name: str) -> None:
    before, after = HOLD[name].split("examples:")
    for one, other in SWAPS:
        after = after.replace(one, "@").replace(other, one).replace("@", other)
    assert {item["code"] for item in found(f"{before}examples:{after}")} == {"IL-DEF-070"}


FAIL = {
    "command.forbidden": (
        changed(
            BASH,
            'bash: {forbidden_commands: ["rm", "git push"],'
            ' examples: {allowed: ["ls && git push -f"]}}',
        ),
        '"ls && git push -f"',
        '"git push"]',
    ),
    "command.not_allowed": (under_bash("{allowed: [make]}"), "make", "allowed_commands"),
    "command.opaque": (under_bash('{allowed: ["$X"]}'), '"$X"', "allowed_commands"),
    "path.forbidden": (under_writing("{allowed: [src/x/a]}"), "src/x/a", '"src/x/**"'),
    "path.not_allowed": (under_writing("{allowed: [a.py]}"), "a.py", "allowed_patterns"),
    "path.protected": (
        under_writing("{allowed: [src/keep/a]}") + "protected_paths: ['src/keep/**']\n",
        "src/keep/a",
        "'src/keep/**'",
    ),
    "tool.forbidden": (
        under_phase("{allowed: [{tool: git_commit}]}"),
        "{tool: git_commit",
        "git_commit",
    ),
    "tool.not_allowed": (under_phase("{allowed: [{tool: glob}]}"), "{tool: glob", "allowed_tools"),
}


@pytest.mark.parametrize("rule", FAIL)
def test_what_is_denied_and_said_to_be_allowed_shows_the_rule(rule: str) -> None:
    text, example, decides = FAIL[rule]
    first, *others = found(text)
    assert others == []
    assert (first["code"], first["position"]) == ("IL-DEF-070", at(text, example))
    assert first["message"].startswith("A denies this call: ")
    assert first["help"]
    (related,) = first["related"]
    assert related == {"message": f"decided by {rule}", "position": at(text, decides)}


def test_every_rule_against_the_call_is_related() -> None:
    text = changed(
        BASH,
        'bash: {allowed_commands: ["pytest"], forbidden_commands: ["git push"],'
        ' examples: {allowed: ["git push"]}}',
    )
    (first,) = found(text)
    assert [item["message"] for item in first["related"]] == [
        "decided by command.forbidden",
        "decided by command.not_allowed",
    ]


@pytest.mark.parametrize(
    "text, example, under, helps",
    [
        (under_bash("{denied: ['pytest -x']}"), "'pytest -x'", "bash:", "'forbidden_commands'"),
        (under_writing("{denied: [src/a]}"), "src/a", "write_files:", "under 'write_files'"),
        (under_phase("{denied: [{tool: Read}]}"), "{tool: Read", "id: A", "'forbidden_tools'"),
    ],
)
def test_what_is_allowed_and_said_to_be_denied_says_how_to_forbid_it(
    text: str, example: str, under: str, helps: str
) -> None:
    (first,) = found(text)
    assert (first["code"], first["position"]) == ("IL-DEF-070", at(text, example))
    assert first["message"].startswith("A allows this call: ")
    assert helps in first["help"]
    assert [item["position"] for item in first["related"]] == [at(text, under)]


@pytest.mark.parametrize(
    "text, code, place",
    [
        (under_phase("{alowed: [ls]}"), "IL-DEF-011", "alowed"),
        (under_phase("yes"), "IL-DEF-010", "yes"),
        (under_phase("[pytest]"), "IL-DEF-010", "pytest]"),
        (under_phase("[{command: pytest}]"), "IL-DEF-012", "{command"),
        (under_phase("[{command: pytest, allowed: maybe}]"), "IL-DEF-010", "maybe"),
        (under_phase("{allowed: pytest}"), "IL-DEF-010", "pytest}"),
        (under_phase("{allowed: [3]}"), "IL-DEF-010", "3]"),
        (under_phase("{allowed: [[pytest]]}"), "IL-DEF-010", "[pytest]]"),
        (under_phase("{allowed: [{path: src/a}]}"), "IL-DEF-012", "{path"),
        (under_phase("{denied: [{tool: wirte_files, path: a}]}"), "IL-DEF-022", "wirte"),
        (under_phase("{denied: [{command: pytest, paht: a}]}"), "IL-DEF-011", "paht"),
        (under_phase("{allowed: [{command: ls, path: a}]}"), "IL-DEF-071", "ls,"),
        (under_phase("{allowed: [{tool: bash, args: [ls]}]}"), "IL-DEF-010", "[ls]"),
        # Denied, but by no rule of the file.
        (under_phase("{denied: [{tool: write_files}]}"), "IL-DEF-071", "{tool"),
        (under_phase("{denied: [{tool: bash, args: {command: 3}}]}"), "IL-DEF-071", "{tool"),
        (under_phase("{denied: [{tool: Write, args: {path: a, file: b}}]}"), "IL-DEF-071", "{tool"),
        (
            changed(BASH, "web_fetch: {examples: {allowed: [somewhere]}}").replace(
                "bash]", "web_fetch]"
            ),
            "IL-DEF-071",
            "somewhere",
        ),
        (under_bash(f"{{denied: ['{'x' * 3000}']}}"), "IL-DEF-002", "'xxx"),
    ],
)
def test_an_example_that_is_no_call_is_marked(text: str, code: str, place: str) -> None:
    (first,) = found(text)
    assert (first["code"], first["position"]) == (code, at(text, place))


def test_a_text_said_often_by_an_alias_is_not_read_as_often() -> None:
    lists = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lists += [f"{n}: &{n} [{', '.join([f'*{o}'] * 10)}]" for o, n in ("ab", "bc", "cd")]
    text = under_phase(f"{{denied: [{{tool: bash, args: {{{', '.join(lists)}}}}}]}}")
    assert [item["code"] for item in found(text)] == ["IL-DEF-002"]


def test_the_number_of_examples_is_bounded() -> None:
    many = ", ".join(["ls"] * MAX_EXAMPLES)
    assert found(under_bash(f"{{denied: [{many}]}}")) == []
    (first,) = found(under_bash(f"{{denied: [{many}, make]}}"))
    assert first["code"] == "IL-DEF-002"


def test_nothing_is_tried_while_the_rules_themselves_are_wrong() -> None:
    text = under_bash("{allowed: [make]}").replace("gates:", "gatse:")
    codes = {item["code"] for item in found(text)}
    assert "IL-DEF-011" in codes
    assert "IL-DEF-070" not in codes


def test_a_check_has_no_examples() -> None:
    text = changed("severity: blocking}", "severity: blocking, examples: []}")
    (first,) = found(text)
    assert (first["code"], first["position"]) == ("IL-DEF-037", at(text, "[]}"))
    assert "under a phase" in first["help"]
