"""A team's own checks, from its workflow file to a finished task."""

from __future__ import annotations

import json

import pytest
from tests.e2e.conftest import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PASSPHRASE = "--passphrase-file"
AFTER = "          - {check: no_skipped_tests,"
OURS = """\
          - {check: command, command: "python -c 'import textkit' && test -d tests"}
          - {check: exists, paths: ["textkit/*.py"]}
          - {check: diff_scope, paths: ["textkit/**"], since: TDD}
          - {check: epoch_rotated, since: TDD}
          - {check: static, rules: python}
          - {check: count, items: "plan_document#/acceptance_criteria", min: 1}
"""


def _write(house: House, ours: str) -> None:
    path = house.repository / "agent_workflow.yaml"
    path.write_text(path.read_text().replace(AFTER, ours + AFTER, 1))
    who = ("-c", "user.name=p", "-c", "user.email=p@h")
    house.git(*who, "commit", "-qam", "Add checks of our own")


def test_a_task_goes_through_a_teams_own_checks(house: House) -> None:
    _write(house, OURS)
    passphrase = str(house.root / "passphrase")
    shown = house.interlock("trust", PASSPHRASE, passphrase)
    assert "python -c 'import textkit' && test -d tests" in shown.stdout + shown.stderr
    task = house.completed(house.start_task())
    kinds = [m["kind"] for m in house.client.evidence(task["task_id"])["measurements"]]
    assert len([kind for kind in kinds if kind.startswith("command:")]) == 1
    assert len([kind for kind in kinds if kind.startswith("static:")]) == 1
    passed = [e for e in house.events(task["task_id"], "gate_passed") if "checks" in e["data"]]
    ours = {"command", "exists", "diff_scope", "epoch_rotated", "static", "count"}
    (green,) = [e for e in passed if ours <= e["data"]["checks"].keys()]
    assert {green["data"]["checks"][name] for name in ours} == {"pass"}


def test_a_command_that_fails_keeps_the_phase_shut_and_says_why(house: House) -> None:
    fails = """python -c 'print("line 7 is too long"); raise SystemExit(4)'"""
    _write(house, f"          - {{check: command, command: {json.dumps(fails)}}}\n")
    house.interlock("trust", PASSPHRASE, str(house.root / "passphrase"))
    task_id = house.start_task()
    task = house.wait(task_id, lambda one: bool(one["blockers"]) and one["phase"] == "IMPL")
    (blocker,) = task["blockers"]
    assert "ended with 4, not with 0: line 7 is too long" in blocker["message"]
