"""Whoever writes rules sees each that has a say in a call, at the line where it is written."""

from __future__ import annotations

from typing import Any

import pytest

from interlock.core.policy.tools import decide
from interlock.definition import load
from interlock.definition.verdicts import Verdict, verdict

FILE = """\
name: n
version: "1"
phases:
  - id: A
    allowed_tools: [Read, write_files, bash, run_tests, issue_tracker]
    forbidden_tools: [Bash_kill_is_none]
    tool_constraints:
      write_files:
        allowed_patterns: ["src/**", "**/*.py"]
        forbidden_patterns: ["src/x/**"]
      bash:
        allowed_commands: [pytest, "git log", "git"]
        forbidden_commands: ["git push", "git push --force"]
  - id: B
    allowed_tools: [edit_files, grep]
    forbidden_tools: [Bash]
    tool_constraints:
      edit_files: {allowed_patterns: ["docs/**"]}
transitions: [{from: A, to: B}]
protected_paths: ["src/keep/**"]
tools: [issue_tracker]
""".replace("    forbidden_tools: [Bash_kill_is_none]\n", "")
LOADED = load(FILE, file="w.yaml")
COMMAND, PATH = "command", "path"


def asked(phase: str, tool: str, **args: Any) -> Verdict:
    spec = LOADED.workflow.phase(phase)
    assert spec is not None
    assert LOADED.places is not None
    return verdict(LOADED.workflow, LOADED.places, spec, tool, args)


def written(found: Verdict) -> list[tuple[str, str]]:
    """Each rule with the word that stands where it says that it is written."""
    rows = FILE.splitlines()
    shown = []
    for rule in found.rules:
        at = rule.position
        text = rows[at.line - 1][at.column - 1 :] if at else ""
        shown.append((rule.rule, text.split("]")[0].split(",")[0].split(":")[0].strip("\"'")))
    return shown


@pytest.mark.parametrize(
    "phase, tool, args, rules",
    [
        (
            "A",
            "Write",
            {PATH: "src/a.c"},
            [("tool.allowed", "write_files"), ("path.allowed", "src/**")],
        ),
        (
            "A",
            "edit_files",
            {PATH: "src/a.py"},
            [
                ("tool.allowed", "write_files"),
                ("path.allowed", "src/**"),
                ("path.allowed", "**/*.py"),
            ],
        ),
        ("A", "read_files", {PATH: "a"}, [("tool.allowed", "Read")]),
        ("A", "issue_tracker", {}, [("tool.allowed", "issue_tracker")]),
        ("A", "submit_artifact", {}, [("tool.allowed", "")]),
        (
            "A",
            "bash",
            {COMMAND: "pytest -q"},
            [("tool.allowed", "bash"), ("command.allowed", "pytest")],
        ),
        (
            "A",
            "bash",
            {COMMAND: "pytest && git log"},
            [("tool.allowed", "bash"), ("command.allowed", "pytest")],
        ),
        (
            "A",
            "bash",
            {COMMAND: "pytest && git status"},
            [("tool.allowed", "bash"), ("command.allowed", "pytest"), ("command.allowed", "git")],
        ),
        ("A", "run_tests", {}, [("tool.allowed", "run_tests")]),
        (
            "B",
            "multi_edit",
            {PATH: "docs/a"},
            [("tool.allowed", "edit_files"), ("path.allowed", "docs/**")],
        ),
    ],
)
def test_a_call_that_is_allowed_shows_what_allows_it(
    phase: str, tool: str, args: dict[str, Any], rules: list[tuple[str, str]]
) -> None:
    found = asked(phase, tool, **args)
    assert (found.allowed, written(found)) == (True, rules)


@pytest.mark.parametrize(
    "phase, tool, args, rules",
    [
        ("A", "Write", {PATH: "src/x/a"}, [("path.forbidden", "src/x/**")]),
        ("A", "Write", {PATH: "src/keep/a"}, [("path.protected", "src/keep/**")]),
        (
            "A",
            "Write",
            {PATH: "src/x/.envrc"},
            [("path.forbidden", "src/x/**"), ("path.protected", "")],
        ),
        ("A", "Write", {PATH: "a.c"}, [("path.not_allowed", "allowed_patterns")]),
        (
            "A",
            "bash",
            {COMMAND: "git push -f"},
            [("command.forbidden", "git push"), ("command.forbidden", "git push --force")],
        ),
        ("A", "bash", {COMMAND: "make"}, [("command.not_allowed", "allowed_commands")]),
        ("A", "web_fetch", {}, [("tool.not_allowed", "allowed_tools")]),
        ("B", "bash_output", {}, [("tool.forbidden", "Bash")]),
        ("B", "edit_files", {PATH: "src/a"}, [("path.not_allowed", "id")]),
        ("B", "wirte", {}, [("tool.unknown", "allowed_tools")]),
    ],
)
def test_a_call_that_is_denied_shows_all_that_is_against_it(
    phase: str, tool: str, args: dict[str, Any], rules: list[tuple[str, str]]
) -> None:
    found = asked(phase, tool, **args)
    assert found.allowed is False
    assert [rule for rule, _ in written(found)] == [rule for rule, _ in rules]
    assert written(found) == rules
    assert all(rule.remedy for rule in found.rules)


@pytest.mark.parametrize("phase", ["A", "B"])
@pytest.mark.parametrize("tool", ["read_files", "Write", "bash", "grep", "bash_output", "nothing"])
def test_the_verdict_is_the_one_that_an_agent_gets(phase: str, tool: str) -> None:
    for args in ({PATH: "src/a.py"}, {PATH: "docs/a"}, {COMMAND: "pytest"}, {COMMAND: "$X"}, {}):
        found, meant = asked(phase, tool, **args), decide(LOADED.workflow, phase, tool, args)
        assert (found.allowed, found.tool) == (meant.allowed, meant.tool)
        if not meant.allowed:
            assert [(r.rule, r.message) for r in found.rules] == [
                (r.rule, r.message) for r in meant.reasons
            ]
