"""``work_types``: what a team says about kinds of work."""

from __future__ import annotations

from interlock.core.model import WorkTypes
from interlock.core.work import Kind
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields, text_of
from interlock.definition.tools import read_patterns, values_of
from interlock.definition.yaml_nodes import MappingNode, describe

__all__ = ["read_work_types"]

_KEYS = ("allowed", "names", "documentation", "manifests")


def read_work_types(root: Fields, findings: Findings) -> WorkTypes:
    """Which kinds there may be, the team's own words for them, and which paths are what."""
    entry = root.entry("work_types")
    if entry is None:
        return WorkTypes()
    fields = Fields(entry.value, "work_types", "'work_types'", _KEYS, findings)
    return WorkTypes(
        allowed=_allowed(fields, findings),
        names=_names(fields, findings),
        documentation=values_of(read_patterns(fields, "documentation", findings)),
        manifests=values_of(read_patterns(fields, "manifests", findings)),
        position=fields.position,
    )


def _allowed(fields: Fields, findings: Findings) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for item in fields.texts("allowed"):
        if item.value in tuple(Kind):
            found[item.value] = None
            continue
        message = f"There is no kind of work '{item.value}'"
        hint = findings.did_you_mean(item.value, map(str, Kind))
        findings.error(Code.UNKNOWN_VALUE, message, item, help=hint)
    if fields.is_list("allowed") and not fields.items("allowed"):
        message = "'allowed' is empty, so no task could ever go on"
        findings.error(Code.BAD_VALUE, message, fields.place("allowed"))
    return tuple(found)


def _names(fields: Fields, findings: Findings) -> dict[str, str]:
    entry = fields.entry("names")
    if entry is None:
        return {}
    if not isinstance(entry.value, MappingNode):
        message = f"'names' must be a mapping of words to kinds, not {describe(entry.value)}"
        findings.error(Code.WRONG_TYPE, message, entry.value)
        return {}
    found: dict[str, str] = {}
    for word, item in entry.value.entries.items():
        kind = text_of(item.value, f"'{word}'", findings)
        if kind is None:
            continue
        if word in tuple(Kind):
            message = f"'{word}' is a kind of work itself and stands for nothing else"
            findings.error(Code.BAD_VALUE, message, item.key)
        elif kind.value not in tuple(Kind):
            message = f"There is no kind of work '{kind.value}'"
            hint = findings.did_you_mean(kind.value, map(str, Kind))
            findings.error(Code.UNKNOWN_VALUE, message, kind, help=hint)
        else:
            found[word] = kind.value
    return found
