"""The verdict on tool calls: every rule by example, deny by default by property."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import PhaseSpec, ToolConstraint
from interlock.core.policy.arguments import normalize_args, paths_of
from interlock.core.policy.names import CANONICAL, KIN, PROTOCOL, canonical, names_for
from interlock.core.policy.tools import decide
from interlock.errors import UsageError

from .workflows import at, workflow

FLOW = workflow()
KNOWN = {spelling for tool in CANONICAL for spelling in names_for(tool)}


def rules(phase: str, tool: str, args: dict[str, Any] | None = None) -> list[str]:
    decision = decide(FLOW, phase, tool, args or {})
    assert decision.allowed == (not decision.reasons)
    return [reason.rule for reason in decision.reasons]


def patch(*lines: str) -> str:
    return "\n".join(["*** Begin Patch", *lines, "*** End Patch", ""])


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent, expected",
    [
        ("Read", "read_files"),
        ("Write", "write_files"),
        ("Edit", "edit_files"),
        ("MultiEdit", "multi_edit"),
        ("NotebookEdit", "edit_files"),
        ("Bash", "bash"),
        ("BashOutput", "bash_output"),
        ("KillBash", "bash_kill"),
        ("Glob", "glob"),
        ("Grep", "grep"),
        ("TodoWrite", "todo_write"),
        ("Task", "spawn_agent"),
        ("Agent", "spawn_agent"),
        ("AskUserQuestion", "ask_user_question"),
        ("Skill", "read_skill"),
        ("WebFetch", "web_fetch"),
        ("apply_patch", "write_files"),
        ("exec_command", "bash"),
        ("write_stdin", "bash"),
        ("run_shell_command", "bash"),
        ("replace", "edit_files"),
        ("str_replace_based_edit_tool", "write_files"),
        ("mcp__interlock__write_files", "write_files"),
        ("mcp__interlock__deploy", None),
        ("mcp__other__write_files", None),
        ("WRITE", None),
        ("write_files ", None),
        ("", None),
    ],
)
def test_programs_names_map_onto_canonical_ones(sent: str, expected: str | None) -> None:
    assert canonical(sent) == expected


def test_names_a_workflow_declares_are_known_but_change_no_other() -> None:
    assert canonical("deploy", ("deploy",)) == "deploy"
    assert canonical("Write", ("Write",)) == "write_files"


def test_no_spelling_stands_for_two_tools() -> None:
    spellings = [spelling for tool in CANONICAL for spelling in names_for(tool)]
    assert len(spellings) == len(set(spellings))


# -- permission ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phase, tool, args, expected",
    [
        ("PLAN", "Teleport", {}, ["tool.unknown"]),
        ("PLAN", "Write", {"file_path": "a"}, ["tool.forbidden"]),
        ("PLAN", "MultiEdit", {"file_path": "a"}, ["tool.forbidden"]),
        ("PLAN", "Bash", {"command": "ls"}, ["tool.forbidden"]),
        ("PLAN", "BashOutput", {}, ["tool.forbidden"]),
        ("PLAN", "git_status", {}, ["tool.not_allowed"]),
        ("PLAN", "TodoWrite", {}, ["tool.not_allowed"]),
        ("PLAN", "Read", {"file_path": "src/a.py"}, []),
        ("PLAN", "AskUserQuestion", {}, []),
        ("REVIEW", "submit_artifact", {}, []),
        ("REVIEW", "status", {}, []),
        ("TDD", "MultiEdit", {"file_path": "tests/a.py", "edits": []}, []),
        ("TDD", "BashOutput", {}, []),
        ("COMPLETE", "git_commit", {}, []),
        ("IMPL", "git_commit", {}, ["tool.forbidden"]),
        ("NOWHERE", "Read", {}, ["phase.unknown"]),
    ],
)
def test_a_tool_is_denied_unless_the_phase_permits_it(
    phase: str, tool: str, args: dict[str, Any], expected: list[str]
) -> None:
    assert rules(phase, tool, args) == expected


def test_a_protocol_tool_can_be_forbidden() -> None:
    flow = workflow(PhaseSpec(id="P", forbidden_tools=("status",)))
    assert not decide(flow, "P", "status", {}).allowed
    assert decide(flow, "P", "submit_artifact", {}).allowed


def test_forbidding_a_tool_forbids_its_kin_unless_they_are_allowed_by_name() -> None:
    phase = PhaseSpec(id="P", allowed_tools=("edit_files",), forbidden_tools=("write_files",))
    flow = workflow(phase)
    assert decide(flow, "P", "Edit", {"path": "a"}).allowed
    assert decide(flow, "P", "MultiEdit", {"path": "a"}).allowed
    assert not decide(flow, "P", "Write", {"path": "a"}).allowed


# -- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phase, tool, args, expected",
    [
        ("TDD", "Write", {"file_path": "tests/test_a.py"}, []),
        ("TDD", "Write", {"file_path": "/w/tests/test_a.py"}, []),
        ("TDD", "Write", {"file_path": "./tests/test_a.py"}, []),
        ("TDD", "Write", {"file_path": "src/a.py"}, ["path.forbidden", "path.not_allowed"]),
        ("TDD", "Edit", {"file_path": "src/a.py"}, ["path.forbidden", "path.not_allowed"]),
        ("TDD", "MultiEdit", {"file_path": "doc.md"}, ["path.not_allowed"]),
        ("TDD", "NotebookEdit", {"notebook_path": "a.ipynb"}, ["path.not_allowed"]),
        ("IMPL", "Write", {"file_path": "src/a.py"}, []),
        ("IMPL", "Write", {"file_path": "tests/a.py"}, ["path.forbidden"]),
        ("IMPL", "Write", {"file_path": "/w/CLAUDE.md"}, ["path.protected"]),
        ("IMPL", "Write", {"file_path": "/w/../etc/passwd"}, ["path.malformed"]),
        ("IMPL", "Write", {"file_path": "/etc/passwd"}, ["path.malformed"]),
        ("IMPL", "Write", {"file_path": "/wide/a"}, ["path.malformed"]),
        ("IMPL", "Write", {"file_path": ""}, ["path.malformed"]),
        ("IMPL", "Write", {"file_path": "/w"}, ["args.malformed"]),
        ("IMPL", "Write", {"content": "x"}, ["args.malformed"]),
        ("IMPL", "Write", {"file_path": 7}, ["args.malformed"]),
        ("IMPL", "Write", {"path": "a", "file_path": "tests/a"}, ["args.malformed"]),
        ("IMPL", "Write", {"path": "a", "file_path": "a"}, []),
        ("IMPL", "Write", {"paths": ["a", "tests/b"]}, ["path.forbidden"]),
        ("IMPL", "Write", {"paths": "a"}, ["args.malformed"]),
        ("IMPL", "Write", {"files": [{"path": "a"}, {"file_path": "tests/b"}]}, ["path.forbidden"]),
        ("IMPL", "MultiEdit", {"edits": [{"file_path": "tests/b"}]}, ["path.forbidden"]),
        ("IMPL", "move_file", {"path": "a", "destination": "tests/b"}, ["path.forbidden"]),
        ("PLAN", "Read", {"file_path": "/w/src/a.py"}, []),
        ("PLAN", "Read", {"file_path": "/etc/passwd"}, ["path.outside"]),
        ("PLAN", "Read", {"file_path": "../x"}, ["path.outside"]),
        ("PLAN", "Read", {"file_path": "~/.ssh/id_rsa"}, ["path.outside"]),
        ("PLAN", "Grep", {"pattern": "x", "path": "/w"}, []),
        ("PLAN", "Grep", {"pattern": "x"}, []),
        ("PLAN", "Glob", {"pattern": "**", "path": "/"}, ["path.outside"]),
    ],
)
def test_every_path_of_a_call_is_decided(
    phase: str, tool: str, args: dict[str, Any], expected: list[str]
) -> None:
    assert rules(phase, tool, args) == expected


@pytest.mark.parametrize(
    "lines, expected",
    [
        (["*** Add File: src/a.py", "+x"], []),
        (["*** Add File: src/a.py", "+x", "*** Update File: tests/a.py"], ["path.forbidden"]),
        (["*** Delete File: tests/a.py"], ["path.forbidden"]),
        (["*** Update File: src/a.py", "*** Move to: tests/a.py", "@@"], ["path.forbidden"]),
        (["  *** Update File:   tests/a.py  "], ["path.forbidden"]),
        (["*** Update File: src/a.py", " **kwargs", "-a", "+*** x"], []),
        (["*** update file: tests/a.py"], ["args.malformed"]),
        (["***Add File: tests/a.py"], ["args.malformed"]),
        (["*** Rename File: tests/a.py"], ["args.malformed"]),
        (["--- a/tests/a.py", "+++ b/tests/a.py"], ["args.malformed"]),
    ],
)
def test_every_target_of_a_patch_is_decided(lines: list[str], expected: list[str]) -> None:
    for key in ("command", "input", "patch"):
        assert rules("IMPL", "apply_patch", {key: patch(*lines)}) == expected


def test_a_patch_tool_without_a_patch_is_denied() -> None:
    assert rules("IMPL", "apply_patch", {"path": "src/a.py"}) == ["args.malformed"]


def test_a_finer_constraint_narrows_the_phase_but_never_widens_it() -> None:
    phase = PhaseSpec(
        id="P",
        allowed_tools=("write_files", "edit_files"),
        tool_constraints={
            "write_files": ToolConstraint(allowed_patterns=("src/**",)),
            "edit_files": ToolConstraint(allowed_patterns=("src/app/**", "docs/**")),
        },
    )
    flow = workflow(phase)
    assert decide(flow, "P", "Write", {"path": "src/x.py"}).allowed
    assert not decide(flow, "P", "Edit", {"path": "src/x.py"}).allowed
    assert decide(flow, "P", "Edit", {"path": "src/app/x.py"}).allowed
    assert not decide(flow, "P", "Edit", {"path": "docs/x.md"}).allowed


def test_a_reader_with_patterns_must_name_paths_that_match() -> None:
    phase = PhaseSpec(
        id="P",
        allowed_tools=("read_files", "grep"),
        tool_constraints={
            "read_files": ToolConstraint(forbidden_patterns=("secrets/**",)),
            "grep": ToolConstraint(allowed_patterns=("src/**",)),
        },
    )
    flow = workflow(phase)
    assert decide(flow, "P", "Read", {"path": "a"}).allowed
    assert decide(flow, "P", "Read", {"path": "CLAUDE.md"}).allowed
    assert not decide(flow, "P", "Read", {"path": "secrets/x"}).allowed
    assert decide(flow, "P", "grep", {"path": "src/x/"}).allowed
    assert not decide(flow, "P", "grep", {"pattern": "x"}).allowed


# -- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phase, tool, args, expected",
    [
        ("TDD", "Bash", {"command": "pytest -q"}, []),
        ("TDD", "exec_command", {"cmd": "pytest -q"}, []),
        ("TDD", "shell", {"command": ["bash", "-lc", "pytest -q"]}, []),
        ("TDD", "Bash", {"command": "ls"}, ["command.not_allowed"]),
        ("TDD", "Bash", {"command": "git push"}, ["command.forbidden", "command.not_allowed"]),
        (
            "TDD",
            "shell",
            {"command": ["git", "push"]},
            ["command.forbidden", "command.not_allowed"],
        ),
        ("TDD", "Bash", {"command": "pytest > x"}, ["command.redirect"]),
        ("TDD", "Bash", {"command": "A=1 $X"}, ["command.opaque"]),
        ("TDD", "Bash", {}, ["args.malformed"]),
        ("TDD", "Bash", {"command": 7}, ["args.malformed"]),
        ("TDD", "Bash", {"command": ["a", 7]}, ["args.malformed"]),
        ("TDD", "Bash", {"command": "pytest", "cmd": "git"}, ["args.malformed"]),
        ("TDD", "Bash", {"command": "pytest", "argv": ["git"]}, ["args.malformed"]),
        ("TDD", "write_stdin", {"chars": "echo x > y\n"}, ["command.opaque"]),
        ("TDD", "write_stdin", {"chars": ""}, []),
        ("IMPL", "write_stdin", {"chars": "x"}, []),
        ("IMPL", "Bash", {"command": "git push; $X"}, []),
        ("IMPL", "run", {"kind": "build"}, []),
        ("TDD", "run_tests", {}, []),
        ("TDD", "run_tests", {"paths": ["tests/a.py"]}, []),
        ("TDD", "run_tests", {"command": "pytest -q tests"}, []),
        ("TDD", "run_tests", {"command": "python3 -m pytest"}, []),
        ("TDD", "run_tests", {"command": "pytest; ls"}, ["command.not_allowed"]),
        ("TDD", "run_tests", {"command": "go test"}, ["command.not_allowed"]),
        ("IMPL", "run_tests", {"command": "make"}, ["command.not_allowed"]),
    ],
)
def test_every_command_of_a_call_is_decided(
    phase: str, tool: str, args: dict[str, Any], expected: list[str]
) -> None:
    assert rules(phase, tool, args) == expected


def test_run_is_bound_like_bash_where_nothing_is_said_about_it() -> None:
    phase = PhaseSpec(
        id="P",
        allowed_tools=("run", "bash"),
        tool_constraints={"bash": ToolConstraint(forbidden_commands=("git",))},
    )
    assert not decide(workflow(phase), "P", "run", {"command": "git push"}).allowed
    assert decide(workflow(phase), "P", "run", {"command": "make"}).allowed


def test_a_declared_tool_is_bound_by_its_own_constraint() -> None:
    phase = PhaseSpec(
        id="P",
        allowed_tools=("deploy", "lint"),
        tool_constraints={
            "deploy": ToolConstraint(allowed_commands=("stage",)),
            "lint": ToolConstraint(allowed_patterns=("src/**",)),
        },
    )
    flow = workflow(phase, extra_tools=("deploy", "lint"))
    assert decide(flow, "P", "deploy", {"command": "stage one"}).allowed
    assert not decide(flow, "P", "deploy", {"command": "prod"}).allowed
    assert not decide(flow, "P", "deploy", {}).allowed
    assert decide(flow, "P", "lint", {"path": "src/a.py"}).allowed
    assert not decide(flow, "P", "lint", {"path": "a.py"}).allowed


# -- explanations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "phase, tool, args, line, remedy",
    [
        (
            "PLAN",
            "Write",
            {"path": "a"},
            10,
            "When PLAN is done: "
            "client.request_transition('TDD', {'plan_document': …, 'scope_definition': …})",
        ),
        ("IMPL", "Write", {"path": "tests/a"}, 61, "request_transition('TDD')"),
        ("TDD", "Write", {"path": "src/a.py"}, 41, "request_transition('IMPL')"),
        ("PLAN", "git_commit", {}, 10, "interlock why TASK"),
        ("PLAN", "todo_write", {}, 10, "Use one of: read_files"),
        ("PLAN", "red_files", {}, 10, "Did you mean read_files?"),
        ("TDD", "Bash", {"command": "ls"}, 44, "Run one of: pytest"),
        ("IMPL", "Write", {"path": "AGENTS.md"}, 61, "request_approval("),
        ("IMPL", "Write", {}, 50, "Send the call again"),
    ],
)
def test_a_denial_names_its_line_and_the_next_action(
    phase: str, tool: str, args: dict[str, Any], line: int, remedy: str
) -> None:
    reason = decide(FLOW, phase, tool, args).reasons[0]
    assert reason.position == at(line)
    assert remedy in reason.remedy
    assert reason.message.endswith(".")


def test_every_denial_has_a_message_a_remedy_and_facts() -> None:
    for phase in FLOW.phases:
        for tool in [*KNOWN, "unknown", "x" * 500, "a\x1b[0m"]:
            for args in (
                {},
                {"path": "tests/../a\x1b"},
                {"path": "src/CLAUDE.md"},
                {"command": "$X"},
            ):
                for reason in decide(FLOW, phase.id, tool, args).reasons:
                    assert reason.message.isprintable()
                    assert reason.remedy.isprintable()
                    assert reason.remedy
                    assert reason.facts
                    assert reason.position


# -- arguments -----------------------------------------------------------------------------------


def test_arguments_get_canonical_names_also_inside_of_edits() -> None:
    given = {"file_path": "a", "edits": [{"old_string": "x", "newString": "y"}], "cmd": "ls"}
    assert normalize_args("MultiEdit", given) == {
        "path": "a",
        "edits": [{"old": "x", "new": "y"}],
        "command": "ls",
    }


def test_normalising_twice_changes_nothing() -> None:
    once = normalize_args("apply_patch", {"command": patch("*** Add File: a")})
    assert normalize_args("apply_patch", once) == once
    assert paths_of(once) == ("a",)


def test_disagreeing_spellings_raise_with_a_code() -> None:
    with pytest.raises(UsageError) as error:
        normalize_args("Write", {"path": "a", "filePath": "b"})
    assert error.value.code == "IL-POL-001"


# -- properties ----------------------------------------------------------------------------------

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.sampled_from(
    ["path", "file_path", "paths", "command", "cmd", "argv", "edits", "files", "patch", "chars"]
) | st.text(max_size=6)
arguments = st.dictionaries(keys, json, max_size=4)
phase_ids = st.sampled_from([phase.id for phase in FLOW.phases])


@given(phase_ids, st.text(max_size=20), arguments)
def test_no_name_outside_the_table_is_ever_allowed(
    phase: str, tool: str, args: dict[str, Any]
) -> None:
    if tool not in KNOWN:
        assert not decide(FLOW, phase, tool, args).allowed


@given(phase_ids, st.sampled_from(sorted(KNOWN)), arguments)
def test_any_arguments_are_decided_without_an_error(
    phase: str, tool: str, args: dict[str, Any]
) -> None:
    decision = decide(FLOW, phase, tool, args)
    assert decision.allowed == (not decision.reasons)


tool_sets = st.sets(st.sampled_from(sorted(CANONICAL)), max_size=8).map(tuple)


@given(tool_sets, tool_sets, st.sampled_from(sorted(CANONICAL)), arguments)
def test_only_what_is_allowed_and_not_forbidden_is_permitted(
    allowed: tuple[str, ...], forbidden: tuple[str, ...], tool: str, args: dict[str, Any]
) -> None:
    flow = workflow(PhaseSpec(id="P", allowed_tools=allowed, forbidden_tools=forbidden))
    if not decide(flow, "P", tool, args).allowed:
        return
    assert tool not in forbidden
    line = [tool]
    while line[-1] in KIN:
        line.append(KIN[line[-1]])
    assert tool in PROTOCOL or any(kin in allowed for kin in line)
