"""Checks on the plan: can anyone see when it is done, and is it bounded?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.core.facts import GateFacts
from interlock.core.gates.kind import CheckKind, result
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KINDS", "criteria"]

_WHOLE_TREE = frozenset({"", ".", "/", "*", "**", "**/*", "/**", "./**", "*/**", "**/**"})


def criteria(artifacts: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Acceptance criteria by id; one without an id is called ``AC-1``, ``AC-2``, … by its place."""
    plan = artifacts.get("plan_document") or {}
    listed = plan.get("acceptance_criteria") or ()
    return {str(c.get("id") or f"AC-{n}"): c for n, c in enumerate(listed, 1)}


def _plain(text: object) -> str:
    return " ".join(str(text or "").casefold().split()).rstrip(".!")


def _plan_has_acceptance_criteria(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    found = criteria(facts.artifacts)
    remedy = "Hand in plan_document again with a criterion and how_to_verify for each."
    if "plan_document" not in facts.artifacts:
        return result(spec, Outcome.NOT_YET, "no plan_document was handed in", remedy=remedy)
    if not found:
        return result(spec, Outcome.FAIL, "the plan names no acceptance criterion", remedy=remedy)
    vague = [
        key
        for key, item in found.items()
        if not _plain(item.get("how_to_verify"))
        or _plain(item.get("how_to_verify")) == _plain(item.get("criterion"))
    ]
    if vague:
        return result(
            spec,
            Outcome.FAIL,
            f"no way to verify is given for {', '.join(vague)}",
            remedy=remedy,
            facts={"criteria": vague},
        )
    listed = plan_ids(facts.artifacts)
    if len(found) != len(listed):
        return result(
            spec,
            Outcome.FAIL,
            "two acceptance criteria share an id",
            remedy="Give each criterion an id of its own.",
            facts={"ids": listed},
        )
    return result(spec, Outcome.PASS, f"{len(found)} criteria, each can be verified")


def plan_ids(artifacts: Mapping[str, Any]) -> list[str]:
    """Ids as listed, repeated ones included."""
    listed = (artifacts.get("plan_document") or {}).get("acceptance_criteria") or ()
    return [str(c.get("id") or f"AC-{n}") for n, c in enumerate(listed, 1)]


def _scope_is_bounded(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    scope = facts.artifacts.get("scope_definition")
    remedy = "Hand in scope_definition with in_scope, constraints and paths such as src/pkg/**."
    if scope is None:
        return result(spec, Outcome.NOT_YET, "no scope_definition was handed in", remedy=remedy)
    paths = [str(p) for p in scope.get("paths") or ()]
    whole = [p for p in paths if p.strip() in _WHOLE_TREE]
    if whole:
        return result(
            spec,
            Outcome.FAIL,
            f"the pattern {whole[0]!r} takes in the whole repository",
            remedy=remedy,
            facts={"paths": paths},
        )
    for key in ("in_scope", "constraints", "paths"):
        if not scope.get(key):
            return result(spec, Outcome.FAIL, f"the scope states no {key}", remedy=remedy)
    return result(spec, Outcome.PASS, f"bounded by {', '.join(paths)}", facts={"paths": paths})


def _no_open_questions(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    questions = (facts.artifacts.get("plan_document") or {}).get("open_questions") or ()
    if not questions:
        return result(spec, Outcome.PASS, "no question is open")
    return result(
        spec,
        Outcome.FAIL,
        f"{len(questions)} open question(s): {'; '.join(map(str, questions))}",
        remedy="Let a person answer, then hand in plan_document without open_questions.",
        facts={"open_questions": list(questions)},
    )


KINDS = (
    CheckKind(name="plan_has_acceptance_criteria", evaluate=_plan_has_acceptance_criteria),
    CheckKind(name="scope_is_bounded", evaluate=_scope_is_bounded),
    CheckKind(name="no_open_questions", evaluate=_no_open_questions),
)
