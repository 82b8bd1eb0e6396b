"""Kinds of work: what a change is, as the server measures it, held against what the plan states.

A plan may state a weaker kind than a feature, and only the diff decides whether that holds. The
kind goes up when the diff says more than the plan, and never down again until there is a new plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from interlock.core.facts import WorkFacts
from interlock.core.gates.documents import text
from interlock.core.model import WorkTypes
from interlock.core.reasons import Reason

__all__ = [
    "FEATURE",
    "PLAN",
    "WITHOUT_RED",
    "Kind",
    "Work",
    "not_allowed",
    "settled",
    "stated_kind",
    "stronger",
]


PLAN = "plan_document"
"""The artifact that states a kind."""


class Kind(StrEnum):
    """What a task changes; the one that asks for least first."""

    DOCS = "docs"
    DEPENDENCIES = "dependencies"
    REFACTOR = "refactor"
    FIX = "fix"
    FEATURE = "feature"


WITHOUT_RED = frozenset({Kind.DOCS, Kind.DEPENDENCIES, Kind.REFACTOR})
"""Kinds that add no behaviour, so that no test can fail for want of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The kind of a task's work.

    Args:
        stated: what the plan says; empty if it says nothing that counts.
        why: what decided, as a sentence.
        notes: what a reviewer should know of it.
    """

    kind: Kind = Kind.FEATURE
    stated: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()


FEATURE = Work(why="the plan states no kind of work")
"""What everything is that says nothing else."""


def stronger(one: Kind, other: Kind) -> Kind:
    """The kind of work that is both: documentation and dependencies together are neither."""
    order = list(Kind)
    if {one, other} == {Kind.DOCS, Kind.DEPENDENCIES}:
        return Kind.REFACTOR
    return max(one, other, key=order.index)


def stated_kind(types: WorkTypes, plan: Any) -> tuple[Kind | None, str]:
    """The kind that a plan states, and the word that it uses for it; ``None`` if it is no kind."""
    if not (word := text(plan, "kind").strip()):
        return None, ""
    name = types.names.get(word, word)
    return next((kind for kind in Kind if kind == name), None), word


def settled(
    types: WorkTypes,
    plan: Any,
    measured: WorkFacts | None,
    before: Work | None = None,
) -> Work:
    """The kind that counts.

    Args:
        types: what the workflow says about kinds.
        plan: the plan as it was handed in, which may be any JSON value.
        measured: what the diff is, if it was asked.
        before: what counted until now under the same plan.
    """
    stated, word = stated_kind(types, plan)
    if not word:
        return FEATURE
    if stated is None:
        known = ", ".join((*Kind, *types.names))
        return Work(why=f"the plan states {word!r}, which is none of {known}")
    work = Work(kind=stated, stated=word, why=f"the plan states {word}")
    if measured is not None:
        work = _revised(work, measured)
    if before is not None and stronger(before.kind, work.kind) is not work.kind:
        return Work(kind=before.kind, stated=word, why=before.why, notes=work.notes)
    return work


def _revised(work: Work, measured: WorkFacts) -> Work:
    if measured.problem:
        why = f"what was changed cannot be told: {measured.problem}"
        return Work(kind=stronger(work.kind, Kind.FEATURE), stated=work.stated, why=why)
    found = next((kind for kind in Kind if kind == measured.kind), None)
    if found is None:
        return work
    kind = stronger(work.kind, found)
    why = measured.why if kind is not work.kind else f"{work.why}, and the diff agrees"
    return Work(kind=kind, stated=work.stated, why=why, notes=measured.notes)


def not_allowed(types: WorkTypes, work: Work) -> tuple[Reason, ...]:
    """Why a task of this kind cannot go on under the workflow; nothing if it can."""
    if not types.allowed or work.kind in types.allowed:
        return ()
    reason = Reason(
        rule="work.not_allowed",
        message=f"this is {work.kind.value} work ({work.why}), and the workflow takes "
        f"{', '.join(types.allowed)} alone",
        remedy="State another kind in the plan, and change nothing else than that kind may.",
        position=types.position,
        facts={"kind": work.kind.value, "allowed": list(types.allowed)},
    )
    return (reason,)
