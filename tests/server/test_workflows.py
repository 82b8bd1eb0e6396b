"""Which workflow a task gets: that of the base revision, whatever lies in the working tree."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.bench import REVIEWED, Bench, run
from tests.server.process import git

from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.adapters.trees.project import Project
from interlock.adapters.trees.repository import Repository
from interlock.core.model import WorkflowSpec
from interlock.core.policy.tools import decide
from interlock.definition import pack_files
from interlock.definition.digest import digest_of
from interlock.engine.codec import plain, typed
from interlock.errors import DefinitionError
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


EXTENDING = """\
extends: ./team.yaml
phases:
  - id: IMPL
    tool_constraints:
      bash: {forbidden_commands: [make]}
environment: {setup: []}
"""
TEAM = """\
extends: tdd
phases:
  - id: IMPL
    gates:
      - id: tests_green
        blockers: [{check: coverage_threshold_met, severity: blocking, threshold: 95}]
"""


@pytest.fixture
def extending(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], WorkflowSpec]]]:
    """A repository whose workflow builds on a file of its own, and how a new task reads it."""
    user, store = tmp_path / "user", SQLiteStore(tmp_path / "state" / "events.db")
    user.mkdir()
    git(user, "init", "-q", "-b", "main")
    (user / "agent_workflow.yaml").write_text(EXTENDING)
    (user / "team.yaml").write_text(TEAM)
    git(user, "add", "-A")
    git(user, "commit", "-qm", "Set up")
    project = Project(Repository.create(tmp_path / "state" / "repo.git", user), user)
    yield user, lambda: asyncio.run(Workflows(store, project).fetch_base())[1]
    store.close()


def test_what_a_workflow_builds_on_is_read_from_the_same_revision(
    extending: tuple[Path, Callable[[], WorkflowSpec]],
) -> None:
    user, read = extending
    committed = read()
    team = user / "team.yaml"
    team.write_text(TEAM.replace("95", "5"))
    assert read() == committed
    git(user, "commit", "-qam", "Ask for less")
    changed = read()
    assert changed.digest != committed.digest
    impl = changed.phase("IMPL")
    assert impl is not None
    (coverage,) = [c for c in impl.gates[0].checks if c.check == "coverage_threshold_met"]
    assert coverage.params == {"threshold": 5}


def test_what_a_workflow_builds_on_is_enforced_and_points_at_its_own_line(
    extending: tuple[Path, Callable[[], WorkflowSpec]],
) -> None:
    _, read = extending
    workflow = read()

    def denied(tool: str, **arguments: str) -> str:
        decision = decide(workflow, "IMPL", tool, arguments)
        assert not decision.allowed
        return str(decision.reasons[0].position)

    assert denied("bash", command="make all") == "agent_workflow.yaml:5:7"
    assert denied("write_files", path="tests/test_a.py").startswith("packs/tdd/workflow.yaml:")
    assert decide(workflow, "IMPL", "bash", {"command": "git push"}).allowed  # replaced, not added
    # An agent that could change what the workflow builds on could change the next task's.
    assert denied("write_files", path="team.yaml")
    assert decide(workflow, "IMPL", "write_files", {"path": "src/team.yaml"}).allowed


def test_a_link_in_the_tree_leads_nowhere(
    extending: tuple[Path, Callable[[], WorkflowSpec]],
) -> None:
    user, read = extending
    (user.parent / "outside.yaml").write_text(TEAM)
    (user / "team.yaml").unlink()
    (user / "team.yaml").symlink_to("../outside.yaml")
    git(user, "add", "-A")
    git(user, "commit", "-qm", "Lead out")
    with pytest.raises(DefinitionError) as caught:
        read()
    assert caught.value.context["diagnostics"][0]["position"]["file"] == "team.yaml"


def test_a_kept_workflow_is_the_one_that_was_read(
    extending: tuple[Path, Callable[[], WorkflowSpec]],
) -> None:
    _, read = extending
    workflow = read()
    kept = typed(json.loads(json.dumps(plain(workflow))), WorkflowSpec)
    assert kept.phases[0].position == workflow.phases[0].position
    assert digest_of(kept) == workflow.digest


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
