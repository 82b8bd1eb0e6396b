"""Rules on artifacts (``validation[].rule``): what a schema cannot say about a document.

A rule looks at the document and, where it can, at what the server measured; the claims in it that
need the judge
are compared by the checks ``tests_are_failing`` and ``all_tests_pass``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from interlock.core.facts import ChangeKind, GateFacts
from interlock.core.gates.plan import criteria
from interlock.core.gates.review import DEFAULT_ROLES, counted
from interlock.core.model import ArtifactSpec, RuleSpec, Severity
from interlock.core.policy.paths import PathRules
from interlock.core.reasons import CheckResult, Outcome, Reason

__all__ = ["RULES", "evaluate_artifact"]

Document = Mapping[str, Any]
Rule = Callable[[Document, GateFacts], str]
"""Returns what is wrong, or an empty string."""


def _filled(key: str, *, inside: str = "") -> Rule:
    def rule(doc: Document, _facts: GateFacts) -> str:
        place = doc.get(inside) or {} if inside and key not in doc else doc
        return "" if place.get(key) else f"{key} is empty"

    return rule


def _tests_exist(doc: Document, facts: GateFacts) -> str:
    there = {c.path for c in facts.changes if c.kind is not ChangeKind.DELETED}
    missing = [i["path"] for i in doc.get("test_files") or () if i["path"] not in there]
    return f"{missing[0]} was neither added nor changed" if missing else ""


def _tests_cover(doc: Document, facts: GateFacts) -> str:
    covered = {str(c) for item in doc.get("test_files") or () for c in item.get("covers") or ()}
    missing = [key for key in criteria(facts.artifacts) if key not in covered]
    return f"nothing is said to cover {', '.join(missing)}" if missing else ""


def _tests_were_run(doc: Document, _facts: GateFacts) -> str:
    count = sum(int(doc.get(key) or 0) for key in ("passed", "failed", "skipped"))
    return "" if doc.get("command") and count else "the result names no test that ran"


def _tests_failed(doc: Document, _facts: GateFacts) -> str:
    return "" if int(doc.get("failed") or 0) else "the result names no failing test"


def _tests_passed(doc: Document, _facts: GateFacts) -> str:
    if doc.get("failed") or doc.get("exit_code"):
        return f"{doc.get('failed')} failed, exit code {doc.get('exit_code')}"
    return ""


def _implementation_exists(_doc: Document, facts: GateFacts) -> str:
    return "" if facts.phase_changes else "no file was changed in this phase"


def _matches_plan(_doc: Document, facts: GateFacts) -> str:
    paths = (facts.artifacts.get("scope_definition") or {}).get("paths") or ()
    if not paths:
        return "the scope names no paths"
    scope = PathRules(allowed=tuple(map(str, paths)), forbidden=(), protected=())
    outside = [c.path for c in facts.phase_changes if scope.why_not(c.path) is not None]
    return f"outside the plan's scope: {', '.join(outside)}" if outside else ""


def _all_reviews_completed(_doc: Document, facts: GateFacts) -> str:
    there = {verdict.role for verdict in counted(facts)}
    missing = [role for role in DEFAULT_ROLES if role not in there]
    return f"no verdict from {', '.join(missing)}" if missing else ""


def _no_blocking_issues(_doc: Document, facts: GateFacts) -> str:
    blocking = [i for v in counted(facts) for i in v.issues if i.blocking]
    return f"{len(blocking)} blocking issue(s)" if blocking else ""


RULES: Mapping[str, Rule] = {
    "has_acceptance_criteria": _filled("acceptance_criteria"),
    "has_implementation_steps": _filled("implementation_steps"),
    "has_in_scope": _filled("in_scope", inside="scope"),
    "has_out_of_scope": _filled("out_of_scope", inside="scope"),
    "tests_exist": _tests_exist,
    "tests_cover_acceptance_criteria": _tests_cover,
    "tests_were_run": _tests_were_run,
    "tests_failed": _tests_failed,
    "implementation_exists": _implementation_exists,
    "matches_plan": _matches_plan,
    "tests_passed": _tests_passed,
    "all_reviews_completed": _all_reviews_completed,
    "no_blocking_issues": _no_blocking_issues,
    "has_summary": _filled("summary"),
    "has_files_changed": _filled("files_changed"),
}


def evaluate_artifact(spec: ArtifactSpec, facts: GateFacts) -> tuple[CheckResult, ...]:
    """Whether the artifact is there and satisfies its rules; each finding is blocking."""
    document = facts.artifacts.get(spec.type)
    if document is None:
        return (_finding(spec, None, f"artifact {spec.type} was not handed in"),)
    return tuple(
        _finding(spec, rule, wrong)
        for rule in spec.rules
        if (wrong := _apply(rule, document, facts))
    )


def _apply(rule: RuleSpec, document: Document, facts: GateFacts) -> str:
    return RULES[rule.rule](document, facts)


def _finding(spec: ArtifactSpec, rule: RuleSpec | None, wrong: str) -> CheckResult:
    said = f"{rule.message}: " if rule and rule.message else ""
    return CheckResult(
        check=rule.rule if rule else "artifact.missing",
        outcome=Outcome.FAIL if rule else Outcome.NOT_YET,
        severity=Severity.BLOCKING,
        reason=Reason(
            rule=f"artifact.{spec.type}.{rule.rule if rule else 'missing'}",
            message=f"{said}{wrong}",
            remedy=f"Hand in {spec.type} with submit_artifact (schema {spec.schema}).",
            position=rule.position if rule else spec.position,
        ),
    )
