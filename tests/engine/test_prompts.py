"""The prompt alone is enough to write an agent by."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from tests.engine.bench import PLAN, REVIEWED, SCOPE, WORKFLOW, Bench, run

from interlock import AgentClient
from interlock.core.gates.catalog import SERVER_BUILT
from interlock.core.tasks import TaskState
from interlock.definition import ArtifactValidator
from interlock.engine.methods import METHODS
from interlock.engine.prompts import author_prompt, reviewer_prompt

PHASES = [phase.id for phase in WORKFLOW.phases]
PLANNED = {**PLAN, "new_symbols": ["text:slug"]}


def _prompt(phase: str, **documents: object) -> str:
    state = TaskState(task_id="task_1", title="slug", phase=phase, tree="a" * 40)
    return author_prompt(WORKFLOW, state, documents)


@pytest.mark.parametrize("phase", PHASES)
def test_each_document_has_its_schema_its_fields_and_a_valid_example(phase: str) -> None:
    prompt, check = _prompt(phase), ArtifactValidator(WORKFLOW)
    spec = WORKFLOW.phase(phase)
    assert spec is not None
    asked = [a for a in spec.required_artifacts if a.type not in SERVER_BUILT]
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", prompt, re.DOTALL)]
    assert len(examples) == len(asked)
    for artifact, document in zip(asked, examples, strict=True):
        assert f"`.orchestrator/schemas/{artifact.schema}`" in prompt
        assert check.problems(artifact.type, document, phase=phase) == []


@pytest.mark.parametrize(
    "phase, call",
    [
        ("PLAN", '("TDD", {"plan_document": {...}, "scope_definition": {...}})'),
        ("TDD", '("IMPL", {"test_files": {...}, "test_run_result": {...}})'),
        ("REVIEW", '("COMPLETE", {})'),
        ("COMPLETE", '("COMPLETE", {"completion_summary": {...}})  # finishes the task'),
    ],
)
def test_the_code_shown_is_the_phases_own(phase: str, call: str) -> None:
    assert f"client.request_transition{call}" in _prompt(phase)


def test_the_example_of_a_result_is_red_before_and_green_after() -> None:
    assert '"failed": 1' in _prompt("TDD")
    assert '"failed": 0' in _prompt("IMPL")


def test_what_the_server_builds_is_not_asked_of_the_agent() -> None:
    assert "Not by you: the server builds it" in _prompt("REVIEW")
    assert "asking for COMPLETE itself hands in and finishes" in _prompt("COMPLETE")


def test_a_gate_reads_as_conditions_with_what_their_failure_does() -> None:
    prompt = _prompt("PLAN")
    assert "shut unless every criterion says how to verify it" in prompt
    assert "warns unless the plan has no unanswered question (no_open_questions)" in prompt
    assert "(tests_are_meaningful)" in _prompt("TDD")
    odd = replace(WORKFLOW.phases[0].gates[0].checks[0], check="ours", message="Ask the team")
    gate = replace(WORKFLOW.phases[0].gates[0], checks=(odd,))
    first = replace(WORKFLOW.phases[0], gates=(gate,))
    workflow = replace(WORKFLOW, phases=(first, *WORKFLOW.phases[1:]))
    told = author_prompt(workflow, TaskState(title="slug", phase="PLAN"))
    assert "shut unless ours holds: Ask the team" in told


def test_a_tool_that_can_never_work_is_not_among_the_tools() -> None:
    prompt = _prompt("PLAN")
    (tools,) = re.findall(r"^- Tools: (.*)$", prompt, re.MULTILINE)
    assert "web_fetch" not in tools
    assert "because sessions have no network: web_fetch" in prompt


def test_the_plan_that_was_handed_in_is_there() -> None:
    prompt = _prompt("IMPL", plan_document=PLANNED, scope_definition=SCOPE)
    assert "AC-1: slug('a b') is 'a-b' (to verify: test_new asserts it)" in prompt
    assert "text:slug" in prompt
    assert "src/**" in prompt
    assert 'client.artifact("plan_document")' in prompt


def test_what_blocked_the_last_request_is_there() -> None:
    blocker = {"message": "no test", "remedy": "write one"}
    state = TaskState(title="slug", phase="TDD", blockers=(blocker,))
    assert "no test → write one" in author_prompt(WORKFLOW, state)


def test_how_to_go_on_after_blocked_and_where_one_is_are_said() -> None:
    prompt = _prompt("PLAN")
    for said in ("in the same process", "one session by default", "$INTERLOCK_AGENT_ID"):
        assert said in prompt.replace("\n", " ")
    assert "working directory" in prompt


def test_every_method_that_is_shown_is_the_clients_and_fits_the_phase() -> None:
    for call, _, _ in METHODS:
        assert callable(getattr(AgentClient, call.partition("(")[0]))
    assert "client.write_file(" not in _prompt("PLAN")
    assert "client.write_file(" in _prompt("TDD")


def test_a_reviewer_gets_its_role_its_tree_and_a_valid_verdict() -> None:
    state = TaskState(title="slug", phase="REVIEW", tree="b" * 40)
    prompt = reviewer_prompt(WORKFLOW, state, "security")
    (shown,) = re.findall(r"```json\n(.*?)```", prompt, re.DOTALL)
    verdict = json.loads(shown)
    assert (verdict["role"], verdict["tree"]) == ("security", "b" * 40)
    assert ArtifactValidator(WORKFLOW).problems("review_verdict", verdict) == []


def test_a_running_session_has_the_plan_in_its_prompt() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD", REVIEWED)
        session = await b.session(task_id)
        assert "AC-1: slug('a b') is 'a-b'" in session.spec.prompt

    run(story)
