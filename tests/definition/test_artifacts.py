"""The pack's schemas take what an honest agent hands in, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.definition.small import SMALL

from interlock.definition import ArtifactValidator, load, load_pack

TREE = "0123456789abcdef0123456789abcdef01234567"
ISSUE = {
    "file": "src/a.py",
    "line": 3,
    "severity": "major",
    "blocking": True,
    "message": "Divides by zero",
}
GOOD: dict[str, dict[str, Any]] = {
    "plan_document": {
        "title": "Round amounts half up",
        "acceptance_criteria": [
            {"criterion": "0.005 becomes 0.01", "how_to_verify": "call round_amount"},
            {"id": "AC-2", "criterion": "-0.005 becomes -0.01", "how_to_verify": "likewise"},
        ],
        "implementation_steps": ["Add round_amount"],
        "scope": {"in_scope": ["rounding"], "out_of_scope": []},
        "open_questions": [],
        "new_symbols": ["billing.money.round_amount"],
        "estimates": ["20 lines"],
    },
    "scope_definition": {
        "in_scope": ["rounding"],
        "out_of_scope": ["currencies"],
        "constraints": ["no new dependency"],
        "paths": ["billing/**"],
    },
    "test_files": {
        "test_files": [{"path": "tests/test_money.py", "covers": ["AC-1", "AC-2"]}],
        "coverage": {"acceptance_criteria_covered": ["AC-1", "AC-2"]},
    },
    "test_run_result": {
        "command": "pytest -q",
        "exit_code": 1,
        "passed": 10,
        "failed": 2,
        "skipped": 0,
        "timestamp": "2024-05-01T10:00:00Z",
        "tree": TREE,
    },
    "implementation_files": {
        "files_changed": [{"path": "billing/money.py", "change_type": "modified"}],
        "summary": "Adds round_amount, which rounds half up by way of decimal.",
        "deviations": [],
    },
    "review_report": {
        "reviews": {"security": {"verdict": "fail", "tree": TREE, "issues": [ISSUE]}},
        "consolidated_issues": [ISSUE],
        "blocking_issues": [ISSUE],
    },
    "review_verdict": {"role": "security", "verdict": "pass", "tree": TREE, "issues": []},
    "completion_summary": {
        "summary": "Amounts are rounded half up everywhere; the two places that used round() now "
        "call round_amount, and the tests cover both signs.",
        "files_changed": ["billing/money.py"],
        "tests_added": 2,
        "acceptance_criteria_met": [{"id": "AC-1", "evidence": "tests/test_money.py::test_half"}],
    },
}
OPTIONAL = {
    ("plan_document", "open_questions"),
    ("plan_document", "new_symbols"),
    ("plan_document", "estimates"),
    ("scope_definition", "paths"),
    ("test_run_result", "tree"),
    ("implementation_files", "deviations"),
}


TDD = ArtifactValidator(load_pack("tdd").workflow)


@pytest.fixture
def validator() -> ArtifactValidator:
    return TDD


@pytest.mark.parametrize("type", GOOD)
def test_an_honest_document_is_taken(validator: ArtifactValidator, type: str) -> None:
    assert validator.problems(type, GOOD[type]) == []


def bad_documents() -> Iterator[tuple[str, str, Any, str]]:
    """One change to each good document: without a key, with another, empty, of another type."""
    for type, good in GOOD.items():
        yield type, "another key", {**good, "done": True}, ""
        yield type, "a list", [good], ""
        for key, value in good.items():
            if (type, key) not in OPTIONAL:
                yield type, f"no {key}", {k: v for k, v in good.items() if k != key}, ""
            yield type, f"{key} is null", {**good, key: None}, f"/{key}"
            if isinstance(value, str):
                yield type, f"{key} is empty", {**good, key: ""}, f"/{key}"
                yield type, f"{key} is blank", {**good, key: " " * 120}, f"/{key}"


def nested() -> Iterator[tuple[str, str, Any, str]]:
    def change(type: str, pointer: str, value: Any, where: str) -> tuple[str, str, Any, str]:
        document: Any = copy.deepcopy(GOOD[type])
        *parts, last = (int(p) if p.isdigit() else p for p in pointer.split("/")[1:])
        inner = document
        for part in parts:
            inner = inner[part]
        inner[last] = value
        return type, f"{pointer} = {value!r}", document, where

    yield change("plan_document", "/title", "Too short", "/title")
    yield change("plan_document", "/acceptance_criteria", [], "/acceptance_criteria")
    yield change("plan_document", "/acceptance_criteria/0/extra", 1, "/acceptance_criteria/0")
    yield change(
        "plan_document", "/acceptance_criteria/0/criterion", "", "/acceptance_criteria/0/criterion"
    )
    yield change("plan_document", "/implementation_steps", [], "/implementation_steps")
    yield change("plan_document", "/scope/other", [], "/scope")
    yield change("scope_definition", "/in_scope", [], "/in_scope")
    yield change("test_files", "/test_files", [], "/test_files")
    yield change("test_files", "/test_files/0/covers", [""], "/test_files/0/covers/0")
    yield change("test_run_result", "/passed", -1, "/passed")
    yield change("test_run_result", "/passed", "10", "/passed")
    yield change("test_run_result", "/tree", "HEAD", "/tree")
    yield change("implementation_files", "/summary", "Short.", "/summary")
    yield change("implementation_files", "/files_changed", [], "/files_changed")
    yield change("review_verdict", "/verdict", "PASS", "/verdict")
    yield change(
        "review_report", "/reviews/security/issues/0/line", "3", "/reviews/security/issues/0/line"
    )
    yield change("completion_summary", "/summary", "All done.", "/summary")


@pytest.mark.parametrize(
    "type, why, document, where", [*bad_documents(), *nested()], ids=lambda v: str(v)[:40]
)
def test_any_other_document_is_refused_at_its_place(
    validator: ArtifactValidator, type: str, why: str, document: Any, where: str
) -> None:
    found = validator.problems(type, document)
    assert where in [pointer for pointer, _ in found], (why, found)


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "document",
    [
        float("nan"),
        {"a": [float("inf")]},
        {"a": 1 << 80},
        {"a": "\ud800"},
        {"a": b"bytes"},
        {1: "a"},
        deep(100_000),
        [0] * 300_000,
    ],
    ids=["nan", "inf", "big", "surrogate", "bytes", "key", "deep", "long"],
)
def test_what_json_cannot_say_or_nobody_needs_is_refused(document: Any) -> None:
    anything = ArtifactValidator(load(SMALL.replace("{type: object}", "{}")).workflow)
    assert len(anything.problems("plan_document", document)) == 1
    assert anything.problems("plan_document", {"a": [1, 2.5, None, True, "é"]}) == []


def test_a_type_that_no_phase_asks_for_is_refused(validator: ArtifactValidator) -> None:
    assert "no phase asks" in validator.problems("plan", {})[0][1]


def test_reports_stay_small(validator: ArtifactValidator) -> None:
    many = {**GOOD["scope_definition"], "paths": ["", *["x" * 100_000, 3] * 1000]}
    found = validator.problems("scope_definition", many)
    assert len(found) == 50
    assert all(len(message) <= 300 for _, message in found)


def test_each_phase_is_held_to_the_schema_that_it_names() -> None:
    text = SMALL.replace(
        "  - id: B\n    allowed_tools: [read_files]\n",
        "  - id: B\n    allowed_tools: [read_files]\n"
        "    required_artifacts: [{type: plan_document, schema: other}]\n",
    ).replace("{type: object}", "{type: object}\n  other: {type: array}")
    validator = ArtifactValidator(load(text).workflow)
    assert validator.problems("plan_document", {}, phase="A") == []
    assert validator.problems("plan_document", {}, phase="B") != []
    assert validator.problems("plan_document", []) != []


def test_a_verdict_has_one_schema_unless_a_team_brings_its_own() -> None:
    review = SMALL.replace("check: all_tests_pass", "check: all_review_models_completed")
    document = GOOD["review_verdict"]
    assert ArtifactValidator(load(review).workflow).problems("review_verdict", document) == []
    own = {"review_verdict.json": {"required": ["mood"]}}
    found = ArtifactValidator(load(review, schema_dir=own).workflow)
    assert found.problems("review_verdict", document) != []
    without = ArtifactValidator(load(SMALL).workflow)
    assert "no phase asks" in without.problems("review_verdict", document)[0][1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_any_value_is_taken_or_refused(document: Any) -> None:
    for pointer, message in TDD.problems("plan_document", document):
        assert pointer == "" or pointer.startswith("/")
        assert message


@pytest.mark.parametrize("key", ["in_scope", "out_of_scope", "constraints", "paths"])
def test_what_the_gate_asks_of_a_scope_the_schema_asks_as_well(key: str) -> None:
    check = ArtifactValidator(load_pack("tdd").workflow)
    scope = {**GOOD["scope_definition"], key: []}
    assert [pointer for pointer, _ in check.problems("scope_definition", scope)] == [f"/{key}"]
