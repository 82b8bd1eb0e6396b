"""``interlock workflow``: which rules there are, where each comes from, a file to begin with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Shell
from tests.server.process import git

from interlock.cli.standing import standing
from interlock.definition import load, load_pack, load_tree, pack_names

OURS = """\
extends: ./team.yaml
name: Ours
phases:
  - id: IMPL
    gates:
      - id: tests_green
        blockers: [{check: coverage_threshold_met, threshold: "${covered}"}]
"""
TEAM = "extends: tdd\nvariables: {covered: 95}\n"


def put(shell: Shell, **files: str) -> None:
    for name, text in files.items():
        (shell.repository / name.replace("_yaml", ".yaml")).write_text(text)


@pytest.fixture
def extending(shell: Shell) -> Shell:
    put(shell, agent_workflow_yaml=OURS, team_yaml=TEAM)
    return shell


def test_packs_and_the_own_file_are_listed(extending: Shell) -> None:
    found = extending.json("workflow", "list")
    assert found.code == 0
    rows = {row["name"]: row for row in found.json["workflows"]}
    assert set(rows) == {*pack_names(), "agent_workflow.yaml"}
    own = rows["agent_workflow.yaml"]
    assert (own["title"], own["kind"]) == ("Ours", "file")
    assert own["phases"] == ["PLAN", "TDD", "IMPL", "REVIEW", "COMPLETE"]
    assert own["files"] == ["agent_workflow.yaml", "team.yaml", "packs/tdd/workflow.yaml"]
    assert rows["tdd"]["digest"] == load_pack("tdd").workflow.digest


def test_a_file_that_does_not_load_is_listed_all_the_same(shell: Shell) -> None:
    put(shell, agent_workflow_yaml="extends: tdb\n")
    found = shell.json("workflow", "list")
    assert found.code == 0
    own = found.json["workflows"][-1]
    assert "There is no pack 'tdb'" in own["title"]


def test_what_is_shown_is_a_file_of_the_same_digest(extending: Shell) -> None:
    shown = extending.interlock("workflow", "show")
    assert shown.code == 0
    digest = load_tree(standing(extending.repository)).workflow.digest
    assert load(shown.out).workflow.digest == digest
    assert digest in shown.err
    assert "Not committed" in shown.err
    assert "agent_workflow.yaml" in shown.err
    assert "team.yaml" in shown.err


def test_each_value_has_its_origin(extending: Shell) -> None:
    lines = extending.interlock("workflow", "show", "--origin").out.splitlines()
    origin = {line.rpartition("  # ")[0].strip(): line.rpartition("  # ")[2] for line in lines}
    assert origin["name: Ours"] == "agent_workflow.yaml:2"
    assert origin["threshold: 95"] == "team.yaml:2"
    assert origin['protected_paths: ["/team.yaml"]'] == "agent_workflow.yaml:1"
    assert origin["# requires_token: true"] == "default"
    values = extending.json("workflow", "show", "--origin").json["values"]
    by_path = {item["path"]: item for item in values}
    name = "phases.IMPL.gates.tests_green.blockers.coverage_threshold_met.threshold"
    assert by_path[name] == {
        "path": name,
        "value": 95,
        "origin": {"file": "team.yaml", "line": 2, "column": 22},
        "default": False,
    }
    assert by_path["protected_paths"]["value"] == ["/team.yaml"]


def test_it_is_the_same_from_below_and_for_packs_and_files(extending: Shell) -> None:
    below = extending.repository / "docs"
    below.mkdir()
    digests = {
        extending.interlock(*words, "--json", cwd=below).json["digest"]
        for words in (("workflow", "show"), ("workflow", "show", "../agent_workflow.yaml"))
    }
    assert len(digests) == 1
    pack = extending.json("workflow", "show", "tdd").json
    assert pack["digest"] == load_pack("tdd").workflow.digest
    assert extending.json("workflow", "show", "team.yaml").json["files"][0] == "team.yaml"


@pytest.mark.parametrize(
    "words, code, said",
    [
        (("show", "tdb"), 5, "Did you mean 'tdd'?"),
        (("show", "none.yaml"), 7, "interlock init"),
        (("show", "/etc/hosts.yaml"), 5, "Name a file of this repository."),
        (("new", "--pack", "tdb"), 5, "Did you mean 'tdd'?"),
        (("new", "--extends", "tdb"), 5, "Did you mean 'tdd'?"),
        (("new", "--extends", "tdd", "--pack", "tdd"), 2, "interlock workflow new --extends tdd"),
    ],
)
def test_what_cannot_be_done_says_why(
    shell: Shell, words: tuple[str, ...], code: int, said: str
) -> None:
    found = shell.json("workflow", *words)
    assert found.code == code
    assert said in found.json["error"]["remedy"]
    assert not (shell.repository / "agent_workflow.yaml").exists()


def test_without_a_repository_packs_can_be_looked_at(shell: Shell, tmp_path: Path) -> None:
    assert shell.interlock("workflow", "list", cwd=tmp_path).code == 0
    assert shell.interlock("workflow", "show", "tdd", cwd=tmp_path).code == 0
    assert shell.interlock("workflow", "new", cwd=tmp_path).code == 0
    assert (tmp_path / "agent_workflow.yaml").is_file()


def test_a_new_file_builds_on_a_pack_and_is_never_written_over(shell: Shell) -> None:
    file = shell.repository / "agent_workflow.yaml"
    assert shell.json("workflow", "new").json == {"written": [str(file)]}
    assert load_tree(standing(shell.repository)).workflow.digest == (
        load_pack("tdd").workflow.digest
    )
    text = file.read_text()
    again = shell.json("workflow", "new")
    assert (again.code, again.json["error"]["code"]) == (6, "IL-CLI-008")
    assert file.read_text() == text
    file.unlink()
    file.symlink_to(shell.root / "elsewhere")
    assert shell.json("workflow", "new").code == 6
    assert not (shell.root / "elsewhere").exists()


@pytest.mark.parametrize("pack", pack_names())
def test_a_copy_of_a_pack_holds_by_itself(shell: Shell, pack: str) -> None:
    assert shell.json("workflow", "new", "--pack", pack).code == 0
    found = load_tree(standing(shell.repository))
    assert found.workflow.digest == load_pack(pack).workflow.digest


@pytest.mark.parametrize("pack", pack_names())
def test_what_the_new_file_shows_in_comments_holds(shell: Shell, pack: str) -> None:
    assert shell.json("workflow", "new", "--extends", pack).code == 0
    text = (shell.repository / "agent_workflow.yaml").read_text()
    head, _, rest = text.partition(f"extends: {pack}\n")
    assert head.count("\n") > 4
    # The hash goes; what remains is an example or still a comment, or a sentence for people.
    shown = [line.removeprefix("#").removeprefix(" ") for line in rest.splitlines()]
    example = "\n".join(line for line in shown if not line.endswith((".", "others.")))
    found = load(f"extends: {pack}\n{example}\n")
    assert found.workflow.digest != load_pack(pack).workflow.digest
    assert found.workflow.phase("SIGN_OFF") is not None
    assert found.workflow.protected_paths


def test_nothing_is_read_through_a_link_or_from_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("name: x\n")
    tree = tmp_path / "tree"
    (tree / "real").mkdir(parents=True)
    (tree / "real" / "a.yaml").write_text("a")
    (tree / "link.yaml").symlink_to(outside)
    (tree / "inner.yaml").symlink_to(tree / "real" / "a.yaml")
    (tree / "folder").symlink_to(tree / "real")
    (tree / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tree / "pipe.yaml")
    read = standing(tree)
    assert read("real/a.yaml") == b"a"
    for path in ("link.yaml", "inner.yaml", "folder/a.yaml", "../outside.yaml", str(outside)):
        assert read(path) is None, path
    for path in ("loop.yaml", "real", "none.yaml", "pipe.yaml", "a\0b.yaml"):
        assert read(path) is None, path


def document(shell: Shell, *words: str) -> Any:
    done = shell.interlock(*words, "--json")
    assert done.code == 0, done
    return done.json


def test_init_and_trust_understand_a_file_that_extends(extending: Shell) -> None:
    recipe = "environment: {setup: ['pip install -r requirements.txt']}\n"
    put(extending, agent_workflow_yaml=OURS + recipe)
    done = extending.init("--trust", "--json")
    assert done.code == 0, done
    # Nothing of the pack is copied beside it: it comes along.
    assert done.json["written"] == [".orchestrator/config.yaml"]
    assert done.json["environment"] == ["pip install -r requirements.txt"]
    assert set(done.json["uncommitted"]) == {"agent_workflow.yaml", "team.yaml"}
    git(extending.repository, "add", "-A")
    git(extending.repository, "commit", "-q", "-m", "Workflow")
    assert document(extending, "init")["uncommitted"] == []
    assert "Not committed" not in extending.interlock("workflow", "show").err
