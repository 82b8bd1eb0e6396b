"""Rules on artifacts (``validation[].rule``): what a schema cannot say about a document.

A rule looks at the document and, where it can, at what the server measured; the claims in it that
need the judge are compared by the checks ``tests_are_failing`` and ``all_tests_pass``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from interlock.core.facts import ChangeKind, GateFacts
from interlock.core.gates.catalog import REVIEW_ROLES, SERVER_BUILT
from interlock.core.gates.documents import items, mapping, number, text, texts
from interlock.core.gates.kind import Examples
from interlock.core.gates.plan import criteria, outside_scope
from interlock.core.gates.rules_examples import EXAMPLES
from interlock.core.gates.verdicts import counted, roles_of
from interlock.core.model import ArtifactSpec, PhaseSpec, RuleSpec, Severity
from interlock.core.reasons import CheckResult, Outcome, Reason
from interlock.errors import DefinitionError

__all__ = ["RULES", "ArtifactRule", "evaluate_artifact"]

Wrong = Callable[[Any, GateFacts, PhaseSpec], str]
"""What is wrong with a document of a phase, or an empty string."""

_NOTHING_WRONG = (0, 5)
"""Exit codes of a runner all of whose tests passed, and of one that found none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRule:
    """One rule by name.

    Args:
        wrong: pure, and total: a document may be any JSON value.
        artifact: type under which the examples' document stands among their facts.
        examples: one input that the rule passes and one that it fails.
    """

    wrong: Wrong
    artifact: str
    examples: Examples


def _filled(key: str, *, inside: str = "") -> Wrong:
    def wrong(doc: Any, _facts: GateFacts, _phase: PhaseSpec) -> str:
        place = mapping(doc)
        if inside and key not in place:
            place = mapping(place.get(inside))
        return "" if place.get(key) else f"{key} is empty"

    return wrong


def _paths(doc: Any, key: str) -> list[str]:
    return [text(item, "path") for item in items(doc, key)]


def _tests_exist(doc: Any, facts: GateFacts, _phase: PhaseSpec) -> str:
    there = {c.path for c in facts.changes if c.kind is not ChangeKind.DELETED}
    listed = _paths(doc, "test_files")
    missing = [path for path in listed if path not in there]
    if not listed:
        return "no test file is named"
    return f"{missing[0]} was neither added nor changed" if missing else ""


def _tests_cover(doc: Any, facts: GateFacts, _phase: PhaseSpec) -> str:
    wanted = [key for key, _ in criteria(facts.artifacts)]
    covered = {name for item in items(doc, "test_files") for name in texts(item, "covers")}
    missing = [key for key in wanted if key not in covered]
    if not wanted:
        return "there is no plan whose criteria could be covered"
    return f"nothing is said to cover {', '.join(missing)}" if missing else ""


def _broke_off(doc: Any) -> bool:
    """A run that ended before any test: its set-up needs what is not there yet."""
    return number(doc, "exit_code") not in _NOTHING_WRONG


def _tests_were_run(doc: Any, _facts: GateFacts, _phase: PhaseSpec) -> str:
    count = sum(number(doc, key) for key in ("passed", "failed", "skipped"))
    if text(doc, "command") and (count > 0 or _broke_off(doc)):
        return ""
    return "the result names no test that ran (a file that cannot be collected counts as failed)"


def _tests_failed(doc: Any, facts: GateFacts, _phase: PhaseSpec) -> str:
    # After going back from a later phase its code is still there, and the agent sees no failure.
    if number(doc, "failed") > 0 or _broke_off(doc) or facts.has_foreign_changes:
        return ""
    return "the result names no failing test"


def _tests_passed(doc: Any, _facts: GateFacts, _phase: PhaseSpec) -> str:
    failed, code = number(doc, "failed"), number(doc, "exit_code")
    if failed or code:
        return f"{failed} failed, exit code {code}"
    return "" if number(doc, "passed") > 0 else "the result names no test that passed"


def _implementation_exists(doc: Any, facts: GateFacts, _phase: PhaseSpec) -> str:
    if not facts.own_changes:
        return "no file that this phase may write differs from the base"
    there = {change.path for change in facts.changes}
    missing = [path for path in _paths(doc, "files_changed") if path not in there]
    return f"{missing[0]} is listed and not changed" if missing else ""


def _matches_plan(_doc: Any, facts: GateFacts, _phase: PhaseSpec) -> str:
    paths = texts(facts.artifacts.get("scope_definition"), "paths")
    if not paths:
        return "the scope names no paths"
    try:
        outside = outside_scope(paths, facts)
    except DefinitionError as error:
        return f"the scope cannot be read: {error.message}"
    return f"outside the plan's scope: {', '.join(outside)}" if outside else ""


def _all_reviews_completed(_doc: Any, facts: GateFacts, phase: PhaseSpec) -> str:
    there = {verdict.role for verdict in counted(facts)}
    missing = [role for role in roles_of(phase) or REVIEW_ROLES if role not in there]
    return f"no verdict from {', '.join(missing)}" if missing else ""


def _no_blocking_issues(_doc: Any, facts: GateFacts, _phase: PhaseSpec) -> str:
    blocking = [i for v in counted(facts) for i in v.issues if i.blocking]
    return f"{len(blocking)} blocking issue(s)" if blocking else ""


_WRONG: Mapping[str, Wrong] = {
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

RULES: Mapping[str, ArtifactRule] = {
    name: ArtifactRule(wrong=wrong, artifact=EXAMPLES[name][0], examples=EXAMPLES[name][1])
    for name, wrong in _WRONG.items()
}


def evaluate_artifact(
    spec: ArtifactSpec, facts: GateFacts, phase: PhaseSpec
) -> tuple[CheckResult, ...]:
    """What keeps the artifact from counting; nothing if it is there and satisfies its rules."""
    document = facts.artifacts.get(spec.type)
    if document is None:
        missing = f"artifact {spec.type} was not handed in"
        return (_finding(spec, None, Outcome.NOT_YET, missing),)
    found = []
    for rule in spec.rules:
        if (known := RULES.get(rule.rule)) is None:
            said = f"this version does not know the rule {rule.rule}"
            found.append(_finding(spec, rule, Outcome.UNDETERMINED, said))
        elif wrong := known.wrong(document, facts, phase):
            found.append(_finding(spec, rule, Outcome.FAIL, wrong))
    return tuple(found)


def _finding(
    spec: ArtifactSpec, rule: RuleSpec | None, outcome: Outcome, wrong: str
) -> CheckResult:
    said = f"{rule.message}: " if rule and rule.message else ""
    return CheckResult(
        check=rule.rule if rule else "artifact.missing",
        outcome=outcome,
        severity=Severity.BLOCKING,
        reason=Reason(
            rule=f"artifact.{spec.type}.{rule.rule if rule else 'missing'}",
            message=f"{said}{wrong}",
            remedy=_remedy(spec),
            position=rule.position if rule else spec.position,
        ),
    )


def _remedy(spec: ArtifactSpec) -> str:
    if spec.type in SERVER_BUILT:
        return "Settle what the reviewers found, in an earlier phase if need be; then ask again."
    return f"Hand in {spec.type} with submit_artifact (schema {spec.schema})."
