"""``examples`` under rules: calls with the verdict that they must get, tried when a file is loaded.

They document what a rule means, and a change that makes it mean something else does not load. They
are no part of the definition: nothing is pinned by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from interlock.core.model import Position
from interlock.core.policy.names import COMMANDS, READING, WRITING, canonical
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields, text_of
from interlock.definition.tools import known_tool
from interlock.definition.yaml_nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    describe,
    plain,
)

__all__ = ["CALL_KEYS", "VERDICTS", "Example", "argument_of", "read_examples"]

VERDICTS: Final = ("allowed", "denied")
CALL_KEYS: Final = ("tool", "path", "command", "args")

MAX_EXAMPLES: Final = 1000
MAX_CALL: Final = 2048
"""Characters in one call's arguments: how long a verdict takes goes by them."""


@dataclass(frozen=True, slots=True)
class Example:
    """One call that a rule names, and whether it is to be allowed.

    Args:
        under: the constraint or phase whose rules it is an example of.
    """

    phase: str
    tool: str
    args: Mapping[str, Any]
    allowed: bool
    position: Position
    under: Position


@dataclass(frozen=True, slots=True)
class _Rules:
    """What examples stand under: a phase, or its constraint on a tool."""

    path: str
    phase: str
    tool: str
    entries: MappingNode
    position: Position


def argument_of(tool: str) -> str:
    """The argument that a text alone stands for; "" if the tool takes neither path nor command."""
    if tool in COMMANDS:
        return "command"
    return "path" if tool in WRITING | READING else ""


def read_examples(root: Fields, extra: Sequence[str], findings: Findings) -> tuple[Example, ...]:
    """All examples below ``phases``, in the order of the file."""
    found: list[Example] = []
    for node in root.items("phases"):
        for rules in _rules(node, extra):
            found += _Reader(rules, extra, findings).read()
    if len(found) > MAX_EXAMPLES:
        message = f"More than {MAX_EXAMPLES} examples"
        findings.error(Code.TOO_LARGE, message, found[MAX_EXAMPLES])
    return tuple(found[:MAX_EXAMPLES])


def _rules(node: Node, extra: Sequence[str]) -> Iterator[_Rules]:
    """A phase and the constraints in it; what is misshapen there is for their own readers."""
    if not isinstance(node, MappingNode):
        return
    named = node.entries.get("id")
    phase = str(plain(named.value)) if named else ""
    yield _Rules("phases[]", phase, "", node, node.position)
    constraints = node.entries.get("tool_constraints")
    if constraints is None or not isinstance(constraints.value, MappingNode):
        return
    for name, item in constraints.value.entries.items():
        tool = canonical(name, extra)
        if tool is not None and isinstance(item.value, MappingNode):
            path = "phases[].tool_constraints{}"
            yield _Rules(path, phase, tool, item.value, item.key.position)


class _Reader:
    """Reads the ``examples`` of one phase or constraint."""

    def __init__(self, rules: _Rules, extra: Sequence[str], findings: Findings) -> None:
        self._rules = rules
        self._path = f"{rules.path}.examples"
        self._extra = extra
        self._findings = findings

    def read(self) -> Iterator[Example]:
        entry = self._rules.entries.entries.get("examples")
        if entry is None:
            return
        if isinstance(entry.value, SequenceNode):
            for node in entry.value.items:
                yield from self._judged(node)
            return
        lists = Fields(entry.value, self._path, "'examples'", VERDICTS, self._findings)
        for verdict in VERDICTS:
            for node in lists.items(verdict):
                yield from self._call(node, verdict)

    def _judged(self, node: Node) -> Iterator[Example]:
        """An item of the list form, which says itself whether it is allowed."""
        if isinstance(node, ScalarNode):
            self._findings.error(
                Code.WRONG_TYPE,
                "An example in a list has to say whether it is allowed",
                node,
                help="Put it below one of two lists: examples: {allowed: [...], denied: [...]}.",
            )
            return
        keys = ("allowed", *CALL_KEYS)
        fields = Fields(node, f"{self._path}[]", "An example", keys, self._findings)
        if fields.entry("allowed", required=True) is not None:
            yield from self._written_out(fields, fields.flag("allowed", True))

    def _call(self, node: Node, verdict: str) -> Iterator[Example]:
        """An item below ``allowed`` or ``denied``: a text, or the call written out."""
        allowed = verdict == "allowed"
        if not isinstance(node, ScalarNode):
            path = f"{self._path}.{verdict}[]"
            fields = Fields(node, path, "An example", CALL_KEYS, self._findings)
            yield from self._written_out(fields, allowed)
            return
        text = text_of(node, "An example", self._findings)
        if text is None:
            return
        tool = self._rules.tool or "bash"
        if name := argument_of(tool):
            yield from self._example(tool, {name: text.value}, allowed, node.position)
            return
        message = f"'{tool}' takes neither a command nor a path, so a text is no call of it"
        help_ = "Write the call out: {args: {NAME: VALUE}}."
        self._findings.error(Code.BAD_EXAMPLE, message, node, help=help_)

    def _written_out(self, fields: Fields, allowed: bool) -> Iterator[Example]:
        if not fields.usable:
            return
        tool = self._rules.tool or ("bash" if "command" in fields else "")
        if "tool" in fields or not tool:
            tool = fields.text("tool", required="tool" not in fields)
            if (
                not tool
                or known_tool(tool, fields.place("tool"), self._extra, self._findings) is None
            ):
                return
        args = self._arguments(fields)
        if args is not None:
            yield from self._example(tool, args, allowed, fields.position)

    def _arguments(self, fields: Fields) -> dict[str, Any] | None:
        """The arguments of a call that is written out; ``None`` (and a finding) if they are none.

        A call without any is a question about the tool alone.
        """
        given = [key for key in CALL_KEYS if key != "tool" and key in fields]
        if len(given) > 1:
            message = f"An example has either '{given[0]}' or '{given[1]}'"
            help_ = "'args' can hold all arguments of a call, as an agent would send them."
            self._findings.error(Code.BAD_EXAMPLE, message, fields.place(given[1]), help=help_)
            return None
        if given != ["args"]:
            texts = {key: fields.text(key) for key in given}
            return texts if all(texts.values()) else None
        entry = fields.entry("args")
        assert entry is not None  # noqa: S101 - it was given
        if isinstance(entry.value, MappingNode):
            arguments: dict[str, Any] = plain(entry.value)
            return arguments
        message = f"'args' must be a mapping of arguments, not {describe(entry.value)}"
        self._findings.error(Code.WRONG_TYPE, message, entry.value)
        return None

    def _example(
        self, tool: str, args: Mapping[str, Any], allowed: bool, at: Position
    ) -> Iterator[Example]:
        if len(str(args)) > MAX_CALL:
            message = f"The arguments of an example have at most {MAX_CALL} characters"
            self._findings.error(Code.TOO_LARGE, message, at)
            return
        yield Example(self._rules.phase, tool, args, allowed, at, self._rules.position)
