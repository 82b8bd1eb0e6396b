"""``subset``: everything in one list is in another as well."""

from __future__ import annotations

import json
from typing import Any

from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import reference
from interlock.core.gates.references import AbsentError, files_in, listed, over_documents
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]

_NAMED = 5


def _wrong(params: Settings) -> str:
    return "" if ("within" in params) is not ("of" in params) else "needs one of 'within' and 'of'"


def _plan(params: Settings) -> Plan:
    files = files_in(str(params[key]) for key in ("list", "within") if key in params)
    return Plan(texts=files, documents=files)


@over_documents
def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    name = str(spec.params["list"])
    items = listed(name, facts)
    if not items:
        raise AbsentError(
            Outcome.UNDETERMINED, f"there is nothing at {name}", f"Fill in {name} first."
        )
    within = spec.params.get("within")
    allowed = listed(str(within), facts) if within else tuple(spec.params.get("of", ()))
    known = set(map(_key, allowed))
    others = [_shown(item) for item in items if _key(item) not in known]
    where = str(within) if within else ", ".join(map(_shown, allowed))
    if others:
        return result(
            spec,
            Outcome.FAIL,
            f"{name} has {', '.join(others[:_NAMED])}, which is not among {where}",
            remedy=f"Take it out of {name}, or add it to {where}.",
            facts={"others": others},
        )
    return result(spec, Outcome.PASS, f"all {len(items)} of {name} are among {where}")


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=list)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else _key(value)


def _planned(*files: str) -> GateFacts:
    return GateFacts(artifacts={"tasks": {"files": list(files)}, "plan": {"files": ["a.py"]}})


KIND = CheckKind(
    name="subset",
    passes_when="everything in one list is in another as well",
    schema=settings(
        "list",
        list=reference("what is looked at; one value counts as a list of one"),
        within=reference("the list that it has to lie in"),
        of={
            "type": "array",
            "minItems": 1,
            "title": "a list of values",
            "description": "the same, written out",
        },
    ),
    wrong=_wrong,
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(
        passes=_planned("a.py"),
        fails=_planned("a.py", "b.py"),
        params={"list": "tasks#/files", "within": "plan#/files"},
    ),
)
