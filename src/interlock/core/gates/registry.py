"""Every check by name: the one list that the loader, the gates, prompts and pages read.

Further kinds come from other distributions (``definition.check_plugins``), once, before anything
is loaded or decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from interlock.core.gates import green, kinds, plan, red, review
from interlock.core.gates.kind import CheckKind, later, settings

__all__ = ["CHECKS", "add", "remove"]

_PERCENT = {
    "type": "number",
    "minimum": 0,
    "maximum": 100,
    "default": 80,
    "title": "a number from 0 to 100",
    "description": "percent of changed lines, and of each changed file, that tests have to run",
}

_LATER = (
    later("tests_are_meaningful", "each new test notices a mutant of the code under test"),
    later("test_files_follow_convention", "the runner finds the test files by itself"),
    later(
        "coverage_threshold_met",
        "changed lines and changed files are covered to the threshold",
        settings(threshold=_PERCENT),
    ),
    later("no_commented_out_code", "no added comment block parses as code"),
    later("review_comments_addressed", "each comment is resolved by a later diff or its author"),
)

_BUILT_IN = (*plan.KINDS, *red.KINDS, *green.KINDS, *review.KINDS, *kinds.KINDS, *_LATER)

_kinds: dict[str, CheckKind] = {kind.name: kind for kind in _BUILT_IN}

CHECKS: Mapping[str, CheckKind] = MappingProxyType(_kinds)
"""Name → kind."""


def add(kinds: Iterable[CheckKind]) -> None:
    """Take in kinds whose names are free; who calls it has tried them."""
    for kind in kinds:
        if kind.name in _kinds:
            raise ValueError(f"there is a check {kind.name} already")
        _kinds[kind.name] = kind


def remove(kinds: Iterable[CheckKind]) -> None:
    """Forget kinds that were added."""
    for kind in kinds:
        del _kinds[kind.name]
