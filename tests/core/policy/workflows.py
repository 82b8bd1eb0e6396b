"""A workflow with the shapes the policy has to tell apart, written as the loader would make it."""

from __future__ import annotations

from interlock.core.model import (
    ArtifactSpec,
    EnvironmentSpec,
    PhaseSpec,
    Position,
    ToolConstraint,
    TransitionSpec,
    WorkflowSpec,
)

FILE = "agent_workflow.yaml"
TESTS = ("tests/**", "**/*_test.go", "**/*.test.*", "**/*.spec.*", "**/__tests__/**")


def at(line: int) -> Position:
    return Position(FILE, line)


PLAN = PhaseSpec(
    id="PLAN",
    allowed_tools=("read_files", "search_codebase", "grep", "glob", "web_fetch"),
    forbidden_tools=("write_files", "edit_files", "git_commit", "run_tests", "bash"),
    required_artifacts=(
        ArtifactSpec(type="plan_document", schema="plan"),
        ArtifactSpec(type="scope_definition", schema="scope"),
    ),
    position=at(10),
)
TDD = PhaseSpec(
    id="TDD",
    allowed_tools=("read_files", "write_files", "edit_files", "grep", "glob", "bash", "run_tests"),
    forbidden_tools=("git_commit",),
    tool_constraints={
        "write_files": ToolConstraint(
            allowed_patterns=TESTS, forbidden_patterns=("src/**", "lib/**"), position=at(41)
        ),
        "bash": ToolConstraint(
            allowed_commands=("pytest", "python -m pytest", "npm test"),
            forbidden_commands=("git", "rm -rf", "curl", "wget"),
            position=at(44),
        ),
    },
    position=at(30),
)
IMPL = PhaseSpec(
    id="IMPL",
    allowed_tools=("read_files", "write_files", "edit_files", "grep", "bash", "run", "run_tests"),
    forbidden_tools=("git_commit",),
    tool_constraints={
        "write_files": ToolConstraint(
            forbidden_patterns=("node_modules/**", ".venv/**", ".env*", "tests/**"), position=at(61)
        ),
    },
    position=at(50),
)
REVIEW = PhaseSpec(
    id="REVIEW",
    allowed_tools=("read_files", "grep", "glob"),
    forbidden_tools=("write_files", "edit_files", "git_commit", "bash"),
    position=at(70),
)
COMPLETE = PhaseSpec(id="COMPLETE", allowed_tools=("read_files", "git_commit"), position=at(80))


def workflow(*phases: PhaseSpec, **more: object) -> WorkflowSpec:
    """The usual five phases, or those given."""
    return WorkflowSpec(
        name="feature",
        version="1",
        digest="d",
        phases=phases or (PLAN, TDD, IMPL, REVIEW, COMPLETE),
        transitions=(
            TransitionSpec(source="PLAN", target="TDD", gate="plan_approval"),
            TransitionSpec(source="TDD", target="IMPL", gate="tests_written"),
            TransitionSpec(source="IMPL", target="TDD"),
            TransitionSpec(source="IMPL", target="REVIEW", gate="tests_passing"),
            TransitionSpec(source="REVIEW", target="COMPLETE", gate="review_approved"),
        ),
        environment=EnvironmentSpec(runner="pytest"),
        **more,  # type: ignore[arg-type]  # any further field of the record
    )
