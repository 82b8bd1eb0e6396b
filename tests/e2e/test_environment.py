"""A person and the environments of their tests: proposed, trusted, built, built anew, cleared
away."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.e2e.conftest import House

PASSPHRASE = "--passphrase-file"


def _commit(house: House, message: str) -> None:
    house.git("add", "-A")
    house.git("-c", "user.name=p", "-c", "user.email=p@h", "commit", "-qm", message)


def _listed(house: House) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.interlock("environment", "list", "--json").stdout)
    return found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_environments_from_a_proposal_to_the_last_one_cleared_away(house: House) -> None:
    workflow = house.repository / "agent_workflow.yaml"
    written = workflow.read_text()
    passphrase = str(house.root / "passphrase")

    # A workflow of a team's own that says nothing of it: what is proposed is shown, and counts
    # once it is trusted.
    workflow.write_text(re.sub(r"\n# What the tests run in.*", "\n", written, flags=re.DOTALL))
    (house.repository / "requirements.txt").write_text("pytest\n# anew\n")
    _commit(house, "Say nothing of the environment")
    assert "environment:" not in workflow.read_text()
    shown = house.client.trusted()
    assert (shown["proposed"], shown["environment"]["setup"]) == (
        True,
        ["pip install -r requirements.txt"],
    )
    assert shown["why"]["pip install -r requirements.txt"] == "requirements.txt"
    assert shown["trusted"]  # the same recipe was trusted when it was written
    told = house.interlock("trust", PASSPHRASE, passphrase).stderr
    assert "    pip install -r requirements.txt\n        # requirements.txt" in told
    assert "runner: pytest  (the project's dependencies name it)" in told

    # Built while its log is shown, and kept.
    built = house.interlock("environment", "build")
    assert re.fullmatch(r"Built: [0-9a-f]{64}\n", built.stdout)
    assert "$ pip install -r requirements.txt" in built.stderr
    found = _listed(house)
    (first,) = [item for item in found["environments"] if item["digest"] == found["present"]]
    assert first["ready"]
    assert first["bytes"] > 1 << 20
    assert "$ pip" not in house.interlock("environment", "build").stderr

    # Another lock file is another environment; the one before goes when it is cleared away.
    (house.repository / "requirements.txt").write_text("pytest\n# another\n")
    _commit(house, "Change the lock file")
    assert _listed(house)["present"] != first["digest"]
    assert "HEAD's is not built yet" in house.interlock("environment", "list").stdout
    house.interlock("environment", "build")
    pruned = json.loads(house.interlock("environment", "prune", "--json").stdout)
    assert first["digest"] in {item["digest"] for item in pruned["removed"]}
    left = _listed(house)
    assert [item["digest"] for item in left["environments"]] == [left["present"]]
    text = house.interlock("environment", "list").stdout
    assert "ready, HEAD's" in text
    assert "MiB in all" in text

    # Services and secrets are part of what is trusted; nothing is built before that.
    more = "\n  services: [{name: db, command: 'run-db', port: 5432}]\n  secrets: [API_TOKEN]\n"
    workflow.write_text(written.rstrip() + more)
    _commit(house, "Services and secrets")
    refused = house.interlock("environment", "build", code=3)
    assert "nobody has trusted the commands that build it" in refused.stderr
    told = house.interlock("trust", PASSPHRASE, passphrase).stderr
    assert "service db on port 5432, beside the tests of each run:\n    run-db" in told
    assert "secret API_TOKEN, given to the tests: no value yet" in told
    value = house.root / "value"
    value.write_text("a value for tests\n")
    house.interlock("secret", "set", "API_TOKEN", "--file", str(value))
    assert house.client.trusted()["secrets"] == {"API_TOKEN": True}
    rows = json.loads(house.interlock("secret", "list", "--json").stdout)
    assert rows == [{"name": "API_TOKEN", "value": "kept", "workflow": True}]
    house.interlock("secret", "set", "API_TOKEN", "a value for tests", code=2)
    house.interlock("secret", "remove", "API_TOKEN")
    house.interlock("secret", "remove", "API_TOKEN", code=5)
    workflow.write_text(written)
    _commit(house, "As it was")
    assert "a value for tests" not in house.logs()
