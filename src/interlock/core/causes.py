"""Why something that did not pass did not: by itself, or only because something else is missing.

Whoever is told five things, of which four follow from the fifth, mends four times too many. So each
thing that keeps a gate shut is either a root or names the one that it follows from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from interlock.core.explain import render
from interlock.core.gates.evaluate import CHECKS
from interlock.core.reasons import CheckResult, GateResult, Outcome

__all__ = ["REQUEST", "causes", "told"]

REQUEST: Final = "request"
"""What a check follows from that is measured only once the agent has asked."""

_READS: Final[Mapping[str, tuple[str, ...]]] = {
    "plan_has_acceptance_criteria": ("plan_document",),
    "no_open_questions": ("plan_document",),
    "scope_is_bounded": ("scope_definition",),
    "tests_exist_for_acceptance_criteria": ("plan_document", "test_files"),
    "tests_cover_acceptance_criteria": ("plan_document",),
    "matches_plan": ("scope_definition",),
}
"""Check or rule → documents without which it cannot pass."""

_SAME: Final[Mapping[str, str]] = {
    "artifact.review_report.missing": "all_review_models_completed",
    "artifact.review_report.all_reviews_completed": "all_review_models_completed",
    "artifact.review_report.no_blocking_issues": "no_blocking_issues",
}
"""Rule id of what the server builds out of verdicts → the check that says the same of them."""


def causes(found: Sequence[CheckResult], *, is_asked: bool) -> tuple[str, ...]:
    """What each result follows from; an empty text where it is a root.

    Args:
        found: every result on the way out that does not let through.
        is_asked: a request was made, so what can be measured was.

    Returns:
        Names: a document's type, another result's rule id, or ``REQUEST``.
    """
    rules = [result.reason.rule for result in found]
    gone = {rule.split(".")[1] for rule in rules if rule.endswith(".missing")}
    follows: list[str] = []
    for number, result in enumerate(found):
        rule = rules[number]
        own = rule.split(".")[1] if rule.startswith("artifact.") else ""
        before = _said_before(result, found[:number])
        if root := _missing(result, gone - {own}):
            follows.append(root)
        elif _same(result) in rules:
            follows.append(_same(result))
        elif not is_asked and result.outcome is Outcome.NOT_YET and _is_measured(result):
            follows.append(REQUEST)
        elif before is not None:
            follows.append(follows[before] or rules[before])
        else:
            follows.append("")
    return tuple(follows)


def told(result: GateResult, task_id: str, *, is_asked: bool = True) -> tuple[dict[str, Any], ...]:
    """What keeps a gate shut as everybody is told it; ``because`` names what one follows from."""
    failed = [check for check in result.checks if not check.outcome.lets_through]
    follows = causes(failed, is_asked=is_asked)
    known = {id(c.reason): cause for c, cause in zip(failed, follows, strict=True)}
    return tuple(
        {**render(reason, task_id), "because": known.get(id(reason), "")}
        for reason in result.blockers
    )


def _missing(result: CheckResult, gone: Iterable[str]) -> str:
    return next((name for name in _READS.get(result.check, ()) if name in gone), "")


def _is_measured(result: CheckResult) -> bool:
    kind = CHECKS.get(result.check)
    return kind is not None and bool(kind.needs)


def _same(result: CheckResult) -> str:
    """The check that says the same, or without which this one has nothing to look at."""
    if result.check == "no_blocking_issues" and result.outcome is Outcome.NOT_YET:
        return "all_review_models_completed"
    return _SAME.get(result.reason.rule, "")


def _said_before(result: CheckResult, before: Sequence[CheckResult]) -> int | None:
    """The first result for the very same finding: one measurement that failed, looked at twice."""
    finding = result.reason.finding
    same = (i for i, other in enumerate(before) if finding and other.reason.finding == finding)
    return next(same, None)
