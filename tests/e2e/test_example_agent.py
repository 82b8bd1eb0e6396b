"""The example that we ship does what its guide says, on a real installation."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.conftest import House

from interlock.core.gates.catalog import REVIEW_ROLES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "agents" / "five_phases.py"


def test_the_example_agent_completes_its_task_with_the_built_in_reviewers(house: House) -> None:
    ran = house.interlock("run", "Add slugify to textkit", "--agent-command", f"python3 {EXAMPLE}")
    (task,) = [t for t in house.client.tasks() if t["task_id"] in ran.stdout]
    assert task["status"] == "completed"
    assert list(task["trees"]) == ["PLAN", "TDD", "IMPL", "REVIEW"]
    assert {verdict["role"] for verdict in task["verdicts"]} == set(REVIEW_ROLES)
    assert house.events(task["task_id"], "gate_blocked", "tool_denied") == []
    changed = house.git("diff", "--name-only", "HEAD", task["branch"]).split()
    assert changed == ["tests/test_slug.py", "textkit/slug.py"]


def test_an_agents_prints_are_in_its_log_at_once(house: House, tmp_path: Path) -> None:
    script = tmp_path / "waits.py"
    script.write_text("import time\nprint('I am here')\ntime.sleep(600)\n")
    task_id = house.start_task(script)

    def said(_task: object) -> bool:
        return any("I am here" in p.read_text() for p in house.state.glob("sessions/*.log"))

    house.wait(task_id, said)
    house.client.abort(task_id, passphrase="correct horse", reason="seen")


def test_the_guide_links_to_the_example_and_names_every_method() -> None:
    guide = (ROOT / "docs" / "agents.md").read_text()
    assert "../examples/agents/five_phases.py" in guide
    readme = (ROOT / "README.md").read_text()
    assert "docs/agents.md" in readme
    assert "examples/agents/five_phases.py" in readme
