"""What may stand under a key: enough for an editor, and to find what is misspelt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, describe

__all__ = [
    "ANY",
    "FLAG",
    "INTEGER",
    "TEXT",
    "UNQUOTED",
    "Anything",
    "Bounded",
    "Choice",
    "Keys",
    "ListOf",
    "Scalar",
    "Shape",
    "Suggested",
    "check",
]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value of one of the types; ``wanted`` names it for a person."""

    wanted: str
    types: tuple[type, ...]


@dataclass(frozen=True, slots=True)
class Anything:
    """No statement."""


class Choice:
    """One of several texts."""

    def __init__(self, *values: str) -> None:
        self.values = values


@dataclass(frozen=True, slots=True)
class Bounded:
    """A whole number between two bounds, both included."""

    least: int
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Suggested:
    """A text of which some values are known; ``name`` is what such a value is called."""

    name: str
    values: tuple[str, ...]


class ListOf:
    """A list whose items have a shape."""

    def __init__(self, item: Shape) -> None:
        self.item = item


class Keys:
    """A mapping with these optional keys and no others."""

    def __init__(self, **keys: Shape) -> None:
        self.keys: Mapping[str, Shape] = keys


Shape = Scalar | Anything | Choice | Bounded | Suggested | ListOf | Keys

ANY: Final = Anything()
TEXT: Final = Scalar("text", (str,))
FLAG: Final = Scalar("true or false", (bool,))
INTEGER: Final = Scalar("a whole number", (int,))
UNQUOTED: Final = Scalar("text", (str, int, float))
"""A text that people forget to quote, so that it is a number to YAML."""


def check(node: Node, shape: Shape, what: str, findings: Findings) -> None:
    """Report what does not have its shape; ``what`` names the node for a person."""
    match shape:
        case Anything():
            return
        case Scalar():
            if not isinstance(node, ScalarNode) or type(node.value) not in shape.types:
                _wrong(node, shape.wanted, what, findings)
        case Bounded():
            value = node.value if isinstance(node, ScalarNode) else None
            whole = value if isinstance(value, int) and not isinstance(value, bool) else None
            if whole is None or whole < shape.least or whole > (shape.most or whole):
                bounds = f"from {shape.least}" + (f" to {shape.most}" if shape.most else "")
                _wrong(node, f"a whole number {bounds}", what, findings)
        case Suggested():
            check(node, TEXT, what, findings)
        case Choice():
            if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
                _wrong(node, "text", what, findings)
            elif node.value not in shape.values:
                hint = findings.did_you_mean(node.value, shape.values)
                message = f"{what} cannot be '{node.value}'"
                findings.error(Code.UNKNOWN_VALUE, message, node, help=hint)
        case ListOf():
            if not isinstance(node, SequenceNode):
                _wrong(node, "a list", what, findings)
                return
            for item in node.items:
                check(item, shape.item, f"An item of {what}", findings)
        case Keys():
            if not isinstance(node, MappingNode):
                _wrong(node, "a mapping of keys", what, findings)
                return
            for name, entry in node.entries.items():
                if name in shape.keys:
                    check(entry.value, shape.keys[name], f"'{name}'", findings)
                else:
                    hint = findings.did_you_mean(name, shape.keys)
                    message = f"{what} has no key '{name}'"
                    findings.error(Code.UNKNOWN_KEY, message, entry.key, help=hint)


def _wrong(node: Node, wanted: str, what: str, findings: Findings) -> None:
    is_bare = isinstance(node, ScalarNode) and node.value is not None and wanted == TEXT.wanted
    hint = "Put it between quotes." if is_bare else ""
    message = f"{what} must be {wanted}, not {describe(node)}"
    findings.error(Code.WRONG_TYPE, message, node, help=hint)
