"""Checks on review verdicts. Only typed verdicts on the present tree count, and never those of
somebody who worked on it."""

from __future__ import annotations

from dataclasses import replace

from interlock.core.facts import Answer, Comment, GateFacts, ReviewIssue, ReviewVerdict
from interlock.core.gates.catalog import REVIEW_ROLES
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.verdicts import counted, required_roles
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KINDS"]

_WHO = "interlock show TASK lists the review sessions."
_SHOWN = 3


def _all_review_models_completed(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    there = {verdict.role for verdict in counted(facts)}
    missing = [role for role in required_roles(spec) if role not in there]
    if missing:
        return result(
            spec,
            Outcome.NOT_YET,
            f"no verdict on the present tree from {', '.join(missing)}",
            remedy=_WHO,
            facts={"missing": missing},
        )
    return result(spec, Outcome.PASS, f"{len(required_roles(spec))} verdicts are in")


def _no_blocking_issues(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    verdicts = counted(facts)
    issues = [(v.role, issue) for v in verdicts for issue in v.issues if issue.blocking]
    refused = [v.role for v in verdicts if v.verdict != "pass"]
    if issues or refused:
        first = (
            f"{issues[0][0]}: {issues[0][1].file}:{issues[0][1].line} {issues[0][1].message}"
            if issues
            else f"{refused[0]} did not pass"
        )
        return result(
            spec,
            Outcome.FAIL,
            f"{len(issues) or len(refused)} blocking: {first}",
            remedy="Request the transition back to IMPL and fix what the reviewers named.",
            facts={
                "issues": [f"{r}: {i.file}:{i.line} {i.message}" for r, i in issues],
                "refused": refused,
            },
        )
    if not verdicts:
        return result(
            spec,
            Outcome.NOT_YET,
            "no verdict on the present tree",
            remedy=_WHO,
        )
    return result(spec, Outcome.PASS, "no blocking issue is open")


def _review_comments_addressed(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if not counted(facts):
        return result(spec, Outcome.NOT_YET, "no verdict on the present tree", remedy=_WHO)
    if not facts.comments:
        return result(spec, Outcome.PASS, "no reviewer left a comment")
    left = [c for c in facts.comments if c.answered_by is Answer.NOBODY]
    told = [f"{c.role}: {c.file}:{c.line} {c.message}" for c in left]
    known = {"open": told, "answered": len(facts.comments) - len(left)}
    if not left:
        message = f"{len(facts.comments)} comment(s), each was answered"
        return result(spec, Outcome.PASS, message, facts=known)
    more = f" and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return result(
        spec,
        Outcome.FAIL,
        f"{len(left)} of {len(facts.comments)} comment(s) were not answered: "
        f"{'; '.join(told[:_SHOWN])}{more}",
        remedy="Request the transition back to IMPL and change these places; a reviewer who finds "
        "nothing to say any more answers its own.",
        facts=known,
    )


def _reviewed(*issues: ReviewIssue, agent: str = "reviewer") -> GateFacts:
    verdict = ReviewVerdict(
        role="security", agent_id=agent, session_id="s", tree="t", verdict="pass", issues=issues
    )
    return GateFacts(tree="t", authors=("author",), verdicts=(verdict,))


def _commented(answered_by: Answer) -> GateFacts:
    comment = Comment(
        role="quality",
        file="a.py",
        line=1,
        message="sep is not checked",
        tree="earlier",
        answered_by=answered_by,
    )
    return replace(_reviewed(), comments=(comment,))


_BLOCKING = ReviewIssue(file="a.py", line=1, severity="high", blocking=True, message="eval")

_ROLES = {
    "type": "array",
    "items": {"type": "string", "minLength": 1},
    "minItems": 1,
    "default": list(REVIEW_ROLES),
    "title": "a list of roles",
    "description": "roles that have to hand in a verdict",
}

KINDS = (
    CheckKind(
        name="all_review_models_completed",
        passes_when="every required role has handed in a verdict on the present tree",
        schema=settings(required_reviews=_ROLES),
        evaluate=_all_review_models_completed,
        examples=Examples(
            passes=_reviewed(),
            fails=_reviewed(agent="author"),
            params={"required_reviews": ("security",)},
        ),
    ),
    CheckKind(
        name="no_blocking_issues",
        passes_when="no verdict on the present tree has an open blocking issue",
        evaluate=_no_blocking_issues,
        examples=Examples(passes=_reviewed(), fails=_reviewed(_BLOCKING)),
    ),
    CheckKind(
        name="review_comments_addressed",
        passes_when="each comment was answered by a later change at its place, or its reviewer",
        evaluate=_review_comments_addressed,
        examples=Examples(passes=_commented(Answer.DIFF), fails=_commented(Answer.NOBODY)),
    ),
)
