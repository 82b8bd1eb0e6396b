"""What pins a task: a digest of what a definition means, not of how its file is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from interlock.core.model import WorkflowSpec
from interlock.definition.json_text import canonical

__all__ = ["digest_of"]

_LEFT_OUT = frozenset({"position", "mode_position", "tool_mode_position", "digest", "schema_files"})


def digest_of(workflow: WorkflowSpec) -> str:
    """sha256 (hex) over the canonical JSON of the definition with its schemas.

    Positions and where schemas lie do not count, and a value equal to its default counts as not
    written: neither a comment nor a field that a later version adds with a default changes the
    digest of a file.
    Hence a default, once released, never changes.
    """
    return hashlib.sha256(canonical(_content(workflow))).hexdigest()


def _content(value: Any) -> Any:
    match value:
        case None | str() | int() | float():
            return value
        case Mapping():
            return {str(key): _content(item) for key, item in value.items()}
        case list() | tuple():
            return [_content(item) for item in value]
        case _:
            kind: Any = type(value)
            written = ((name, getattr(value, name), default) for name, default in _parts(kind))
            return {name: _content(item) for name, item, default in written if item != default}


@cache
def _parts(kind: Any) -> tuple[tuple[str, Any], ...]:
    """The fields of a record that count, with their defaults."""
    return tuple(
        (item.name, item.default_factory() if item.default_factory is not MISSING else item.default)
        for item in fields(kind)
        if item.name not in _LEFT_OUT
    )
