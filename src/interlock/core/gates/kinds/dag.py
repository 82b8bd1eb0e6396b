"""``dag``: the dependencies of listed things lead to listed things, and never round in a circle."""

from __future__ import annotations

from collections.abc import Mapping

from interlock.core.facts import GateFacts
from interlock.core.gates.documents import mapping
from interlock.core.gates.jobs import Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import reference
from interlock.core.gates.references import AbsentError, files_in, listed, over_documents
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]


def _plan(params: Settings) -> Plan:
    files = files_in([str(params["items"])])
    return Plan(texts=files, documents=files)


@over_documents
def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    name = str(spec.params["items"])
    items = listed(name, facts)
    if not items:
        raise AbsentError(
            Outcome.UNDETERMINED, f"there is nothing at {name}", f"Fill in {name} first."
        )
    key, needs = str(spec.params.get("id", "id")), str(spec.params.get("needs", "dependencies"))
    ids = [mapping(item).get(key) for item in items]
    if wrong := _unusable(ids, key):
        raise AbsentError(Outcome.FAIL, f"{name}: {wrong}", f"Give each item of {name} its {key}.")
    edges = {
        str(one): tuple(map(str, _listed(mapping(item).get(needs))))
        for one, item in zip(ids, items, strict=True)
    }
    wrong = _unknown(edges) or _circle(edges)
    if wrong:
        return result(
            spec,
            Outcome.FAIL,
            f"{name}: {wrong}",
            remedy=f"Mend {needs} in {name}.",
            facts={"ids": list(edges)},
        )
    return result(spec, Outcome.PASS, f"{len(edges)} of {name} can be done one after the other")


def _listed(value: object) -> tuple[object, ...]:
    if isinstance(value, list | tuple):
        return tuple(value)
    return () if value is None else (value,)


def _unusable(ids: list[object], key: str) -> str:
    if any(not isinstance(one, str | int) for one in ids):
        return f"an item has no {key}"
    texts = list(map(str, ids))
    return next((f"{key} {one} is there twice" for one in texts if texts.count(one) > 1), "")


def _unknown(edges: Mapping[str, tuple[str, ...]]) -> str:
    return next(
        (
            f"{one} depends on {other}, which is not there"
            for one, needed in edges.items()
            for other in needed
            if other not in edges
        ),
        "",
    )


def _circle(edges: Mapping[str, tuple[str, ...]]) -> str:
    """What cannot be done because each waits for another; empty if all can be."""
    left = dict(edges)
    while ready := [one for one, needed in left.items() if left.keys().isdisjoint(needed)]:
        for one in ready:
            del left[one]
    return f"{', '.join(left)} wait for each other" if left else ""


def _tasks(*needs: str) -> GateFacts:
    tasks = [{"id": "a", "dependencies": list(needs)}, {"id": "b", "dependencies": ["a"]}]
    return GateFacts(artifacts={"plan": {"tasks": tasks}})


def _name(default: str, description: str) -> Mapping[str, object]:
    return {
        "type": "string",
        "minLength": 1,
        "default": default,
        "title": "the name of a field",
        "description": description,
    }


KIND = CheckKind(
    name="dag",
    passes_when="dependencies lead to listed items only, and have no cycle",
    schema=settings(
        "items",
        items=reference("the list of objects"),
        id=_name("id", "the field that names an item"),
        needs=_name("dependencies", "the field with the names of those that come before it"),
    ),
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(passes=_tasks(), fails=_tasks("b"), params={"items": "plan#/tasks"}),
)
