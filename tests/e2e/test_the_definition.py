"""What a team can do with its workflow file, from the command line to a finished task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import House

AGENTS = Path(__file__).parent / "agents"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def said(house: House, *words: str, code: int = 0) -> Any:
    flags = words.index("--") if "--" in words else len(words)
    words = (*words[:flags], "--json", *words[flags:])
    return json.loads(house.interlock(*words, code=code).stdout)


def test_a_file_is_validated_with_a_caret_and_for_machines(house: House) -> None:
    assert said(house, "validate")["diagnostics"] == []
    broken = (house.repository / "agent_workflow.yaml").read_text().replace("gates:", "gatse:", 1)
    (house.repository / "broken.yaml").write_text(broken)
    found = said(house, "validate", "broken.yaml", code=7)["diagnostics"]
    assert [(one["code"], one["severity"]) for one in found][:1] == [("IL-DEF-011", "error")]
    shown = house.interlock("validate", "broken.yaml", code=7)
    assert "^" in shown.stdout + shown.stderr
    sarif = json.loads(house.interlock("validate", "broken.yaml", "--sarif", code=7).stdout)
    assert sarif["version"] == "2.1.0"


def test_a_rule_can_be_asked_before_an_agent_meets_it(house: House) -> None:
    verdict = said(house, "policy", "check", "--phase", "IMPL", "--", "git push --force", code=3)
    assert verdict["allowed"] is False
    assert verdict["reasons"][0]["position"]
    path = ("--tool", "write_files", "--path", "textkit/num.py", "--phase", "TDD")
    assert said(house, "policy", "check", *path, code=3)["allowed"] is False


def test_every_value_says_where_it_comes_from(house: House) -> None:
    assert "tdd" in {one["name"] for one in said(house, "workflow", "list")["workflows"]}
    shown = house.interlock("workflow", "show", "--origin").stdout
    assert "agent_workflow.yaml:" in shown


@pytest.mark.parametrize("kind", ["docs", "dependencies", "refactor"])
def test_work_without_new_behaviour_goes_through(house: House, kind: str) -> None:
    task = house.completed(house.start_task(AGENTS / "plain_work.py", kind))
    assert task["work"]["kind"] == kind
    # Nobody had to write a test that fails, and nothing was let through that blocked before.
    assert "TDD" not in task["trees"]
    assert house.events(task["task_id"], "gate_blocked") == []


def test_a_feature_dressed_up_as_a_refactoring_does_not(house: House) -> None:
    task_id = house.start_task(AGENTS / "plain_work.py", "dressed_up")
    task = house.wait(task_id, lambda one: bool(one["failures"] or one["blockers"]))
    assert task["status"] != "completed"
    assert task["work"]["kind"] == "feature"
    assert "triple" in task["work"]["why"]
    shown = house.interlock("why", task_id).stdout
    assert "the plan states refactor" in shown
    assert "Request the transition to TDD" in shown
