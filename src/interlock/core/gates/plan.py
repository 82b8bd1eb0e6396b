"""Checks on the plan: can anyone see when it is done, and is it bounded?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.core.facts import GateFacts
from interlock.core.gates.documents import items, mapping, text, texts
from interlock.core.gates.kind import CheckKind, Examples, result
from interlock.core.gates.samples import PLAN, SCOPE
from interlock.core.model import CheckSpec
from interlock.core.policy.paths import PathRules
from interlock.core.reasons import CheckResult, Outcome
from interlock.errors import DefinitionError

__all__ = ["KINDS", "criteria", "outside_scope"]

_PROBES = tuple(f"{first}{rest}" for first in "._0Aabmqz" for rest in ("k3/w5", "k3/w5.x"))
"""Paths of no project: a scope that has all of them has everything."""


def criteria(artifacts: Mapping[str, Any]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Id and text of each acceptance criterion; one without an id is ``AC-1``, ``AC-2``, … by its
    place."""
    listed = items(artifacts.get("plan_document"), "acceptance_criteria")
    return tuple((str(c.get("id") or f"AC-{n}"), c) for n, c in enumerate(listed, 1))


def _plain(value: object) -> str:
    return " ".join(str(value or "").casefold().split()).rstrip(".!")


def _plan_has_acceptance_criteria(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    found = criteria(facts.artifacts)
    remedy = "Hand in plan_document again with a criterion and how_to_verify for each."
    if "plan_document" not in facts.artifacts:
        return result(spec, Outcome.NOT_YET, "no plan_document was handed in", remedy=remedy)
    if not found:
        return result(spec, Outcome.FAIL, "the plan names no acceptance criterion", remedy=remedy)
    vague = [
        key
        for key, item in found
        if not _plain(text(item, "how_to_verify"))
        or _plain(text(item, "how_to_verify")) == _plain(text(item, "criterion"))
    ]
    if vague:
        return result(
            spec,
            Outcome.FAIL,
            f"no way to verify is given for {', '.join(vague)}",
            remedy=remedy,
            facts={"criteria": vague},
        )
    ids = [key for key, _ in found]
    if len(set(ids)) != len(ids):
        return result(
            spec,
            Outcome.FAIL,
            "two acceptance criteria share an id",
            remedy="Give each criterion an id of its own.",
            facts={"ids": ids},
        )
    return result(spec, Outcome.PASS, f"{len(found)} criteria, each can be verified")


def _scope_is_bounded(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    scope = facts.artifacts.get("scope_definition")
    remedy = "Hand in scope_definition with in_scope, constraints and paths such as src/pkg/**."
    if scope is None:
        return result(spec, Outcome.NOT_YET, "no scope_definition was handed in", remedy=remedy)
    paths = texts(scope, "paths")
    if unbounded := _unbounded(paths):
        return result(spec, Outcome.FAIL, unbounded, remedy=remedy, facts={"paths": list(paths)})
    for key in ("in_scope", "constraints", "paths"):
        if not texts(scope, key):
            return result(
                spec, Outcome.FAIL, f"scope_definition.{key} is missing or empty", remedy=remedy
            )
    if outside := outside_scope(paths, facts):
        return result(
            spec,
            Outcome.FAIL,
            f"changed outside the scope: {', '.join(outside)}",
            remedy="Undo it, or go back to PLAN and hand in scope_definition with these paths.",
            facts={"paths": list(paths), "outside": outside},
        )
    return result(
        spec, Outcome.PASS, f"bounded by {', '.join(paths)}", facts={"paths": list(paths)}
    )


def outside_scope(paths: tuple[str, ...], facts: GateFacts) -> list[str]:
    """What the phase changed that no pattern of the scope takes in.

    Raises:
        DefinitionError: a pattern cannot be read.
    """
    scope = PathRules(allowed=paths, forbidden=(), protected=())
    return [c.path for c in facts.own_changes if scope.why_not(c.path) is not None]


def _unbounded(paths: tuple[str, ...]) -> str:
    if dotted := [p for p in paths if p == "." or p.startswith("./")]:
        return f"the pattern {dotted[0]!r} starts with a dot, which matches nothing"
    try:
        rules = PathRules(allowed=paths, forbidden=(), protected=())
    except DefinitionError as error:
        return f"the scope cannot be read: {error.message}"
    if all(rules.why_not(path) is None for path in _PROBES):
        return f"{', '.join(paths)} takes in the whole repository"
    return ""


def _no_open_questions(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    if "plan_document" not in facts.artifacts:
        return result(
            spec,
            Outcome.NOT_YET,
            "no plan_document was handed in",
            remedy="Hand in plan_document with open_questions, an empty list if there are none.",
        )
    questions = mapping(facts.artifacts["plan_document"]).get("open_questions") or []
    if not questions:
        return result(spec, Outcome.PASS, "no question is open")
    listed = [str(q) for q in questions] if isinstance(questions, list) else [str(questions)]
    return result(
        spec,
        Outcome.FAIL,
        f"{len(listed)} open question(s): {'; '.join(listed)}",
        remedy="Let a person answer, then hand in plan_document without open_questions.",
        facts={"open_questions": listed},
    )


def _with(**plan: object) -> GateFacts:
    return GateFacts(artifacts={"plan_document": {**PLAN, **plan}})


KINDS = (
    CheckKind(
        name="plan_has_acceptance_criteria",
        passes_when="every criterion says how to verify it in other words than its own",
        evaluate=_plan_has_acceptance_criteria,
        examples=Examples(
            passes=_with(),
            fails=_with(acceptance_criteria=[{"criterion": "It works", "how_to_verify": ""}]),
        ),
    ),
    CheckKind(
        name="scope_is_bounded",
        passes_when="in-scope and constraints are stated, by paths that leave something out",
        evaluate=_scope_is_bounded,
        examples=Examples(
            passes=GateFacts(artifacts={"scope_definition": SCOPE}),
            fails=GateFacts(artifacts={"scope_definition": {**SCOPE, "paths": ["**"]}}),
        ),
    ),
    CheckKind(
        name="no_open_questions",
        passes_when="the plan has no unanswered question",
        evaluate=_no_open_questions,
        examples=Examples(passes=_with(), fails=_with(open_questions=["Which separator?"])),
    ),
)
