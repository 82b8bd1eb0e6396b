"""What pins a task: a digest of what a definition means, not of how its file is written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from interlock.core.model import WorkflowSpec
from interlock.definition.json_text import canonical

__all__ = ["digest_of"]

_LEFT_OUT = frozenset({"position", "digest"})


def digest_of(workflow: WorkflowSpec) -> str:
    """sha256 (hex) over the canonical JSON of the definition with its schemas.

    Positions do not count, and a value equal to its default counts as not written: neither a
    comment nor a field that a later version adds with a default changes the digest of a file.
    """
    return hashlib.sha256(canonical(_content(workflow))).hexdigest()


def _content(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: _content(getattr(value, item.name))
            for item in fields(value)
            if item.name not in _LEFT_OUT and getattr(value, item.name) != _default(item)
        }
    if isinstance(value, Mapping):
        return {str(key): _content(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_content(item) for item in value]
    return value


def _default(item: Field[Any]) -> Any:
    return item.default_factory() if item.default_factory is not MISSING else item.default
