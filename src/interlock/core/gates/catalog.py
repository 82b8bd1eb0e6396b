"""The names that a workflow file may use for checks and artifact rules, with their parameters.

The one table that the loader (is this name known?) and the gates (is it built?) both read. A name
that is known but not built yields ``undetermined``, which does not let through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

__all__ = [
    "ARTIFACT_RULES",
    "CHECKS",
    "REVIEW_ROLES",
    "SERVER_BUILT",
    "CheckInfo",
    "Parameter",
    "ParameterKind",
]

REVIEW_ROLES = ("security", "quality", "consistency", "holistic", "vibe_coding")
"""The roles whose verdicts a review asks for when the file names none."""

SERVER_BUILT = frozenset({"review_report"})
"""Artifacts that the server makes out of what it measured; nobody hands them in."""


class ParameterKind(StrEnum):
    """What a parameter of a check looks like."""

    PERCENT = "percent"
    NAMES = "names"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a check; a percent is 0 to 100, names are at least one text."""

    kind: ParameterKind
    default: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInfo:
    """One check by name.

    Args:
        passes_when: the measurement, as a sentence for a person.
        built: whether the gates can evaluate it.
        parameters: name → what it takes.
        any_parameters: a general kind whose parameters are not described yet.
    """

    passes_when: str
    built: bool = True
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    any_parameters: bool = False


def _kind(passes_when: str) -> CheckInfo:
    return CheckInfo(passes_when=passes_when, built=False, any_parameters=True)


CHECKS: Mapping[str, CheckInfo] = MappingProxyType(
    {
        "plan_has_acceptance_criteria": CheckInfo(
            passes_when="every criterion says how to verify it in other words than its own"
        ),
        "scope_is_bounded": CheckInfo(
            passes_when="in-scope and constraints are stated, by paths that leave something out"
        ),
        "no_open_questions": CheckInfo(passes_when="the plan has no unanswered question"),
        "tests_exist_for_acceptance_criteria": CheckInfo(
            passes_when="each criterion is covered by a test that the runner collects"
        ),
        "tests_are_failing": CheckInfo(
            passes_when="each new test fails on the base, by an assertion, a planned symbol or an "
            "exception of the code under test"
        ),
        "tests_are_meaningful": CheckInfo(
            passes_when="each new test gets to an assertion that depends on the code under test"
        ),
        "test_files_follow_convention": CheckInfo(
            passes_when="the runner finds the test files by itself"
        ),
        "all_tests_pass": CheckInfo(
            passes_when="the frozen tests pass on the candidate's sources and can be believed",
            # Kinds of findings that the project has a reason for.
            parameters={"accept": Parameter(kind=ParameterKind.NAMES, default=())},
        ),
        "no_skipped_tests": CheckInfo(
            passes_when="no test is skipped, deselected, expected to fail or missing"
        ),
        "coverage_threshold_met": CheckInfo(
            passes_when="changed lines and changed files are covered to the threshold",
            parameters={"threshold": Parameter(kind=ParameterKind.PERCENT, default=80)},
        ),
        "no_commented_out_code": CheckInfo(passes_when="no added comment block parses as code"),
        "no_blocking_issues": CheckInfo(
            passes_when="no verdict on the present tree has an open blocking issue"
        ),
        "all_review_models_completed": CheckInfo(
            passes_when="every required role has handed in a verdict on the present tree",
            parameters={
                "required_reviews": Parameter(kind=ParameterKind.NAMES, default=REVIEW_ROLES)
            },
        ),
        "review_comments_addressed": CheckInfo(
            passes_when="each comment was answered by a later change at its place, or its reviewer"
        ),
        "command": _kind("a command ends with the expected exit code"),
        "exists": _kind("the named paths exist"),
        "schema": _kind("a document is valid against its schema"),
        "sections": _kind("a document has the named sections"),
        "count": _kind("a number of things lies within bounds"),
        "recompute": _kind("a stated value equals the recomputed one"),
        "subset": _kind("one list lies within another"),
        "dag": _kind("dependencies have no cycle"),
        "diff_scope": _kind("the diff stays inside the stated paths"),
        "tree_unchanged_since": _kind("the tree is the one that was looked at before"),
        "review_quorum": _kind("enough verdicts agree"),
        "approval": _kind("somebody who may has approved"),
        "epoch_rotated": _kind("the session is a fresh one"),
        "static": _kind("a static rule set finds nothing"),
    }
)

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
