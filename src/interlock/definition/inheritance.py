"""A workflow file together with what it builds on: ``extends``, followed to its end.

``extends: tdd`` names a pack that comes with Interlock, ``extends: ./team.yaml`` a file of the same
tree and revision, beside the one that says it. Nothing else is ever read: no path that leaves the
tree, no link's target, no address. A pack builds on packs alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from interlock.core.model import Position
from interlock.definition.builtin import pack_names, pack_text
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings, Related
from interlock.definition.merge import merge
from interlock.definition.variables import check_override, substitute
from interlock.definition.yaml_compose import MAX_NODES, compose
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

__all__ = ["MAX_FILES", "Resolved", "is_file", "pack_file", "resolve"]

MAX_FILES: Final = 8
"""In one chain, the file itself included."""

_PLAIN = re.compile(
    r"[\w][\w.+@ -]*|\.[\w][\w.+@ -]*"
)  # a part of a path that no glob reads otherwise
_PROTECTED = "protected_paths"
_ALWAYS_PROTECTED = (".orchestrator/", "agent_workflow.")


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the readers see.

    Args:
        node: the tree, each node with the place it was written at.
        packs: those in the chain, the nearest first; their schemas come along.
    """

    node: Node
    packs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Link:
    """One file of the chain; ``pack`` is empty for a file of the tree."""

    file: str
    path: str
    pack: str
    text: str

    @property
    def identity(self) -> tuple[str, str]:
        return (self.pack, "") if self.pack else ("", self.path)


def is_file(name: str) -> bool:
    """Whether a name means a file, and not a pack."""
    return "/" in name or name.endswith((".yaml", ".yml"))


def pack_file(name: str) -> str:
    """What positions in a pack's workflow say."""
    return f"packs/{name}/workflow.yaml"


def resolve(
    text: str,
    *,
    file: str,
    read: Callable[[str], bytes | None],
    findings: Findings,
    sources: dict[str, str],
    pack: str = "",
) -> Resolved | None:
    """Follow ``extends`` and ``variables``.

    Args:
        text: of the file itself.
        file: its path from the tree's root, for positions too.
        read: path from the tree's root → content, ``None`` if there is none.
        findings: takes what is wrong.
        sources: takes the text of every file that was read.
        pack: the pack that the text belongs to, if it is one's.

    Returns:
        ``None`` when there is nothing that readers could look at.
    """
    chain = _Chain(read, findings, sources)
    nodes = chain.follow(_Link(file, posixpath.normpath(file), pack, text))
    if not nodes:
        return None
    node = nodes[-1]
    for over in reversed(nodes[:-1]):
        if isinstance(node, MappingNode) and isinstance(over, MappingNode):
            check_override(node, over, findings)
            node = merge(node, over, findings)
    if isinstance(node, MappingNode) and node.size <= MAX_NODES:
        whole = substitute(chain.protected(node), file, findings)
        if whole is None:
            return None
        node = whole
    if node.size > MAX_NODES:
        message = f"More than {MAX_NODES} values with what the file builds on and puts in"
        findings.error(Code.TOO_LARGE, message, Position(file, 1, 1))
        return None
    return Resolved(node, tuple(link.pack for link in chain.links if link.pack))


class _Chain:
    """Reads one file after the other, each once."""

    def __init__(
        self,
        read: Callable[[str], bytes | None],
        findings: Findings,
        sources: dict[str, str],
    ) -> None:
        self._read = read
        self._findings = findings
        self._sources = sources
        self.links: list[_Link] = []
        self._said: list[Node] = []  # the value of ``extends`` in each of them

    def follow(self, link: _Link) -> list[Node]:
        """The trees of the files, the first one first; empty if one of them cannot be had."""
        nodes: list[Node] = []
        following: _Link | None = link
        while following is not None:
            self.links.append(following)
            self._sources[following.file] = following.text
            node = compose(following.text, file=following.file, findings=self._findings)
            if node is None or (nodes and not isinstance(node, MappingNode)):
                self._unusable(node)
                return []
            nodes.append(node)
            entry = node.entries.get("extends") if isinstance(node, MappingNode) else None
            if entry is None:
                return nodes
            self._said.append(entry.value)
            following = self._parent(entry.value, following)
        return []

    def _unusable(self, node: Node | None) -> None:
        if self._said and (node is not None or not self._findings.failed):
            found = "nothing" if node is None else describe(node)
            message = f"A workflow must be a mapping of keys, not {found}"
            related = [Related("built on here", self._said[-1].position)]
            at = node or Position(self.links[-1].file, 1, 1)
            self._findings.error(Code.WRONG_TYPE, message, at, related=related)

    def _parent(self, value: Node, link: _Link) -> _Link | None:
        if not isinstance(value, ScalarNode) or not isinstance(value.value, str):
            message = f"'extends' must be the name of a pack or of a file, not {describe(value)}"
            self._findings.error(
                Code.WRONG_TYPE, message, value, help="Write 'extends: tdd' or a path: ./team.yaml"
            )
            return None
        found = self._file(value, link) if is_file(value.value) else self._pack(value)
        if found is None:
            return None
        if found.identity in (earlier.identity for earlier in self.links):
            self._cycle(found, value)
            return None
        if len(self.links) >= MAX_FILES:
            message = f"More than {MAX_FILES} files build on each other"
            self._findings.error(Code.TOO_LARGE, message, value)
            return None
        return found

    def _pack(self, value: ScalarNode) -> _Link | None:
        name, known = value.raw, pack_names()
        if name in known:
            return _Link(pack_file(name), "", name, pack_text(name))
        hint = self._findings.did_you_mean(name, known)
        self._findings.error(
            Code.NO_PARENT,
            f"There is no pack '{name[:80]}'",
            value,
            help=f"{hint} A file of the tree is written as a path: ./team.yaml".strip(),
        )
        return None

    def _file(self, value: ScalarNode, link: _Link) -> _Link | None:
        if link.pack:
            message = f"The pack '{link.pack}' can build on packs alone, not on files"
            self._findings.error(Code.PARENT_REFUSED, message, value)
            return None
        path = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), value.raw))
        if "//" in value.raw or not all(map(_PLAIN.fullmatch, path.split("/"))):
            self._findings.error(
                Code.PARENT_REFUSED,
                f"'{value.raw[:80]}' is no path of a file in this tree",
                value,
                help="Only files of the same revision are read: a path from this file, such as "
                "./team.yaml, of letters, digits and _ . - + @",
            )
            return None
        data = self._read(path)
        if data is None:
            message = f"There is no file '{path}' in this tree"
            self._findings.error(
                Code.NO_PARENT, message, value, help="It has to be committed with this one."
            )
            return None
        shown = f"./{path}" if path in map(pack_file, pack_names()) else path
        return _Link(shown, path, "", data.decode(errors="surrogateescape"))

    def _cycle(self, found: _Link, value: Node) -> None:
        files = [link.file for link in self.links]
        start = [link.identity for link in self.links].index(found.identity)
        related = [Related("built on here", said.position) for said in self._said[start:-1]]
        self._findings.error(
            Code.PARENT_CYCLE,
            f"'{found.file}' builds on itself: {' → '.join([*files[start:], found.file])}",
            value,
            related=related,
        )

    def protected(self, node: MappingNode) -> MappingNode:
        """The tree with the files that it was built from among its protected paths.

        An agent that could change what a workflow is built on could change the next workflow.
        """
        paths = {
            link.path: said
            for link, said in zip(self.links[1:], self._said, strict=False)
            if link.path and not link.path.startswith(_ALWAYS_PROTECTED)
        }
        entry = node.entries.get(_PROTECTED)
        if not paths or (entry is not None and not isinstance(entry.value, SequenceNode)):
            return node
        at = next(iter(paths.values())).position
        items: list[Node] = [
            ScalarNode(said.position, f"/{path}", f"/{path}") for path, said in paths.items()
        ]
        if entry is None:
            entry = Entry(ScalarNode(at, _PROTECTED, _PROTECTED), SequenceNode(at))
        listed = entry.value.items if isinstance(entry.value, SequenceNode) else []
        value = sequence_of(entry.value.position, [*listed, *items])
        return mapping_of(node.position, {**node.entries, _PROTECTED: Entry(entry.key, value)})
