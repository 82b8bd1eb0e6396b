"""What general checks ask for is run and read for them, kept as evidence, and read again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.engine.bench import DOCUMENTS, REVIEWED, WORKFLOW, Bench, run

from interlock.core.facts import Finding
from interlock.core.model import CheckSpec, PhaseSpec, WorkflowSpec
from interlock.core.states import TaskStatus
from interlock.engine.environments import commands_of
from interlock.ports.runner import JudgeKind

LINT = {"command": "make lint", "exit_code": 0, "timeout_seconds": 60}


def with_checks(phase_id: str, *checks: tuple[str, dict[str, Any]]) -> WorkflowSpec:
    """The five-phase workflow with further checks at the gate of a phase."""
    more = tuple(CheckSpec(check=name, params=params) for name, params in checks)

    def extended(phase: PhaseSpec) -> PhaseSpec:
        if phase.id != phase_id:
            return phase
        (gate,) = phase.gates
        return replace(phase, gates=(replace(gate, checks=(*gate.checks, *more)),))

    phases = tuple(map(extended, WORKFLOW.phases))
    return replace(WORKFLOW, phases=phases, digest="d" * 64)


async def _asked(b: Bench, task_id: str, **more: Any) -> str:
    answer = await b.ask(task_id, **more)
    assert answer.status == "pending", answer
    await b.until(lambda: b.state(task_id).last_outcome)
    return b.state(task_id).last_outcome


def test_a_command_is_run_on_the_imported_tree_and_kept_as_evidence() -> None:
    workflow = with_checks("IMPL", ("command", LINT))

    async def story(b: Bench) -> None:
        b.environments.trust_commands(commands_of(workflow), by="ada")
        task_id = await b.reach("IMPL")
        b.job = replace(b.job, exit_code=2, output="src/text.py:1: too long\n")
        assert await _asked(b, task_id) == "blocked"
        (blocker,) = b.state(task_id).blockers
        assert blocker["rule"] == "command"
        assert "ended with 2, not with 0: src/text.py:1: too long" in str(blocker["message"])
        kind, request = b.jobs[-1]
        tree = b.state(task_id).measured["tree"]
        assert (kind, request["command"], request["seconds"]) == (
            JudgeKind.COMMAND,
            "make lint",
            60,
        )
        assert request["tree"] == tree != b.state(task_id).base_tree
        stored = [e.data for e in b.store.task_events(task_id) if "evidence_id" in e.data]
        evidence = next(e for e in stored if str(e["kind"]).startswith("command:"))
        document = json.loads(b.store.get_blob(str(evidence["digest"])))
        assert document["facts"]["output"] == "src/text.py:1: too long\n"
        why = await b.now.people.why(task_id)
        (shown,) = [c for c in why["gate"]["checks"] if c["check"] == "command"]
        assert (shown["outcome"], shown["facts"]["exit_code"]) == ("fail", 2)
        b.job = replace(b.job, exit_code=0)
        await b.leave(task_id)

    run(story, workflow)


def test_what_was_run_is_read_again_by_the_next_server() -> None:
    workflow = with_checks("IMPL", ("command", LINT))

    async def story(b: Bench) -> None:
        b.environments.trust_commands(commands_of(workflow), by="ada")
        task_id = await b.reach("IMPL")
        b.job = replace(b.job, exit_code=2)
        assert await _asked(b, task_id) == "blocked"
        asked = len(b.jobs)
        await b.restart()
        why = await b.now.people.why(task_id)
        (shown,) = [c for c in why["gate"]["checks"] if c["check"] == "command"]
        assert shown["outcome"] == "fail"
        assert len(b.jobs) == asked

    run(story, workflow)


def test_no_command_of_a_check_is_run_before_somebody_trusts_it() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("IMPL")
        assert await _asked(b, task_id) == "blocked"
        (blocker,) = b.state(task_id).blockers
        assert "nobody has trusted the commands" in str(blocker["message"])
        assert blocker["remedy"] == "interlock trust"
        assert b.jobs == []
        stored = [str(e.data.get("kind")) for e in b.store.task_events(task_id)]
        assert not any(kind.startswith("command:") for kind in stored)

    run(story, with_checks("IMPL", ("command", LINT)))


def test_static_rules_look_at_the_change_without_the_tests() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("IMPL")
        found = Finding(kind="runner_import", path="src/text.py", line=3, message="imports pytest")
        b.job = replace(b.job, findings=(found,), looked_at=1)
        assert await _asked(b, task_id) == "blocked"
        (blocker,) = b.state(task_id).blockers
        assert "src/text.py:3 imports pytest" in str(blocker["message"])
        kind, request = b.jobs[-1]
        assert (kind, request["rules"]) == (JudgeKind.STATIC, "python")
        assert request["base"] == b.state(task_id).base_tree
        assert "tests/**" in request["test_patterns"]
        b.job = replace(b.job, findings=())
        await b.leave(task_id)

    run(story, with_checks("IMPL", ("static", {"rules": "python"})))


def test_trees_files_and_the_past_are_read_for_who_asks() -> None:
    checks = (
        ("exists", {"paths": ("src/*.py",)}),
        ("count", {"paths": ("tests/**",), "min": 2, "max": 2}),
        ("subset", {"list": "file:rules.yaml#/owners", "of": ("ada", "bob")}),
        ("schema", {"document": "implementation_files", "schema": "implementation.schema.json"}),
        ("diff_scope", {"paths": ("src/**",), "since": "TDD"}),
        ("diff_scope", {"paths": ("src/**", "tests/**")}),
        ("tree_unchanged_since", {"phase": "TDD", "but": ("src/**",)}),
        ("epoch_rotated", {"since": "TDD"}),
        ("approval", {"gate": "plan_approval", "by": ("orchestrator",)}),
    )
    workflow = with_checks("IMPL", *checks)
    assert "implementation.schema.json" in workflow.schemas
    plan = workflow.phase("PLAN")
    assert plan is not None
    checks[-1][1]["gate"] = plan.gates[0].id

    async def story(b: Bench) -> None:
        base = {**b.trees.files(b.trees.base().tree), "rules.yaml": "owners: [ada]\n"}
        b.trees._base = (b.trees._commit(b.trees.put(base), "base"), b.trees.put(base))
        task_id = await b.reach("IMPL")
        await b.leave(task_id)
        assert b.state(task_id).phase == "REVIEW"

    run(story, workflow)


def test_what_does_not_hold_of_them_blocks() -> None:
    checks = (
        ("exists", {"paths": ("docs/*.md",)}),
        ("diff_scope", {"paths": ("src/**",)}),
        ("tree_unchanged_since", {"phase": "TDD"}),
        ("approval", {"gate": "nothing", "by": ("human",)}),
        ("schema", {"document": "file:src/text.py", "schema": "implementation.schema.json"}),
        ("sections", {"document": "file:README.md", "sections": ("Use",)}),
    )

    async def story(b: Bench) -> None:
        task_id = await b.reach("IMPL")
        assert await _asked(b, task_id) == "blocked"
        said = {str(x["rule"]): str(x["message"]) for x in b.state(task_id).blockers}
        assert set(said) == {name for name, _ in checks}
        assert "docs/*.md is not in the tree" in said["exists"]
        assert "tests/test_new.py outside of src/**" in said["diff_scope"]
        assert "src/text.py changed" in said["tree_unchanged_since"]
        assert "README.md is not in the tree" in said["sections"]

    run(story, with_checks("IMPL", *checks))


def test_going_back_voids_what_was_approved_and_left() -> None:
    plan = WORKFLOW.phases[0].gates[0].id
    approved = ("approval", {"gate": plan, "by": ("orchestrator",)})
    workflow = with_checks("IMPL", approved, ("tree_unchanged_since", {"phase": "PLAN"}))

    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD")
        facts = await b.now.people._gatekeeper.facts(b.state(task_id), b.state(task_id).tree, None)
        assert [given.gate for given in facts.trail.approvals] == [plan]
        assert set(facts.trail.left) == {"PLAN"}
        session = await b.session(task_id)
        answer = await b.ask(task_id, "PLAN", documents={})
        assert answer.status in ("pending", "allowed")
        await b.until(lambda: b.state(task_id).phase == "PLAN")
        session.leave()
        facts = await b.now.people._gatekeeper.facts(b.state(task_id), b.state(task_id).tree, None)
        assert facts.trail.approvals == ()
        assert facts.trail.left == {}
        await b.reaches(task_id, status=TaskStatus.WORKING)

    run(story, workflow)


def test_a_quorum_of_reviewers_is_asked_and_is_enough() -> None:
    (gate,) = WORKFLOW.phases[3].gates
    quorum = CheckSpec(
        check="review_quorum",
        params={"quorum": 1, "required_reviews": ("security", "quality")},
    )
    review = replace(WORKFLOW.phases[3], gates=(replace(gate, checks=(quorum,)),))
    # Its report asks for every reviewer by a rule of its own.
    review = replace(review, required_artifacts=())
    phases = (*WORKFLOW.phases[:3], review, *WORKFLOW.phases[4:])

    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW", REVIEWED)
        tree = b.state(task_id).tree
        for role, verdict in (("security", "pass"), ("quality", "fail")):
            session = await b.reviewing(task_id, role)
            caller = await b.caller(session.session_id)
            content = {"role": role, "verdict": verdict, "tree": tree, "issues": []}
            await b.now.service.execute(
                caller,
                "submit_artifact",
                {"type": "review_verdict", "content": content},
                call_id=role,
            )
            session.leave()
        assert await _asked(b, task_id, documents=DOCUMENTS["REVIEW"]) == "allowed"
        assert {r.role for r in b.state(task_id).reviewers} == {"security", "quality"}

    run(story, replace(WORKFLOW, phases=phases, digest="e" * 64))
