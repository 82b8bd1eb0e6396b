"""Checks on review verdicts. Only typed verdicts on the present tree count, and never the
author's own."""

from __future__ import annotations

from interlock.core.facts import GateFacts, ReviewVerdict
from interlock.core.gates.kind import CheckKind, result
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["DEFAULT_ROLES", "KINDS", "counted", "required_roles"]

DEFAULT_ROLES = ("security", "quality", "consistency", "holistic", "vibe_coding")


def required_roles(spec: CheckSpec) -> tuple[str, ...]:
    """Roles that have to hand in a verdict: ``required_reviews`` or the five built-in ones."""
    return tuple(map(str, spec.params.get("required_reviews") or DEFAULT_ROLES))


def counted(facts: GateFacts) -> tuple[ReviewVerdict, ...]:
    """Verdicts that count: on the present tree, by somebody who is not the author."""
    return tuple(v for v in facts.verdicts if v.tree == facts.tree and v.agent_id != facts.author)


def _all_review_models_completed(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    there = {verdict.role for verdict in counted(facts)}
    missing = [role for role in required_roles(spec) if role not in there]
    if missing:
        return result(
            spec,
            Outcome.NOT_YET,
            f"no verdict on the present tree from {', '.join(missing)}",
            remedy="interlock show TASK lists the review sessions.",
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
            remedy="interlock show TASK lists the review sessions.",
        )
    return result(spec, Outcome.PASS, "no blocking issue is open")


KINDS = (
    CheckKind(name="all_review_models_completed", evaluate=_all_review_models_completed),
    CheckKind(name="no_blocking_issues", evaluate=_no_blocking_issues),
)
