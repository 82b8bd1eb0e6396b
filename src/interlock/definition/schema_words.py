"""Misspelt keywords in schemas that stand in the workflow file.

JSON Schema takes any keyword and lets the ones that it does not know check nothing, so a schema
with ``requierd`` would let everything through.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from interlock.core.policy.launcher_table import split
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.yaml_nodes import MappingNode, Node, SequenceNode

__all__ = ["note_misspelt"]

_OF_ONE: Final = split(
    "items additionalProperties not if then else contains propertyNames unevaluatedItems "
    "unevaluatedProperties contentSchema"
)
_OF_MANY: Final = split("allOf anyOf oneOf prefixItems")
_BY_NAME: Final = split("properties patternProperties $defs definitions dependentSchemas")
_OTHERS: Final = split(
    "$schema $id $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment type enum const "
    "multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern "
    "maxItems minItems uniqueItems maxContains minContains maxProperties minProperties required "
    "dependentRequired title description default deprecated readOnly writeOnly examples format "
    "contentEncoding contentMediaType"
)
_KNOWN: Final = sorted(_OF_ONE | _OF_MANY | _BY_NAME | _OTHERS)
_LIKE: Final = 0.8


def note_misspelt(schema: Node, findings: Findings) -> None:
    """Warn of each keyword that nobody knows and that looks like a known one."""
    if not isinstance(schema, MappingNode):
        return
    for name, entry in schema.entries.items():
        if name in _OF_ONE:
            note_misspelt(entry.value, findings)
        elif name in _OF_MANY and isinstance(entry.value, SequenceNode):
            for item in entry.value.items:
                note_misspelt(item, findings)
        elif name in _BY_NAME and isinstance(entry.value, MappingNode):
            for inner in entry.value.entries.values():
                note_misspelt(inner.value, findings)
        elif name in _OTHERS or name.startswith("x-"):
            continue  # what begins so is a team's own
        elif near := get_close_matches(name[:64], _KNOWN, 1, _LIKE):
            findings.warning(
                Code.NO_EFFECT,
                f"'{name}' is no keyword of JSON schemas, so it checks nothing",
                entry.key,
                help=f"Did you mean '{near[0]}'?",
            )
