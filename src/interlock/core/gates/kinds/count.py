"""``count``: how many things there are lies within bounds."""

from __future__ import annotations

from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import globs, reference, whole
from interlock.core.gates.references import AbsentError, files_in, listed, over_documents
from interlock.core.gates.selection import Selection
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]

_MOST = 1_000_000


def _wrong(params: Settings) -> str:
    if ("items" in params) is ("paths" in params):
        return "counts either 'items' or 'paths'"
    if "min" not in params and "max" not in params:
        return "cannot fail without 'min' or 'max'"
    if params.get("min", 0) > params.get("max", _MOST):
        return "cannot pass: 'min' is more than 'max'"
    if params.get("max", _MOST) == _MOST and params.get("min") == 0:
        return "cannot fail: nothing is less than 0"
    return ""


def _plan(params: Settings) -> Plan:
    files = files_in([str(params["items"])] if "items" in params else [])
    return Plan(lists_tree="paths" in params, texts=files, documents=files)


@over_documents
def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    what, found = _found(spec, facts)
    least, most = spec.params.get("min", 0), spec.params.get("max", _MOST)
    bounds = {"found": found, "min": least} | ({"max": most} if "max" in spec.params else {})
    if least <= found <= most:
        return result(spec, Outcome.PASS, f"{found} of {what}", facts=bounds)
    wanted = f"at least {least}" if found < least else f"at most {most}"
    return result(
        spec,
        Outcome.FAIL,
        f"{found} of {what}, and it has to be {wanted}",
        remedy=f"Make it {wanted} of {what}.",
        facts=bounds,
    )


def _found(spec: CheckSpec, facts: GateFacts) -> tuple[str, int]:
    if items := spec.params.get("items"):
        return str(items), len(listed(str(items), facts))
    patterns = tuple(map(str, spec.params.get("paths", ())))
    if facts.paths is None:
        raise AbsentError(
            Outcome.UNDETERMINED, "nobody looked at the tree", "Request the transition again."
        )
    return ", ".join(patterns), sum(1 for _ in Selection(patterns).of(facts.paths))


KIND = CheckKind(
    name="count",
    passes_when="the number of items of a list, or of files, lies within bounds",
    schema=settings(
        items=reference("what is counted"),
        paths=globs("files of the tree that are counted"),
        min=whole("at least so many", least=0, most=_MOST),
        max=whole("at most so many", least=0, most=_MOST),
    ),
    wrong=_wrong,
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(
        passes=GateFacts(artifacts={"design": {"risks": ["a"]}}),
        fails=GateFacts(artifacts={"design": {"risks": []}}),
        params={"items": "design#/risks", "min": 1},
    ),
)
