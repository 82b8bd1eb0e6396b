"""For each artifact rule one input that it passes and one that it fails, beside ``rules``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.core.facts import GateFacts, ReviewIssue, ReviewVerdict, TreeChange
from interlock.core.gates.catalog import REVIEW_ROLES
from interlock.core.gates.kind import Examples
from interlock.core.gates.samples import PLAN, SCOPE, added

__all__ = ["EXAMPLES"]

_TESTS = {"test_files": [{"path": "tests/test_new.py", "covers": ["AC-1"]}]}
_RUN = {"command": "pytest -q", "exit_code": 0, "passed": 2, "failed": 0, "skipped": 0}
_IMPLEMENTATION = {"files_changed": [{"path": "src/text.py", "change_type": "added"}]}


def _document(artifact: str, passes: Any, fails: Any) -> tuple[str, Examples]:
    return artifact, Examples(
        passes=GateFacts(artifacts={artifact: passes}), fails=GateFacts(artifacts={artifact: fails})
    )


def _changes(
    artifact: str,
    document: Any,
    passes: tuple[TreeChange, ...],
    fails: tuple[TreeChange, ...],
) -> tuple[str, Examples]:
    artifacts = {artifact: document, "scope_definition": SCOPE}
    good, bad = (
        GateFacts(artifacts=artifacts, changes=changes, own_changes=changes)
        for changes in (passes, fails)
    )
    return artifact, Examples(passes=good, fails=bad)


def _covered(*names: str) -> GateFacts:
    tests = {"test_files": [{"path": "tests/test_new.py", "covers": list(names)}]}
    return GateFacts(artifacts={"plan_document": PLAN, "test_files": tests})


def _reviews(*roles: str, issues: tuple[ReviewIssue, ...] = ()) -> GateFacts:
    verdicts = tuple(
        ReviewVerdict(
            role=role, agent_id=role, session_id=role, tree="t", verdict="pass", issues=issues
        )
        for role in roles
    )
    return GateFacts(tree="t", artifacts={"review_report": {}}, verdicts=verdicts)


_BLOCKING = ReviewIssue(file="a.py", line=1, severity="high", blocking=True, message="eval")

EXAMPLES: Mapping[str, tuple[str, Examples]] = {
    "has_acceptance_criteria": _document(
        "plan_document", PLAN, {**PLAN, "acceptance_criteria": []}
    ),
    "has_implementation_steps": _document(
        "plan_document", PLAN, {**PLAN, "implementation_steps": []}
    ),
    "has_in_scope": _document("scope_definition", SCOPE, {**SCOPE, "in_scope": []}),
    "has_out_of_scope": _document("scope_definition", SCOPE, {**SCOPE, "out_of_scope": []}),
    "tests_exist": _changes(
        "test_files", _TESTS, added("tests/test_new.py"), added("tests/test_other.py")
    ),
    "tests_cover_acceptance_criteria": (
        "test_files",
        Examples(passes=_covered("AC-1"), fails=_covered()),
    ),
    "tests_were_run": _document("test_run_result", _RUN, {**_RUN, "passed": 0}),
    "tests_failed": _document("test_run_result", {**_RUN, "failed": 1, "exit_code": 1}, _RUN),
    "implementation_exists": _changes(
        "implementation_files", _IMPLEMENTATION, added("src/text.py"), ()
    ),
    "matches_plan": _changes(
        "implementation_files", _IMPLEMENTATION, added("src/text.py"), added("setup.cfg")
    ),
    "tests_passed": _document("test_run_result", _RUN, {**_RUN, "failed": 1, "exit_code": 1}),
    "all_reviews_completed": (
        "review_report",
        Examples(passes=_reviews(*REVIEW_ROLES), fails=_reviews(*REVIEW_ROLES[1:])),
    ),
    "no_blocking_issues": (
        "review_report",
        Examples(passes=_reviews("security"), fails=_reviews("security", issues=(_BLOCKING,))),
    ),
    "has_summary": _document("completion_summary", {"summary": "Added slug."}, {"summary": ""}),
    "has_files_changed": _document(
        "completion_summary", {"files_changed": ["src/text.py"]}, {"files_changed": []}
    ),
}
