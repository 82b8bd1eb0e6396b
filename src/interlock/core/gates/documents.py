"""Looking into documents that somebody else wrote: any JSON value may stand anywhere.

A workflow may bring its own schemas, so nothing is certain about a document's shape. What is not
of the shape that a check reads counts as absent, and absent never lets through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["items", "mapping", "number", "text", "texts"]


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _listed(document: Any, key: str) -> tuple[Any, ...]:
    value = mapping(document).get(key)
    return tuple(value) if isinstance(value, list | tuple) else ()


def items(document: Any, key: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of a list."""
    return tuple(item for item in _listed(document, key) if isinstance(item, Mapping))


def texts(document: Any, key: str) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(item for item in _listed(document, key) if isinstance(item, str))


def text(document: Any, key: str) -> str:
    """A text, empty if there is none."""
    value = mapping(document).get(key)
    return value if isinstance(value, str) else ""


def number(document: Any, key: str) -> int:
    """A whole number, 0 if there is none."""
    value = mapping(document).get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
