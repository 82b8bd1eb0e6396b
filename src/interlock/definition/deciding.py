"""Where in the file a decision on a call was written: the very pattern, command or list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from interlock.core.model import Position
from interlock.core.policy.names import KIN, canonical
from interlock.core.reasons import Reason
from interlock.definition.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

__all__ = ["Places"]

_LISTS: Final = {
    "command.forbidden": ("forbidden_commands", "forbidden"),
    "command.not_allowed": ("allowed_commands", ""),
    "command.opaque": ("allowed_commands", ""),
    "command.redirect": ("allowed_commands", ""),
    "path.forbidden": ("forbidden_patterns", "pattern"),
    "path.not_allowed": ("allowed_patterns", ""),
    "tool.forbidden": ("forbidden_tools", "tool"),
    "tool.not_allowed": ("allowed_tools", ""),
    "tool.unknown": ("allowed_tools", ""),
    "tool.allowed": ("allowed_tools", "tool"),
    "command.allowed": ("allowed_commands", "allowed"),
    "path.allowed": ("allowed_patterns", "allowed"),
}
"""Rule → the list that decides, and the fact that names the item of it."""


class Places:
    """The places of one file's rules.

    Args:
        root: the file as it was read.
        extra: names of tools that it declares.
    """

    def __init__(self, root: Node, extra: Sequence[str] = ()) -> None:
        self._root = root
        self._extra = extra

    def deciding(self, reason: Reason) -> Position | None:
        """The line that a reason comes from; ``None`` if it does not stand in the file."""
        if reason.rule == "path.protected":
            pattern = str(reason.facts.get("pattern", ""))
            return next(iter(_items(self._root, "protected_paths", [pattern])), None)
        key, fact = _LISTS.get(reason.rule, ("", ""))
        rules = self._rules.get(reason.position) if key and reason.position else None
        if rules is None or key not in rules.entries:
            return reason.position
        wanted = str(reason.facts.get(fact, ""))
        names: Iterable[str] = self._spellings(rules, key, wanted) if fact == "tool" else [wanted]
        return next(iter(_items(rules, key, names)), rules.entries[key].key.position)

    def _spellings(self, rules: MappingNode, key: str, tool: str) -> Iterator[str]:
        """How the list calls a tool, or the one whose permission it takes over."""
        written = [item.raw for item in _scalars(rules, key)]
        name: str | None = tool
        while name:
            yield from (text for text in written if canonical(text, self._extra) == name)
            name = KIN.get(name)

    @cached_property
    def _rules(self) -> Mapping[Position, MappingNode]:
        """Where a phase or a constraint says that it stands → its keys."""
        found: dict[Position, MappingNode] = {}
        for phase in _below(self._root, "phases"):
            if isinstance(phase, MappingNode):
                found[phase.position] = phase
                constraints = phase.entries.get("tool_constraints")
                if constraints and isinstance(constraints.value, MappingNode):
                    for entry in constraints.value.entries.values():
                        if isinstance(entry.value, MappingNode):
                            found[entry.key.position] = entry.value
        return found


def _items(node: Node, key: str, texts: Iterable[str]) -> Iterator[Position]:
    """Where the texts stand in the list below a key."""
    for text in texts:
        yield from (item.position for item in _scalars(node, key) if item.raw == text)


def _scalars(node: Node, key: str) -> Iterator[ScalarNode]:
    return (item for item in _below(node, key) if isinstance(item, ScalarNode))


def _below(node: Node, key: str) -> Sequence[Node]:
    entry = node.entries.get(key) if isinstance(node, MappingNode) else None
    return entry.value.items if entry and isinstance(entry.value, SequenceNode) else ()
