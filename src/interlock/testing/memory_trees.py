"""A repository without git: trees are dictionaries, oids are real digests of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from interlock.core.facts import ChangeKind, TreeChange
from interlock.errors import NotFoundError

__all__ = ["Files", "MemoryTrees"]

Files = Mapping[str, str]
"""Path → text."""


@dataclass(frozen=True, slots=True)
class _Revert:
    path: bytes
    mode: bytes | None
    data: bytes | None


@dataclass(frozen=True, slots=True)
class _Base:
    commit: str
    tree: str
    uncommitted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Imported:
    tree: str
    changes: tuple[TreeChange, ...]
    refused: Mapping[str, str]
    reverts: tuple[_Revert, ...]
    ignored: tuple[str, ...] = ()


@dataclass
class _Import:
    trees: MemoryTrees
    start: str
    may_write: Callable[[str], str | None]
    found: dict[str, str] = field(default_factory=dict)

    def directories(self) -> bytes:
        return b""

    def manifest(self, data: bytes) -> bytes | None:
        self.found = json.loads(data)
        return None

    def wanted(self) -> list[bytes]:
        return []

    def receive(self, asked: Sequence[bytes], body: bytes) -> list[bytes]:
        raise AssertionError("an in-memory walk has everything in its listing")

    def finish(self) -> _Imported:
        before = self.trees.files(self.start)
        refused: dict[str, str] = {}
        reverts = []
        taken = dict(self.found)
        for path in sorted({*before, *taken}):
            if before.get(path) == taken.get(path) or not (why := self.may_write(path)):
                continue
            refused[path] = why
            old = before.get(path)
            data = None if old is None else old.encode()
            reverts.append(_Revert(path.encode(), None if old is None else b"100644", data))
            if old is None:
                del taken[path]
            else:
                taken[path] = old
        tree = self.trees.put(taken)
        return _Imported(tree, self.trees.diff(self.start, tree), refused, tuple(reverts))


class MemoryTrees:
    """``ports.vcs.Repository`` in a dictionary.

    Args:
        files: of the base.

    Attributes:
        branches: branch → commit, of what was landed.
        landed: branch → tree, parent and message of that commit.
        refs: ref → tree, of what is kept.
        uncommitted: what the user's working tree is said to have besides.
    """

    def __init__(self, files: Files) -> None:
        self._trees: dict[str, dict[str, str]] = {}
        self._commits: dict[str, str] = {}
        self.branches: dict[str, str] = {}
        self.landed: dict[str, tuple[str, str, str]] = {}
        self.refs: dict[str, str] = {}
        self.uncommitted: tuple[str, ...] = ()
        tree = self.put(files)
        self._base = (self._commit(tree, "base"), tree)

    def put(self, files: Files) -> str:
        """The oid of a tree of these files."""
        text = json.dumps(dict(files), sort_keys=True)
        oid = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._trees[oid] = dict(files)
        return oid

    def files(self, tree: str) -> dict[str, str]:
        """Files of a tree or of a commit's tree."""
        return dict(self._trees[self._commits.get(tree, tree)])

    def _commit(self, tree: str, message: str) -> str:
        text = f"{tree}\0{message}"
        oid = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._commits[oid] = tree
        return oid

    def keep(self, tree: str, ref: str, *, parent: str) -> str:
        """A commit of the tree."""
        self.refs[ref] = tree
        return self._commit(tree, f"{ref} on {parent}")

    def diff(self, old: str, new: str) -> tuple[TreeChange, ...]:
        """Paths that differ."""
        before, after = self.files(old), self.files(new)
        changes = []
        for path in sorted({*before, *after}):
            if before.get(path) != after.get(path):
                kind = ChangeKind.MODIFIED
                kind = ChangeKind.ADDED if path not in before else kind
                kind = ChangeKind.DELETED if path not in after else kind
                changes.append(TreeChange(path=path, kind=kind))
        return tuple(changes)

    def paths(self, tree: str) -> tuple[str, ...]:
        """Every path of a tree."""
        return tuple(self.files(tree))

    def read(self, tree: str, path: str) -> bytes | None:
        """Contents of a path."""
        text = self.files(tree).get(path)
        return None if text is None else text.encode()

    def base(self) -> _Base:
        """The base's commit and tree."""
        return _Base(*self._base, self.uncommitted)

    def take(self, start: str, may_write: Callable[[str], str | None]) -> _Import:
        """Begin an import of what an in-memory session's ``walk`` gives."""
        return _Import(self, start, may_write)

    def land(self, branch: str, tree: str, parent: str, message: str) -> str:
        """A commit on a branch; the same one if it is there already."""
        if tree not in self._trees or parent not in self._commits:
            raise NotFoundError("no such tree or parent", code="IL-TST-001")
        commit = self._commit(tree, message)
        self.branches[branch] = commit
        self.landed[branch] = (tree, parent, message)
        return commit
