"""``variables``: values with a name, put in wherever ``${name}`` stands in a value.

A value that is nothing but ``${name}`` becomes the variable with its type, and a list's item that
is nothing but a list's name becomes its items; inside of text the value is put in as text. ``$${``
stands for ``${``. Nothing is replaced in keys, in what says which item one is, in ``schemas``, and
in files that have no variables.

The values come from the workflow files alone, an extending file's before its parent's. A server's
configuration and environment have no say: a task is held to what stands in its base revision.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings, Related
from interlock.definition.merge import OPAQUE, identity_keys
from interlock.definition.yaml_nodes import (
    Entry,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    describe,
    mapping_of,
    sequence_of,
)

__all__ = ["MAX_GROWTH", "check_override", "substitute"]

MAX_GROWTH: Final = 1 << 20
"""Characters that variables may put in, all together; a value counts as some of them besides."""

_KEY = "variables"
_PER_VALUE = 16
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_USE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_WHOLE = re.compile(r"\$\{([^}]*)\}")


def check_override(base: MappingNode, over: MappingNode, findings: Findings) -> None:
    """Report each variable that an extending file gives another type than its parent did."""
    known, given = _section(base), _section(over)
    for name, entry in given.items():
        if name not in known or isinstance(entry.value, MappingNode):
            continue
        wanted, found = _kind(known[name].value), _kind(entry.value)
        if wanted != found:
            findings.error(
                Code.WRONG_TYPE,
                f"The variable '{name}' is {wanted}, not {found}",
                entry.value,
                related=[Related("the parent's value", known[name].value.position)],
            )


def substitute(root: MappingNode, file: str, findings: Findings) -> MappingNode | None:
    """The tree without ``variables``, and with their values where they are used.

    Args:
        root: the tree of a file together with what it builds on.
        file: that file; of its own variables each has to be used.
        findings: takes what is wrong.

    Returns:
        ``None`` when they would put in too much.
    """
    if _KEY not in root.entries:
        return root
    section = root.entries[_KEY].value
    if not isinstance(section, MappingNode):
        message = f"'variables' must be a mapping of names, not {describe(section)}"
        findings.error(Code.WRONG_TYPE, message, section)
    work = _Substitution(_section(root), findings)
    entries = {
        name: entry if name in OPAQUE else Entry(work.key(entry.key), work.value(entry.value, name))
        for name, entry in root.entries.items()
        if name != _KEY
    }
    if work.is_over:
        return None
    work.report_unused(file)
    return mapping_of(root.position, entries)


class _Substitution:
    """Puts values in; counts what they add, so that a short file cannot stand for a huge one."""

    def __init__(self, variables: Mapping[str, Entry], findings: Findings) -> None:
        self._findings = findings
        self._variables = {
            name: entry for name, entry in variables.items() if self._is_usable(entry)
        }
        self._broken = variables.keys() - self._variables.keys()
        self._weights = {name: _weight(entry.value) for name, entry in self._variables.items()}
        self._used: set[str] = set()
        self._room = MAX_GROWTH

    @property
    def is_over(self) -> bool:
        """Whether more was asked for than is put in."""
        return self._room < 0

    def report_unused(self, file: str) -> None:
        """Warn about the file's own variables that stand nowhere."""
        for name, entry in self._variables.items():
            if name not in self._used and entry.key.position.file == file:
                message = f"The variable '{name}' is used nowhere"
                hint = f"Write ${{{name}}} where its value belongs, or take it out."
                self._findings.warning(Code.VARIABLE_UNUSED, message, entry.key, help=hint)

    def key(self, key: ScalarNode) -> ScalarNode:
        """The key as it is; one with a variable is reported."""
        if _WHOLE.search(key.raw):
            message = f"A variable cannot stand in a key: '{key.raw[:80]}'"
            self._findings.error(Code.VARIABLE_MISPLACED, message, key)
        return key

    def value(self, node: Node, path: str) -> Node:
        """The node with values put in; the same node if there is none to put in."""
        match node:
            case ScalarNode():
                return self._scalar(node)
            case SequenceNode():
                return self._sequence(node, f"{path}[]")
            case MappingNode():
                return self._mapping(node, path)

    def _mapping(self, node: MappingNode, path: str) -> MappingNode:
        fixed = identity_keys(path)
        entries: dict[str, Entry] = {}
        for name, entry in node.entries.items():
            self.key(entry.key)
            if name in fixed:
                self._check_fixed(name, entry.value)
                entries[name] = entry
                continue
            value = self.value(entry.value, f"{path}.{name}")
            entries[name] = entry if value is entry.value else Entry(entry.key, value)
        same = all(entries[name] is entry for name, entry in node.entries.items())
        return node if same else mapping_of(node.position, entries)

    def _check_fixed(self, name: str, node: Node) -> None:
        if isinstance(node, ScalarNode) and _WHOLE.search(node.raw):
            self._findings.error(
                Code.VARIABLE_MISPLACED,
                f"'{name}' says which item this is, so no variable can stand in it",
                node,
                help="Write it out.",
            )

    def _sequence(self, node: SequenceNode, path: str) -> SequenceNode:
        found: list[Node] = []
        for item in node.items:
            value = self.value(item, path)
            is_spliced = isinstance(item, ScalarNode) and isinstance(value, SequenceNode)
            found += value.items if is_spliced and isinstance(value, SequenceNode) else [value]
        same = len(found) == len(node.items) and all(map(_is, found, node.items))
        return node if same else sequence_of(node.position, found)

    def _scalar(self, node: ScalarNode) -> Node:
        if not isinstance(node.value, str) or "${" not in node.value or self.is_over:
            return node
        whole = _WHOLE.fullmatch(node.value)
        if whole:
            return self._whole(whole[1], node)
        text = _USE.sub(lambda use: self._text(use, node), node.value)
        if not self._has_room(len(text), node):
            return node
        return ScalarNode(node.position, text, text)

    def _whole(self, name: str, node: ScalarNode) -> Node:
        value = self._find(name, node)
        if value is None or not self._has_room(self._weights[name], node):
            return node
        # The value decides, so it is what a caret or a reason points at; the use is named beside.
        for part in (value, *(value.items if isinstance(value, SequenceNode) else ())):
            self._findings.note(part.position, Related("put in here", node.position))
        return value

    def _text(self, use: re.Match[str], node: ScalarNode) -> str:
        if use[0] == "$${":
            return "${"
        if not use[2]:
            self._findings.error(
                Code.VARIABLE_MISPLACED,
                "'${' begins a variable and no '}' ends it",
                node,
                help="Write $${ for the two characters themselves.",
            )
            return use[0]
        value = self._find(use[1], node)
        if isinstance(value, ScalarNode):
            return value.raw if self._has_room(len(value.raw), node) else ""
        if value is not None:
            message = f"The variable '{use[1]}' is a list and cannot stand inside of text"
            related = [Related("its value", value.position)]
            self._findings.error(Code.WRONG_TYPE, message, node, related=related)
        return use[0]

    def _find(self, name: str, node: ScalarNode) -> Node | None:
        self._used.add(name)
        if name in self._variables:
            return self._variables[name].value
        if name not in self._broken:
            hint = self._findings.did_you_mean(name, self._variables)
            self._findings.error(
                Code.UNKNOWN_VARIABLE,
                f"There is no variable '{name[:80]}'",
                node,
                help=f"{hint} Write $${{ where ${{ is meant for a shell.".strip(),
            )
        return None

    def _has_room(self, weight: int, node: ScalarNode) -> bool:
        had_room = not self.is_over
        self._room -= weight
        if self.is_over and had_room:
            message = f"Variables put in more than {MAX_GROWTH} characters"
            self._findings.error(Code.TOO_LARGE, message, node)
        return not self.is_over

    def _is_usable(self, entry: Entry) -> bool:
        """Whether a variable has a name and a value that can be put in; else that is reported."""
        name, value = entry.key.raw, entry.value
        if not _NAME.fullmatch(name):
            message = f"'{name[:80]}' cannot be the name of a variable"
            hint = "Use letters, digits and _ and start with a letter."
            self._findings.error(Code.BAD_VALUE, message, entry.key, help=hint)
            return False
        parts = value.items if isinstance(value, SequenceNode) else [value]
        for part in parts:
            if not isinstance(part, ScalarNode) or part.value is None:
                message = f"The variable '{name}' can be text, a number, true or false, or a list "
                message += f"of these, not {describe(part)}"
                self._findings.error(Code.WRONG_TYPE, message, part)
                return False
            if isinstance(part.value, str) and "${" in part.value:
                message = f"The variable '{name}' uses a variable: a value is no formula"
                hint = "Put the variables together where they are used."
                self._findings.error(Code.VARIABLE_MISPLACED, message, part, help=hint)
                return False
        return True


def _section(root: MappingNode) -> Mapping[str, Entry]:
    entry = root.entries.get(_KEY)
    return entry.value.entries if entry and isinstance(entry.value, MappingNode) else {}


def _kind(node: Node) -> str:
    match node:
        case ScalarNode(value=bool()):
            return "true or false"
        case ScalarNode(value=int() | float()):
            return "a number"
        case _:
            return describe(node)


def _weight(node: Node) -> int:
    parts = node.items if isinstance(node, SequenceNode) else [node]
    return _PER_VALUE * node.size + sum(
        len(part.raw) for part in parts if isinstance(part, ScalarNode)
    )


def _is(one: Node, other: Node) -> bool:
    return one is other
