"""One task all the way through, at each level that this machine has."""

from __future__ import annotations

import json

import pytest
from tests.e2e.conftest import House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=["full", "partial", "none"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_an_honest_task_ends_as_one_commit_of_the_judged_tree(house: House, level: str) -> None:
    head = house.git("rev-parse", "HEAD")
    task = house.completed(house.start_task())
    assert list(task["trees"]) == ["PLAN", "TDD", "IMPL", "REVIEW"]
    assert house.git("rev-parse", f"{task['branch']}^{{tree}}") == task["tree"]
    assert house.git("rev-parse", f"{task['branch']}^") == head
    assert house.git("rev-parse", "HEAD") == head
    assert house.git("status", "--porcelain") == ""
    message = house.git("log", "-1", "--format=%B", task["branch"])
    assert f"Interlock-Task: {task['task_id']}" in message
    assert f"Interlock-Tree: {task['tree']}" in message
    changed = house.git("diff", "--name-only", "HEAD", task["branch"]).split()
    assert changed == ["tests/test_slug.py", "textkit/slug.py"]


def test_the_record_of_it_is_whole(house: House, level: str) -> None:
    found = json.loads(house.interlock("audit", "verify", "--json").stdout)
    assert found["ok"] is True
    assert found["anchors"] >= 5


def test_cleaning_the_repository_loses_no_state(house: House, level: str) -> None:
    before = house.client.tasks()
    house.git("clean", "-fdxq")
    assert house.client.tasks() == before
