"""What a committed workflow says around its phases, at a server with real files."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.definition.small import changed
from tests.server.process import git, supervised

from interlock.adapters.audit.log import AuditLog
from interlock.errors import InvalidInputError
from interlock.server.app import Server
from interlock.server.layout import Layout

Commit = Callable[..., Layout]


@pytest.fixture
def commit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commit]:
    """Commits the small workflow with more in it; its state."""
    with tempfile.TemporaryDirectory(prefix="il-") as name:
        repo = Path(name) / "repo"
        repo.mkdir()
        monkeypatch.setenv("XDG_STATE_HOME", f"{name}/state")
        git(repo, "init", "-q")

        def make(more: str, enforcement: str = "mode: strict") -> Layout:
            text = changed("mode: strict", enforcement) + more
            (repo / "agent_workflow.yaml").write_text(text)
            git(repo, "add", ".")
            git(repo, "commit", "-qm", "Workflow")
            layout = Layout.of(repo, create=True)
            AuditLog.create(layout.audit)
            return layout

        yield make


async def create(server: Server, title: str = "t") -> str:
    task = await server.people.create_task(title=title, actor="person:ada", command_id=title)
    return str(task["task_id"])


@pytest.mark.parametrize("algorithm,code", [("HS256", "IL-TOK-020"), ("EdDSA", "IL-TOK-023")])
def test_no_task_begins_whose_tokens_could_be_forged(
    algorithm: str, code: str, commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = f"phase_tokens: {{algorithm: {algorithm}, secret_env_var: MINE}}"
    layout = commit("", f"mode: strict, {tokens}")
    monkeypatch.setenv("MINE", "changeme" * 8)

    async def story() -> None:
        async with supervised(layout) as server:
            with pytest.raises(InvalidInputError) as refused:
                await create(server)
            assert refused.value.code == code
            assert "export MINE=" in refused.value.remedy
            assert server.ledger.states() == ()
            os.environ.pop("MINE")
            await create(server)

    asyncio.run(story())
    assert layout.jwt_keypair.exists() is (algorithm == "EdDSA")


def test_what_was_measured_lies_in_the_state_when_the_server_ends(commit: Commit) -> None:
    layout = commit("monitoring: {metrics: [task_stuck_in_phase], export: {type: jsonl}}\n")

    async def story() -> str:
        async with supervised(layout) as server:
            return await create(server)

    task_id = asyncio.run(story())
    last = json.loads(layout.metrics["jsonl"].read_text().splitlines()[-1])
    (stuck,) = last["metrics"]["task_stuck_in_phase"]
    assert (stuck["task"], stuck["phase"]) == (task_id, "A")
    assert not layout.metrics["prometheus"].exists()


def test_the_next_server_begins_at_the_state_that_this_one_kept(
    commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = commit("recovery: {orchestrator_crash: {checkpoint_interval_seconds: 60}}\n")

    async def first() -> str:
        async with supervised(layout) as server:
            task_id = await create(server)
            assert server.ledger.workflow(server.ledger.state(task_id)).checkpoint_seconds == 60
            await server.people.abort(task_id, by="ada", reason="x", command_id="c")
            return task_id

    async def second(task_id: str) -> None:
        async with supervised(layout) as server:
            assert server.ledger.state(task_id).status == "aborted"
            found = server.ledger._checkpoints.find(task_id)
            assert found.at
            assert found.tail == []

    task_id = asyncio.run(first())
    asyncio.run(second(task_id))
    # Another server's key makes it a foreign one: everything is folded, to the same end.
    layout.signing_key.write_bytes(b"x" * 32)

    async def third() -> None:
        async with supervised(layout) as server:
            assert server.ledger._checkpoints.find(task_id).at == 0
            assert server.ledger.state(task_id).status == "aborted"

    asyncio.run(third())
