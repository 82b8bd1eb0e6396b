"""``interlock validate``: from a file that lies anywhere, or a pack, to a status and a report."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.cli.conftest import Shell
from tests.definition.small import SMALL, changed

HOLDS = SMALL
BROKEN = changed("mode: strict", "mode: strikt").replace("to: B", "to: C")
WARNED = changed("name: Small", "name: Small\nrollout: {}")


@pytest.fixture
def team(shell: Shell) -> Shell:
    """A repository with a workflow file that nobody committed, and no state of ours."""
    (shell.repository / "agent_workflow.yaml").write_text(HOLDS)
    return shell


def put(team: Shell, text: str, name: str = "agent_workflow.yaml") -> None:
    path = team.repository / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_the_file_of_the_working_tree_is_looked_at(team: Shell) -> None:
    done = team.interlock("validate")
    assert (done.code, done.out) == (0, "")
    assert done.err == "agent_workflow.yaml holds.\n"
    put(team, BROKEN)
    done = team.interlock("validate")
    assert done.code == 7
    assert "agent_workflow.yaml:17:19: error: There is no phase 'C' [IL-DEF-023]" in done.out
    assert "agent_workflow.yaml:18:21: error: There is no mode 'strikt' [IL-DEF-013]" in done.out
    assert "  18 | enforcement: {mode: strikt}\n     |                     ^\n" in done.out
    assert "help: Did you mean 'strict'?" in done.out
    assert "2 errors in agent_workflow.yaml" in done.err


def test_a_machine_gets_the_same_with_the_page_of_each_code(team: Shell) -> None:
    assert team.json("validate").json == {
        "file": "agent_workflow.yaml",
        "valid": True,
        "diagnostics": [],
    }
    put(team, BROKEN)
    done = team.json("validate")
    assert (done.code, done.err) == (7, "")
    assert done.json["valid"] is False
    assert [item["code"] for item in done.json["diagnostics"]] == ["IL-DEF-023", "IL-DEF-013"]
    assert done.json["diagnostics"][1] == {
        "code": "IL-DEF-013",
        "severity": "error",
        "message": "There is no mode 'strikt'",
        "position": {"file": "agent_workflow.yaml", "line": 18, "column": 21},
        "help": "Did you mean 'strict'?",
        "related": [],
        "page": "docs/codes/IL-DEF-013.md",
    }


def test_a_code_host_gets_a_log(team: Shell) -> None:
    put(team, BROKEN)
    done = team.interlock("validate", "--sarif")
    assert (done.code, done.err) == (7, "")
    (run,) = json.loads(done.out)["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["IL-DEF-023", "IL-DEF-013"]


def test_warnings_are_allowed_unless_they_are_not(team: Shell) -> None:
    put(team, WARNED)
    done = team.interlock("validate")
    assert done.code == 0
    assert "[IL-DEF-080]" in done.out
    assert "1 warning in agent_workflow.yaml" in done.err
    assert team.json("validate").json["valid"] is True
    assert team.interlock("validate", "--strict").code == 3
    put(team, BROKEN)
    assert team.interlock("validate", "--strict").code == 7


def test_a_file_is_read_with_the_schemas_of_its_own_tree(team: Shell, tmp_path: Path) -> None:
    text = SMALL.replace("schemas:\n  plan.json: {type: object}\n", "")
    put(team, text, "sub/other.yaml")
    assert team.json("validate", "sub/other.yaml").code == 7
    (team.repository / ".orchestrator" / "schemas").mkdir(parents=True)
    put(team, "{}", ".orchestrator/schemas/plan.schema.json")
    found = team.json("validate", "sub/other.yaml")
    assert (found.code, found.json["file"]) == (0, "sub/other.yaml")
    alone = tmp_path / "alone.yaml"
    alone.write_text(text)
    assert team.json("validate", str(alone)).code == 7
    (tmp_path / ".orchestrator" / "schemas").mkdir(parents=True)
    (tmp_path / ".orchestrator" / "schemas" / "plan.json").write_text("{}")
    assert team.json("validate", str(alone)).code == 0


def test_a_pack_is_looked_at_by_its_name(team: Shell) -> None:
    found = team.json("validate", "tdd")
    assert (found.code, found.json["file"]) == (0, "packs/tdd/workflow.yaml")


def test_what_is_not_there_is_5_and_what_is_no_file_is_7(team: Shell) -> None:
    for words, code in ((("validate", "none.yaml"), 5), (("validate", "."), 7)):
        done = team.interlock(*words)
        assert (done.code, done.out) == (code, "")
        assert "→" in done.err
        assert team.json(*words).json["error"]["remedy"]
    (team.repository / "agent_workflow.yaml").unlink()
    assert team.json("validate").json["error"]["code"] == "IL-DEF-008"
    assert team.interlock("validate").code == 5


def test_a_file_without_rights_or_made_to_be_obeyed_is_reported(team: Shell) -> None:
    put(team, "name: \x1b[31mred\nnmae: \u202e\n", "odd.yaml")
    done = team.interlock("validate", "odd.yaml")
    assert done.code == 7
    assert "\x1b" not in done.out
    assert "Traceback" not in done.err
    os.mkfifo(team.repository / "pipe.yaml")
    assert team.interlock("validate", "pipe.yaml").code == 7


def test_the_page_of_a_code_is_printed(team: Shell) -> None:
    done = team.interlock("validate", "--explain", "il-def-030")
    assert done.code == 0
    assert done.out.startswith("# IL-DEF-030: A gate that cannot fail\n")
    assert team.json("validate", "--explain", "IL-DEF-030").json["code"] == "IL-DEF-030"
    assert team.interlock("validate", "--explain", "IL-DEF-999").code == 5


def test_a_file_is_looked_at_together_with_what_it_builds_on(team: Shell) -> None:
    put(team, HOLDS, "team.yaml")
    put(team, "extends: ./team.yaml\nname: Ours\n")
    assert team.interlock("validate").code == 0
    put(team, BROKEN, "team.yaml")
    done = team.interlock("validate")
    assert done.code == 7
    assert "team.yaml:18:21: error: There is no mode 'strikt' [IL-DEF-013]" in done.out
    assert "  18 | enforcement: {mode: strikt}\n" in done.out


def test_what_a_file_builds_on_is_not_read_through_a_link(team: Shell) -> None:
    put(team, HOLDS, "real.yaml")
    (team.repository / "team.yaml").symlink_to("real.yaml")
    put(team, "extends: ./team.yaml\n")
    done = team.interlock("validate")
    assert done.code == 7
    assert "[IL-DEF-090]" in done.out
