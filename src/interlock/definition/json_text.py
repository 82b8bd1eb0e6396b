"""JSON that means one thing: no duplicate keys, no NaN, nothing deep or huge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["MAX_DEPTH", "MAX_VALUES", "canonical", "parse_json", "why_not_json"]

MAX_DEPTH = 64
MAX_VALUES = 200_000
_MAX_TEXT = 8 << 20
_LARGEST = 1 << 63


def parse_json(text: bytes | str) -> Any:
    """The document.

    Raises:
        ValueError: not JSON, a key twice, a number that JSON does not have, too deep or too long.
    """
    if len(text) > _MAX_TEXT:
        raise ValueError(f"longer than {_MAX_TEXT} bytes")
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
    problem = why_not_json(document)
    if problem:
        raise ValueError(problem)
    return document


def why_not_json(document: Any) -> str:
    """Why the value cannot be a document (type, size, depth, numbers); "" if it can.

    Does not recurse, so that depth costs nothing.
    """
    level, depth, seen = [document], 0, 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return f"nested deeper than {MAX_DEPTH} levels"
        below: list[Any] = []
        for value in level:
            seen += 1
            match value:
                case None | bool():
                    pass
                case str():
                    if not _encodes(value):
                        return "a text is not Unicode"
                case int() | float():
                    if not -_LARGEST <= value < _LARGEST:
                        return "a number is not finite or does not fit into 64 bits"
                case list() | tuple():
                    below.extend(value)
                case Mapping():
                    if not all(isinstance(key, str) and _encodes(key) for key in value):
                        return "a key is not text"
                    below.extend(value.values())
                case _:
                    return f"a {type(value).__name__} is not JSON"
            if seen + len(below) > MAX_VALUES:
                return f"more than {MAX_VALUES} values"
        level = below
    return ""


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value: sorted keys, no blanks, UTF-8."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"the key '{twice[:80]}' is there twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")
