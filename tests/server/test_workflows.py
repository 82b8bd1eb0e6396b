"""Which workflow a task gets: that of the base revision, whatever lies in the working tree."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from tests.engine.bench import REVIEWED, Bench, run
from tests.server.process import git

from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.adapters.trees.project import Project
from interlock.adapters.trees.repository import Repository
from interlock.core.model import WorkflowSpec
from interlock.definition import pack_files
from interlock.server.workflows import Workflows


def test_the_workflow_is_read_from_the_base_revision(tmp_path: Path) -> None:
    """Not from the working tree, not from the index, not from another branch."""
    user, store = tmp_path / "user", SQLiteStore(tmp_path / "state" / "events.db")
    user.mkdir()
    git(user, "init", "-q", "-b", "main")
    for path, data in pack_files("tdd").items():
        (user / path).parent.mkdir(parents=True, exist_ok=True)
        (user / path).write_bytes(data)
    git(user, "add", "-Af")
    git(user, "commit", "-qm", "Set up")
    project = Project(Repository.create(tmp_path / "state" / "repo.git", user), user)

    def read() -> WorkflowSpec:
        return asyncio.run(Workflows(store, project).fetch_base())[1]

    committed = read()
    file = user / "agent_workflow.yaml"
    text = file.read_text()
    weaker = text.replace("severity: blocking", "severity: warning", 1)
    assert weaker != text
    file.write_text(weaker)
    assert read() == committed
    git(user, "add", "-A")
    assert read() == committed
    git(user, "checkout", "-q", "-b", "other")
    git(user, "commit", "-qm", "Weaken")
    assert read().digest != committed.digest
    git(user, "checkout", "-q", "main")
    assert read() == committed
    store.close()


def test_a_task_keeps_the_workflow_it_was_made_with() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create(REVIEWED)
        pinned = b.state(task_id).workflow
        b.workflow = replace(b.workflow, digest="newer")
        assert b.state(await b.create(REVIEWED)).workflow == "newer"
        await b.leave(task_id)
        assert b.state(task_id).workflow == pinned
        assert b.now.ledger.workflow(b.state(task_id)).digest == pinned

    run(story)


def test_an_agents_change_of_the_workflow_does_not_land() -> None:
    """In a phase that may write nearly everything; a person changes it, by a commit."""

    async def story(b: Bench) -> None:
        task_id = await b.reach("IMPL")
        session = await b.session(task_id)
        session.files["agent_workflow.yaml"] = "phases: []"
        session.files["src/text.py"] = "def slug(): ..."
        await b.ask(task_id)
        await b.until(lambda: "tree_imported" in b.kinds(task_id)[-6:])
        events = b.store.task_events(task_id)
        (taken,) = [e.data for e in events if e.event_type == "tree_imported"][-1:]
        assert "workflow" in taken["refused"]["agent_workflow.yaml"]
        assert taken["changed"] == ["src/text.py"]

    run(story)
