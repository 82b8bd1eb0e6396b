"""``recompute``: a value that a document states is what comes out of its other values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import reference
from interlock.core.gates.references import AbsentError, files_in, listed, over_documents
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["FUNCTIONS", "KIND"]

Values = Sequence[tuple[Any, ...]]
"""The values of each reference of ``of``."""


def _numbers(values: Values) -> list[float]:
    found = [one for each in values for one in each]
    numbers = [one for one in found if _is_number(one)]
    if len(numbers) < len(found):
        raise AbsentError(
            Outcome.FAIL, "something other than numbers is to be computed with", "Write numbers."
        )
    return numbers


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _of_some(values: Values, compute: Callable[[list[float]], float]) -> float:
    numbers = _numbers(values)
    if not numbers:
        raise AbsentError(
            Outcome.UNDETERMINED, "there is nothing to compute with", "Fill in the values first."
        )
    return compute(numbers)


def _ratio(values: Values) -> float:
    above, below = (sum(_numbers([each])) for each in (values[0], values[-1]))
    if len(values) != 2 or not below:
        raise AbsentError(
            Outcome.UNDETERMINED, "nothing can be divided by 0", "Fill in the values first."
        )
    return above / below


FUNCTIONS: Final[Mapping[str, Callable[[Values], float]]] = MappingProxyType(
    {
        "sum": lambda values: math.fsum(_numbers(values)),
        "count": lambda values: sum(map(len, values)),
        "min": lambda values: _of_some(values, min),
        "max": lambda values: _of_some(values, max),
        "mean": lambda values: _of_some(values, lambda numbers: math.fsum(numbers) / len(numbers)),
        "ratio": _ratio,
        "percent": lambda values: 100 * _ratio(values),
    }
)
"""What can be recomputed: over all values, or (ratio, percent) the first over the second."""


def _wrong(params: Settings) -> str:
    if params.get("function") in ("ratio", "percent") and len(params.get("of", ())) != 2:
        return f"divides two things: 'of' has to name two for '{params['function']}'"
    return ""


def _plan(params: Settings) -> Plan:
    files = files_in(map(str, [params["value"], *params["of"]]))
    return Plan(texts=files, documents=files)


@over_documents
def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    value, function = str(spec.params["value"]), str(spec.params["function"])
    stated = listed(value, facts)
    if len(stated) != 1 or not _is_number(stated[0]):
        raise AbsentError(Outcome.FAIL, f"{value} is not one number", f"State {value}.")
    try:
        computed = FUNCTIONS[function]([listed(str(each), facts) for each in spec.params["of"]])
        is_right = abs(computed - stated[0]) <= max(spec.params.get("tolerance", 0), 1e-9)
    except OverflowError:
        raise AbsentError(Outcome.FAIL, "the numbers are too large", "State less.") from None
    seen = {"stated": stated[0], "computed": computed}
    if is_right:
        return result(spec, Outcome.PASS, f"{value} is {stated[0]:g}, as computed", facts=seen)
    return result(
        spec,
        Outcome.FAIL,
        f"{value} states {stated[0]:g}, and {function} gives {computed:g}",
        remedy=f"State {computed:g} at {value}, or mend what it is computed from.",
        facts=seen,
    )


def _stated(total: int) -> GateFacts:
    return GateFacts(artifacts={"estimate": {"total": total, "parts": [{"h": 2}, {"h": 3}]}})


KIND = CheckKind(
    name="recompute",
    passes_when="a stated value equals the recomputed one",
    schema=settings(
        "value",
        "function",
        "of",
        value=reference("the value as it is stated"),
        function={
            "enum": list(FUNCTIONS),
            "title": f"one of {', '.join(FUNCTIONS)}",
            "description": "how it is computed; `ratio` and `percent` divide the sums of two",
        },
        of={
            "type": "array",
            "items": {"type": "string", "minLength": 1, "format": "reference"},
            "minItems": 1,
            "title": "a list of references",
            "description": "what it is computed from",
        },
        tolerance={
            "type": "number",
            "minimum": 0,
            "default": 0,
            "title": "a number, 0 or more",
            "description": "by how much the two may differ",
        },
    ),
    wrong=_wrong,
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(
        passes=_stated(5),
        fails=_stated(4),
        params={
            "value": "estimate#/total",
            "function": "sum",
            "of": ("estimate#/parts/*/h",),
            "tolerance": 0,
        },
    ),
)
