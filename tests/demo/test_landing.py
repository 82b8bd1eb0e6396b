"""What no phase may bring in, judged without the policy that the demo tries."""

from __future__ import annotations

import pytest

from interlock.testing.adversary.landing import Taken, trespasses


@pytest.mark.parametrize(
    "phase, path",
    [("TDD", "tests/test_slug.py"), ("TDD", "tests/conftest.py"), ("IMPL", "textkit/slug.py")],
)
def test_what_belongs_to_a_phase_is_no_trespass(phase: str, path: str) -> None:
    assert trespasses([Taken(phase, (path,))]) == []


@pytest.mark.parametrize(
    "phase, path",
    [
        ("PLAN", "textkit/slug.py"),
        ("TDD", "textkit/slug.py"),
        ("IMPL", "tests/test_slug.py"),
        ("IMPL", "conftest.py"),
        ("IMPL", "pytest.ini"),
        ("IMPL", "agent_workflow.yaml"),
        ("TDD", ".orchestrator/schemas/plan.schema.json"),
        ("TDD", "tests/.gitattributes"),
        ("IMPL", "textkit/__pycache__/slug.cpython-311.pyc"),
        ("REVIEW", "textkit/slug.py"),
        ("COMPLETE", "README.md"),
    ],
)
def test_what_does_not_is_named(phase: str, path: str) -> None:
    assert trespasses([Taken(phase, (path,))]) == [f"{path} landed in {phase}"]
