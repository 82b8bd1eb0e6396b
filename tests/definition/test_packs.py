"""The built-in pack is the specification's table, word for word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interlock.core.model import Approver, EnvironmentSpec, GateType, Mode, Severity, WorkflowSpec
from interlock.core.policy.paths import writable
from interlock.definition import load_pack, load_tree, pack_files, pack_names
from interlock.definition.editor_schema import EDITOR_SCHEMA
from interlock.errors import NotFoundError

READ = ("read_files", "search_codebase", "grep", "glob", "ask_user_question", "web_fetch")
WORK = (*READ, "write_files", "edit_files", "run_tests", "bash")
ROLES = ("security", "quality", "consistency", "holistic", "vibe_coding")


@pytest.fixture(scope="module")
def tdd() -> WorkflowSpec:
    return load_pack("tdd").workflow


def checks(workflow: WorkflowSpec, phase: str, severity: Severity) -> list[str]:
    spec = workflow.phase(phase)
    assert spec is not None
    return [c.check for gate in spec.gates for c in gate.checks if c.severity is severity]


@pytest.mark.parametrize(
    "phase, tools, hands_in, blocking, warning",
    [
        (
            "PLAN",
            READ,
            ["plan_document", "scope_definition"],
            ["plan_has_acceptance_criteria", "scope_is_bounded"],
            ["no_open_questions"],
        ),
        (
            "TDD",
            WORK,
            ["test_files", "test_run_result"],
            ["tests_exist_for_acceptance_criteria", "tests_are_failing"],
            ["tests_are_meaningful", "test_files_follow_convention"],
        ),
        (
            "IMPL",
            WORK,
            ["implementation_files", "test_run_result"],
            ["all_tests_pass", "no_skipped_tests"],
            ["coverage_threshold_met", "no_commented_out_code"],
        ),
        (
            "REVIEW",
            ("read_files", "grep", "glob"),
            ["review_report"],
            ["no_blocking_issues", "all_review_models_completed"],
            ["review_comments_addressed"],
        ),
        ("COMPLETE", ("read_files", "git_commit"), ["completion_summary"], [], []),
    ],
)
def test_each_phase_is_its_row_of_the_table(
    tdd: WorkflowSpec,
    phase: str,
    tools: tuple[str, ...],
    hands_in: list[str],
    blocking: list[str],
    warning: list[str],
) -> None:
    spec = tdd.phase(phase)
    assert spec is not None
    assert spec.allowed_tools == tools
    assert [artifact.type for artifact in spec.required_artifacts] == hands_in
    assert checks(tdd, phase, Severity.BLOCKING) == blocking
    assert checks(tdd, phase, Severity.WARNING) == warning


def test_the_phases_come_in_order_and_the_ways_back_are_open(tdd: WorkflowSpec) -> None:
    assert [p.id for p in tdd.phases] == ["PLAN", "TDD", "IMPL", "REVIEW", "COMPLETE"]
    assert {(t.source, t.target) for t in tdd.transitions if t.gate} == {
        ("PLAN", "TDD"),
        ("TDD", "IMPL"),
        ("IMPL", "REVIEW"),
        ("REVIEW", "COMPLETE"),
    }
    assert {(t.source, t.target) for t in tdd.transitions if not t.gate} == {
        ("TDD", "PLAN"),
        ("IMPL", "TDD"),
        ("IMPL", "PLAN"),
        ("REVIEW", "IMPL"),
    }
    assert tdd.mode is Mode.STRICT


def test_the_gates_ask_whom_the_table_names(tdd: WorkflowSpec) -> None:
    gates = {p.id: p.gates[0] for p in tdd.phases if p.gates}
    assert gates["PLAN"].type is GateType.APPROVAL
    assert gates["PLAN"].approvers == (Approver.HUMAN, Approver.ORCHESTRATOR)
    assert gates["REVIEW"].type is GateType.REVIEW
    parameters = {c.check: c.params for gate in gates.values() for c in gate.checks}
    assert parameters["coverage_threshold_met"] == {"threshold": 80}
    assert parameters["all_review_models_completed"] == {"required_reviews": ROLES}


@pytest.mark.parametrize(
    "path, phases",
    [
        ("src/app.py", {"IMPL"}),
        ("pyproject.toml", {"IMPL"}),
        ("setup.cfg", {"IMPL"}),
        ("README.md", {"IMPL"}),
        ("tests/test_app.py", {"TDD"}),
        ("tests/data/x.json", {"TDD"}),
        ("test/helpers.py", {"TDD"}),
        ("src/pkg/tests/helpers.py", {"TDD"}),
        ("src/pkg/test_mod.py", {"TDD"}),
        ("src/pkg/mod_test.py", {"TDD"}),
        ("conftest.py", {"TDD"}),
        ("src/conftest.py", {"TDD"}),
        ("pytest.ini", set()),
        ("tox.ini", set()),
        (".coveragerc", set()),
        ("agent_workflow.yaml", set()),
        (".orchestrator/schemas/plan.schema.json", set()),
    ],
)
def test_each_phase_writes_what_the_table_says(
    tdd: WorkflowSpec, path: str, phases: set[str]
) -> None:
    assert {p.id for p in tdd.phases if writable(tdd, p.id).why_not(path) is None} == phases


def test_nothing_is_warned_about() -> None:
    assert not load_pack("tdd").warnings


def test_what_init_writes_loads_to_the_same_definition(tdd: WorkflowSpec) -> None:
    files = pack_files("tdd")
    assert set(files) == {"agent_workflow.yaml"} | {
        f".orchestrator/schemas/{name}.schema.json"
        for name in (
            "plan",
            "scope",
            "tests",
            "test_result",
            "implementation",
            "review",
            "review_verdict",
            "completion",
            "agent_workflow",
        )
    }
    assert load_tree(files.get).workflow.digest == tdd.digest


def test_a_recipe_is_written_into_the_file_that_init_writes() -> None:
    recipe = EnvironmentSpec(
        setup=("pip install -e '.[dev]'", 'echo "a: #b" \\\n'), lockfiles=("pyproject.toml",)
    )
    found = load_tree(pack_files("tdd", recipe).get).workflow.environment
    assert found is not None
    assert (found.setup, found.lockfiles, found.runner) == (
        recipe.setup,
        recipe.lockfiles,
        "pytest",
    )
    nothing = load_tree(pack_files("tdd", EnvironmentSpec()).get).workflow.environment
    assert nothing is not None
    assert (nothing.setup, nothing.lockfiles) == ((), ())


def test_a_pack_that_is_not_there_is_said_to_be_missing() -> None:
    for name in ("tdb", "..", "tdd/schemas", ""):
        with pytest.raises(NotFoundError):
            load_pack(name)
    assert pack_names() == ("tdd",)


def objects(schema: Any) -> list[dict[str, Any]]:
    """Every subschema that describes an object."""
    match schema:
        case dict():
            own = [schema] if schema.get("type") == "object" else []
            return own + [found for value in schema.values() for found in objects(value)]
        case list():
            return [found for value in schema for found in objects(value)]
        case _:
            return []


def test_no_schema_lets_other_keys_in() -> None:
    for name, data in pack_files("tdd").items():
        if name.endswith(".json") and not name.endswith(EDITOR_SCHEMA):
            for found in objects(json.loads(data)):
                assert "additionalProperties" in found, name
                assert found["additionalProperties"] is not True, name
