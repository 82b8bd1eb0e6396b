"""``interlock policy check``: verdicts on the working tree's file, without a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Done, Shell
from tests.server.process import git

from interlock.definition import pack_files

FILE = "agent_workflow.yaml"


@pytest.fixture
def tree(shell: Shell) -> Shell:
    """A repository with the pack's files committed; nothing else of ours is there."""
    for path, data in pack_files("tdd").items():
        (shell.repository / path).parent.mkdir(parents=True, exist_ok=True)
        (shell.repository / path).write_bytes(data)
    git(shell.repository, "add", "-A")
    git(shell.repository, "commit", "-qm", "Workflow")
    return shell


def asked(shell: Shell, *words: str, code: int = 0) -> Any:
    done = told(shell, "--json", *words, code=code)
    assert done.err == ""
    return done.json


def told(shell: Shell, *words: str, code: int = 0) -> Done:
    done = shell.interlock("policy", "check", *words)
    assert done.code == code, done
    return done


def line_of(shell: Shell, position: str) -> str:
    file, line, column = position.split(":")
    rows = (shell.repository / file).read_text().splitlines()
    return rows[int(line) - 1][int(column) - 1 :]


def test_a_denied_command_shows_every_rule_with_its_line_and_a_remedy(tree: Shell) -> None:
    found = asked(tree, "--phase", "IMPL", "--", "git push -f && curl x", code=3)
    assert found["allowed"] is False
    assert [rule["rule"] for rule in found["reasons"]] == ["command.forbidden"] * 2
    first, second = found["reasons"]
    assert line_of(tree, first["position"]).startswith('"git push"')
    assert line_of(tree, second["position"]).startswith('"curl"')
    assert first["remedy"]
    (only,) = found["verdicts"]
    assert (only["phase"], only["tool"], only["allowed"]) == ("IMPL", "bash", False)
    assert only["rules"] == found["reasons"]
    assert (found["file"], found["mode"], found["notes"]) == (FILE, "strict", [])


def test_people_see_the_line_with_a_caret(tree: Shell) -> None:
    shown = told(tree, "--phase", "IMPL", "--", "git push --force", code=3).out.splitlines()
    assert shown[0] == "bash git push --force"
    assert shown[1].strip() == "✗ denied in IMPL"
    assert f" at {FILE}:" in shown[2]
    assert (
        shown[3]
        .partition("| ")[2][shown[4].partition("| ")[2].index("^") :]
        .startswith('"git push"')
    )
    assert shown[5].strip().startswith("→ ")


def test_an_allowed_call_shows_what_allows_it(tree: Shell) -> None:
    found = asked(tree, "--tool", "write_files", "--path", "tests/test_a.py", "--phase", "TDD")
    assert (found["allowed"], found["reasons"]) == (True, [])
    rules = found["verdicts"][0]["rules"]
    assert {rule["rule"] for rule in rules} == {"tool.allowed", "path.allowed"}
    assert line_of(tree, rules[1]["position"]) == '"tests/**"'
    assert "✓ allowed in TDD" in told(tree, "--phase", "TDD", "--path", "tests/test_a.py").out


def test_without_a_phase_all_are_asked_and_one_that_allows_is_enough(tree: Shell) -> None:
    found = asked(tree, "--path", "src/a.py")
    assert {one["phase"]: one["allowed"] for one in found["verdicts"]} == {
        "PLAN": False,
        "TDD": False,
        "IMPL": True,
        "REVIEW": False,
        "COMPLETE": False,
    }
    assert asked(tree, "--path", ".github/workflows/ci.yml", code=3)["allowed"] is False


def test_several_calls_are_allowed_if_each_is(tree: Shell) -> None:
    impl = ("--phase", "IMPL", "--path", "src/a.py", "--path", "README.md")
    assert len(asked(tree, *impl, "--", "pytest -q", "ls")["verdicts"]) == 4
    found = asked(tree, *impl, "--", "pytest -q", "git push", code=3)
    assert [one["allowed"] for one in found["verdicts"]] == [True, False, True, True]
    assert [rule["rule"] for rule in found["reasons"]] == ["command.forbidden"]


def test_a_tool_by_itself_can_be_asked_for(tree: Shell) -> None:
    assert asked(tree, "--tool", "git_commit", "--phase", "COMPLETE")["allowed"] is True
    denied = asked(tree, "--tool", "WebFetch", "--phase", "REVIEW", code=3)
    assert denied["reasons"][0]["rule"] == "tool.not_allowed"
    assert asked(tree, "--tool", "nothing", code=3)["reasons"][0]["rule"] == "tool.unknown"


@pytest.mark.parametrize(
    "words, code, said",
    [
        ((), 2, "IL-CLI-046"),
        (("--", "git", "push", "--force"), 2, "IL-CLI-045"),
        (("--tool", "write_files", "--phase", "TDD"), 2, "IL-CLI-048"),
        (("--phase", "TDDD", "--", "ls"), 5, "IL-CLI-047"),
        (("--file", "none.yaml", "--", "ls"), 7, "IL-DEF-008"),
        (("--file", ".orchestrator", "--", "ls"), 2, "IL-CLI-006"),
        (("--file", "a.py", "--", "ls"), 7, "IL-DEF-010"),
    ],
)
def test_what_cannot_be_asked_says_how_to_ask(
    tree: Shell, words: tuple[str, ...], code: int, said: str
) -> None:
    error = asked(tree, *words, code=code)["error"]
    assert (error["code"], bool(error["remedy"])) == (said, True)


def test_outside_of_a_repository_a_file_has_to_be_named(tree: Shell, tmp_path: Path) -> None:
    for path, data in pack_files("tdd").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    words = ("policy", "check", "--phase", "IMPL")
    assert tree.interlock(*words, "--", "ls", cwd=tmp_path).code == 5
    named = tree.interlock(*words, "--file", FILE, "--", "ls", cwd=tmp_path)
    assert (named.code, "note:" in named.out) == (0, False)


def test_a_file_in_a_folder_is_read_with_the_schemas_of_the_top(tree: Shell) -> None:
    draft = tree.repository / "drafts" / "new.yaml"
    draft.parent.mkdir()
    text = (tree.repository / FILE).read_text().replace('"git push", ', "")
    draft.write_text(text.replace('"git push --force", ', ""))
    words = ("policy", "check", "--json", "--phase", "IMPL", "--file", "new.yaml", "--", "git push")
    found = tree.interlock(*words, cwd=draft.parent)
    assert (found.code, found.json["file"]) == (0, "drafts/new.yaml")


def test_it_says_when_a_task_would_not_have_this_file(tree: Shell) -> None:
    path = tree.repository / FILE
    written = path.read_text()
    path.write_text(f"{written}# a comment changes nothing\n")
    assert asked(tree, "--path", "src/a.py")["notes"] == []
    path.write_text(written.replace(', "wget"', ""))
    (note,) = asked(tree, "--path", "src/a.py")["notes"]
    assert f"git diff HEAD -- {FILE}" in note
    path.write_text("name: broken\n")
    git(tree.repository, "commit", "-qam", "Broken")
    path.write_text(written)
    (note,) = asked(tree, "--path", "src/a.py")["notes"]
    assert "does not hold" in note


def test_nothing_has_to_be_committed(shell: Shell) -> None:
    git(shell.repository, "update-ref", "-d", "HEAD")
    for path, data in pack_files("tdd").items():
        (shell.repository / path).parent.mkdir(parents=True, exist_ok=True)
        (shell.repository / path).write_bytes(data)
    (note,) = asked(shell, "--path", "src/a.py")["notes"]
    assert "not committed" in note
    assert not os.path.lexists(shell.root / "state")


def test_what_the_environment_would_be_built_from_is_protected(tree: Shell) -> None:
    """requirements.txt is in the tree, and the file says nothing of an environment."""
    found = asked(tree, "--phase", "IMPL", "--path", "requirements.txt", code=3)
    assert found["reasons"][0]["rule"] == "path.protected"


def test_a_rule_of_what_the_file_builds_on_is_shown_at_its_own_line(tree: Shell) -> None:
    base = (tree.repository / FILE).read_text()
    (tree.repository / "team.yaml").write_text(base)
    (tree.repository / FILE).write_text("extends: ./team.yaml\n")
    (denied,) = asked(tree, "--phase", "IMPL", "--", "git push -f", code=3)["reasons"]
    assert denied["position"].startswith("team.yaml:")
    assert line_of(tree, denied["position"]).startswith('"git push"')
    shown = told(tree, "--phase", "IMPL", "--", "git push -f", code=3).out
    assert '"git push"' in shown
