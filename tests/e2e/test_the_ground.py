"""What a person can see of the ground their agents stand on."""

from __future__ import annotations

import json

import pytest
from tests.e2e.conftest import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_the_doctor_says_what_this_machine_can_prevent(house: House) -> None:
    said = json.loads(house.interlock("doctor", "--json").stdout)
    assert said["level"] == "full"
    held = {one["id"]: one["held"] for one in said["properties"]}
    assert len(held) >= 40
    assert all(held[name] is not False for name in held)


def test_the_evidence_shows_level_and_every_run_of_the_judge(house: House) -> None:
    task_id = house.start_task()
    house.completed(task_id)
    evidence = json.loads(house.interlock("evidence", task_id, "--json").stdout)
    text = json.dumps(evidence)
    for run in ("suite", "revert", "twin", "control", "perturbed", "neutral", "mutants"):
        assert f'"{run}"' in text
    assert '"level": "full"' in text
