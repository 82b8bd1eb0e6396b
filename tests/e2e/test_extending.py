"""A repository whose workflow builds on a pack: one task goes through it, held to what it says."""

from __future__ import annotations

import json

import pytest
from tests.e2e.conftest import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TEAM = "extends: tdd\nvariables: {roles: [security, quality]}\n"
OURS = """\
extends: ./team.yaml
name: Ours
phases:
  - id: REVIEW
    gates:
      - id: review_passed
        blockers: [{check: all_review_models_completed, required_reviews: "${roles}"}]
"""


def test_a_task_goes_through_a_workflow_that_builds_on_others(house: House) -> None:
    there = (house.repository / "agent_workflow.yaml").read_text()
    recipe = there[there.index("\nenvironment:") :]
    (house.repository / "team.yaml").write_text(TEAM)
    (house.repository / "agent_workflow.yaml").write_text(OURS + recipe)
    house.git("add", "-A")
    house.git("-c", "user.name=p", "-c", "user.email=p@h", "commit", "-qm", "Build on tdd")
    shown = json.loads(house.interlock("workflow", "show", "--json").stdout)
    task = house.completed(house.start_task())
    evidence = json.loads(house.interlock("evidence", task["task_id"], "--json").stdout)
    assert shown["digest"] in json.dumps(evidence)
    assert {verdict["role"] for verdict in task["verdicts"]} == {"security", "quality"}
