"""``monitoring.alerts``: their conditions are read and checked; nothing fires them yet."""

from __future__ import annotations

import re
from typing import Final

from interlock.core.metrics import METRICS, Unit
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields
from interlock.definition.yaml_nodes import MappingNode, Node, ScalarNode

__all__ = ["check_alerts"]

_CONDITION: Final = re.compile(
    r"\s*([A-Za-z_]\w*)\s*(<=|>=|==|!=|<|>)\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z%]*)\s*"
)
_UNITS: Final = {
    Unit.RATE: ("%", ""),
    Unit.SECONDS: ("s", "m", "h", "d"),
    Unit.COUNT: ("",),
}
_EXAMPLES: Final = {
    Unit.RATE: "> 50%",
    Unit.SECONDS: "> 2h",
    Unit.COUNT: "> 10",
}


def check_alerts(monitoring: Fields, findings: Findings) -> None:
    """Report conditions that nothing could ever compare."""
    if not monitoring.is_list("alerts"):
        return
    for item in monitoring.items("alerts"):
        if not isinstance(item, MappingNode):
            continue  # its shape is reported where the key is
        entry = item.entries.get("condition")
        if entry is None:
            findings.error(
                Code.MISSING_KEY,
                "An alert needs the key 'condition'",
                item,
                help="Write one such as 'gate_block_rate > 50%'.",
            )
        elif isinstance(entry.value, ScalarNode) and isinstance(entry.value.value, str):
            _check(entry.value.value, entry.value, findings)


def _check(text: str, node: Node, findings: Findings) -> None:
    match = _CONDITION.fullmatch(text)
    if match is None:
        findings.error(
            Code.BAD_VALUE,
            f"'{text[:80]}' is no condition of an alert",
            node,
            help="Write metric, comparison and number: gate_block_rate > 50%.",
        )
        return
    name, _, number, unit = match.groups()
    metric = METRICS.get(name)
    if metric is None:
        findings.error(
            Code.UNKNOWN_VALUE,
            f"There is no metric '{name[:80]}'",
            node,
            help=findings.did_you_mean(name, METRICS),
        )
    elif unit not in _UNITS[metric.unit]:
        written = f"with the unit '{unit}'" if unit else "without a unit"
        findings.error(
            Code.BAD_VALUE,
            f"'{name}' is {metric.unit.value}; it is not compared {written}",
            node,
            help=f"Write {name} {_EXAMPLES[metric.unit]}.",
        )
    elif metric.unit is Unit.RATE and float(number) > (100 if unit else 1):
        findings.error(
            Code.BAD_VALUE,
            f"'{name}' is never over {'100%' if unit else '1'}: it is a share",
            node,
            help=f"Write {name} {_EXAMPLES[metric.unit]}.",
        )
