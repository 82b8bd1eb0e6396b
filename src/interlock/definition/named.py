"""Lists of names that there is a fixed number of: events, metrics, claims, parts of a snapshot."""

from __future__ import annotations

from collections.abc import Collection

from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields, unique

__all__ = ["read_names"]


def read_names(
    fields: Fields, key: str, known: Collection[str], what: str, findings: Findings
) -> tuple[str, ...] | None:
    """The names below a key, each known and there once; ``None`` if the key is not there."""
    if key not in fields:
        return None
    names = fields.texts(key)
    for name in names:
        if name.value not in known:
            findings.error(
                Code.UNKNOWN_VALUE,
                f"There is no {what} '{name.value}'",
                name,
                help=findings.did_you_mean(name.value, known)
                or f"Known here: {', '.join(sorted(known))}.",
            )
    unique(names, lambda n: n.value, lambda n: n.position, f"The {what}", findings)
    return tuple(name.value for name in names)
