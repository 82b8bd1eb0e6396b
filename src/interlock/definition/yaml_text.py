"""Values as YAML text that our reader takes back to exactly these values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from interlock.definition.yaml_compose import is_constant
from interlock.definition.yaml_nodes import ScalarNode

__all__ = ["flow", "key_text", "scalar_text"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_SHORT = {"\n": "\\n", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def scalar_text(node: ScalarNode) -> str:
    """One value; a number as it was written, so that ``1.10`` stays that."""
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.raw
    return _value(node.value)


def key_text(key: str) -> str:
    """A key of a mapping; every key is text."""
    return key if _PLAIN.fullmatch(key) else _quoted(key)


def flow(value: Any) -> str:
    """Plain values on one line."""
    match value:
        case Mapping():
            pairs = (f"{key_text(str(key))}: {flow(item)}" for key, item in value.items())
            return "{" + ", ".join(pairs) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case _:
            return _value(value)


def _value(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) and not is_constant(text) else _quoted(text)


def _quoted(text: str) -> str:
    return (
        '"' + "".join(c if c.isprintable() and c not in _SHORT else _escape(c) for c in text) + '"'
    )


def _escape(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
