"""What an extending file changes in the file that it builds on, as one tree of nodes.

- Mappings merge key by key; any other value replaces that of the parent.
- The lists of ``KEYED`` merge item by item: an item with the identity of one of the parent's
  changes it where it stands, others come at the end (a phase: where ``before`` or ``after`` says).
- Every other list replaces the parent's.
- ``examples`` try the rules beside them: the parent's do not come along where these are changed.
- ``remove: true`` as all that an item says (besides its identity), or as all that a key's mapping
  says, takes out what the parent has there. A phase's transitions go with it.

Every node keeps the place at which it was written. A mapping that both files write stands where the
extending one writes it if that says something of its own there, else where the parent does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings, Related
from interlock.definition.yaml_nodes import (
    Entry,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    mapping_of,
    sequence_of,
)

__all__ = ["KEYED", "OPAQUE", "identity_keys", "merge"]

KEYED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "phases": ("id",),
        "phases[].required_artifacts": ("type",),
        "phases[].required_artifacts[].validation": ("rule",),
        "phases[].gates": ("id",),
        "phases[].gates[].blockers": ("check",),
        "transitions": ("from", "to"),
        "environment.services": ("name",),
    }
)
"""Path of a list → the keys that say which of its items one is."""

OPAQUE: Final = frozenset({"schemas"})
"""Mappings whose values are documents of another language: they replace the parent's whole."""

_REPEATED = "phases[].gates[].blockers"  # one check several times: a gate with two commands
_REMOVE, _BEFORE, _AFTER = "remove", "before", "after"
_EXAMPLES = "examples"
_PLACING = (_BEFORE, _AFTER)
_SHOWN = frozenset({"name", "description", "message"})  # decides nothing
_MOST_PLACED = 1024  # more phases than are ever read

_Identity = tuple[str, ...]
_Slots = dict[_Identity | int, list[Node]]


def merge(base: MappingNode, over: MappingNode, findings: Findings) -> MappingNode:
    """The parent's tree with what the extending file changes; ``extends`` itself is left out."""
    written = {name: entry for name, entry in over.entries.items() if name != "extends"}
    top = mapping_of(over.position, written)
    merged = _Merger(findings).mapping(_without_dangling(base, top), top, "")
    return mapping_of(over.position, merged.entries)


def identity_keys(path: str) -> tuple[str, ...]:
    """The keys by which a mapping at a path such as ``phases[]`` is known; none for most."""
    return KEYED.get(path.removesuffix("[]"), ()) if path.endswith("[]") else ()


class _Merger:
    """Merges one pair of files."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def mapping(self, base: MappingNode, over: MappingNode, path: str) -> MappingNode:
        entries = dict(base.entries)
        own = frozenset(identity_keys(path))
        says_something = not base.entries
        for name, entry in over.entries.items():
            there = entries.get(name)
            if _is_removal(entry.value):
                self._take_out(entries, entry, path)
                continue
            below = f"{path}.{name}" if path else name
            parent = there.value if there else None
            value = entry.value if path in OPAQUE else self._value(parent, entry.value, below)
            stands_here = there is None or value.position == entry.value.position
            entries[name] = Entry(entry.key if stands_here or there is None else there.key, value)
            if name not in own | _SHOWN and not _is_merged(entry.value, below):
                says_something = True
        if says_something and _EXAMPLES not in over.entries:
            entries.pop(_EXAMPLES, None)
        return mapping_of(over.position if says_something else base.position, entries)

    def _value(self, base: Node | None, over: Node, path: str) -> Node:
        if isinstance(over, MappingNode):
            parent = base if isinstance(base, MappingNode) else MappingNode(over.position)
            return self.mapping(parent, over, path)
        if isinstance(over, SequenceNode) and path in KEYED:
            items = base.items if isinstance(base, SequenceNode) else []
            return self._keyed(base if items else None, items, over, path)
        return over

    def _take_out(self, entries: dict[str, Entry], entry: Entry, path: str) -> None:
        name = entry.key.raw
        if entries.pop(name, None) is None:
            self._nothing(f"'{name}'", entry.key, name, entries)

    def _keyed(
        self, base: Node | None, items: list[Node], over: SequenceNode, path: str
    ) -> SequenceNode:
        if base is not None and not over.items:
            self._findings.error(
                Code.BAD_MERGE,
                "An empty list changes nothing here: items merge with those of the parent",
                over,
                help="Take items out one by one with 'remove: true'.",
                related=[Related("the parent's list", base.position)],
            )
        slots, given = _slots(items, path), _slots(over.items, path)
        places: dict[_Identity, Entry] = {}
        for name, group in given.items():
            if isinstance(name, int):
                slots[name] = group
                continue
            changes = self._placed(name, group, places) if path == "phases" else group
            slots[name] = self._slot(name, changes, path, slots)
        order = [name for name, held in slots.items() if held]
        self._place(order, places)
        found = [node for name in order for node in slots[name]]
        return sequence_of(base.position if base is not None else over.position, found)

    def _slot(
        self,
        name: _Identity,
        group: list[Node],
        path: str,
        slots: _Slots,
    ) -> list[Node]:
        """What becomes of the items of one identity."""
        there = slots.get(name, [])
        removing = [n for n in group if isinstance(n, MappingNode) and _REMOVE in n.entries]
        if removing:
            return self._removed(name, there, removing[0], path, slots)
        fresh = MappingNode(group[0].position)
        if not there or (path == _REPEATED and len(there) + len(group) > 2):
            return [self._item(fresh, node, path) for node in group]
        # Of the others each identity stands once; what is too many is for their readers to report.
        return [self._item(there[0], group[0], path), *there[1:], *group[1:]]

    def _item(self, base: Node, over: Node, path: str) -> Node:
        if isinstance(base, MappingNode) and isinstance(over, MappingNode):
            return self.mapping(base, over, f"{path}[]")
        return over

    def _removed(
        self, name: _Identity, there: list[Node], item: MappingNode, path: str, slots: _Slots
    ) -> list[Node]:
        shown = " → ".join(name)
        others = [key for key in item.entries if key not in (_REMOVE, *KEYED[path])]
        flag = item.entries[_REMOVE].value
        if others or not _is_true(flag):
            self._findings.error(
                Code.BAD_MERGE,
                f"What is taken out says 'remove: true' and nothing else, not '{others[0]}'"
                if others
                else "'remove' can only be true",
                item.entries[others[0]].key if others else flag,
                help="Take the line out to keep the item.",
            )
        elif not there:
            known = [" → ".join(key) for key in slots if isinstance(key, tuple)]
            self._nothing(f"'{shown}' in '{path.rpartition('.')[2]}'", item, shown, known)
        return []

    def _nothing(self, what: str, at: Node, name: str, known: Iterable[str]) -> None:
        self._findings.error(
            Code.NOTHING_THERE,
            f"There is no {what} to take out",
            at,
            help=self._findings.did_you_mean(name, known),
        )

    def _placed(
        self, name: _Identity, group: list[Node], places: dict[_Identity, Entry]
    ) -> list[Node]:
        """The phases without ``before`` and ``after``, which are noted."""
        found: list[Node] = []
        for node in group:
            wanted = [] if not isinstance(node, MappingNode) else _placing(node)
            if len(wanted) > 1:
                message = "A phase comes 'before' or 'after' another one, not both"
                self._findings.error(Code.BAD_MERGE, message, wanted[1].key)
            if not isinstance(node, MappingNode) or not wanted:
                found.append(node)
                continue
            places[name] = wanted[0]
            rest = {key: entry for key, entry in node.entries.items() if key not in _PLACING}
            found.append(mapping_of(node.position, rest))
        return found

    def _place(self, order: list[_Identity | int], places: Mapping[_Identity, Entry]) -> None:
        if len(order) > _MOST_PLACED:
            return
        for name, entry in places.items():
            target = (entry.value.raw,) if isinstance(entry.value, ScalarNode) else ("",)
            known = [key[0] for key in order if isinstance(key, tuple) and key != name]
            if name not in order:
                continue
            if target[0] not in known:
                message = f"There is no other phase '{target[0]}' to stand {entry.key.raw}"
                hint = self._findings.did_you_mean(target[0], known)
                self._findings.error(Code.NOTHING_THERE, message, entry.value, help=hint)
                continue
            order.remove(name)
            order.insert(order.index(target) + (entry.key.raw == _AFTER), name)


def _slots(items: Iterable[Node], path: str) -> _Slots:
    """The items by identity, in order; one without (its reader reports it) stands alone."""
    found: _Slots = {}
    for item in items:
        found.setdefault(_identity(item, KEYED[path]) or id(item), []).append(item)
    return found


def _identity(node: Node, keys: Iterable[str]) -> _Identity | None:
    if not isinstance(node, MappingNode):
        return None
    parts = [node.entries[key].value for key in keys if key in node.entries]
    found = tuple(part.raw for part in parts if isinstance(part, ScalarNode))
    return found if len(found) == len(tuple(keys)) else None


def _is_removal(node: Node) -> bool:
    """Whether a key's value says ``{remove: true}`` and nothing else."""
    if not isinstance(node, MappingNode) or set(node.entries) != {_REMOVE}:
        return False
    return _is_true(node.entries[_REMOVE].value)


def _is_true(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is True


def _is_merged(node: Node, path: str) -> bool:
    """Whether a value is looked into instead of taken as it stands."""
    return isinstance(node, MappingNode) or (isinstance(node, SequenceNode) and path in KEYED)


def _placing(node: MappingNode) -> list[Entry]:
    return [node.entries[key] for key in _PLACING if key in node.entries]


def _without_dangling(base: MappingNode, over: MappingNode) -> MappingNode:
    """The parent without the transitions of the phases that the extending file takes out."""
    phases, edges = over.entries.get("phases"), base.entries.get("transitions")
    if phases is None or edges is None:
        return base
    if not isinstance(phases.value, SequenceNode) or not isinstance(edges.value, SequenceNode):
        return base
    gone = {
        name
        for item in phases.value.items
        if isinstance(item, MappingNode) and _REMOVE in item.entries
        for name in _identity(item, ("id",)) or ()
    }
    kept = [
        edge
        for edge in edges.value.items
        if gone.isdisjoint(_identity(edge, KEYED["transitions"]) or ())
    ]
    value = sequence_of(edges.value.position, kept)
    return mapping_of(base.position, {**base.entries, "transitions": Entry(edges.key, value)})
