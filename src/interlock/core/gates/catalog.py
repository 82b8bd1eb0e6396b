"""Names that a workflow file may use besides those of checks (``registry``)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["ARTIFACT_RULES", "REVIEW_ROLES", "SERVER_BUILT"]

REVIEW_ROLES = ("security", "quality", "consistency", "holistic", "vibe_coding")
"""The roles whose verdicts a review asks for when the file names none."""

SERVER_BUILT = frozenset({"review_report"})
"""Artifacts that the server makes out of what it measured; nobody hands them in."""


ARTIFACT_RULES: Mapping[str, str] = MappingProxyType(
    {
        "has_acceptance_criteria": "at least one acceptance criterion",
        "has_implementation_steps": "at least one step",
        "has_in_scope": "something is in scope",
        "has_out_of_scope": "out of scope is stated",
        "tests_exist": "at least one test file, and it is in the tree",
        "tests_cover_acceptance_criteria": "each criterion of the plan is covered",
        "tests_were_run": "a command and its counts are stated",
        "tests_failed": "at least one test failed",
        "implementation_exists": "at least one changed file, and the tree has the change",
        "matches_plan": "the changes stay inside the plan's scope",
        "tests_passed": "tests passed and none failed",
        "all_reviews_completed": "each required role has a review",
        "no_blocking_issues": "no blocking issue is listed",
        "has_summary": "a summary",
        "has_files_changed": "the changed files are listed",
    }
)
"""Rule of ``validation[].rule`` → what it asks of the artifact."""
