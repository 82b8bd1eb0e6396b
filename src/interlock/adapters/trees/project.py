"""One project as the engine sees it: its bare repository together with the person's
(``ports.vcs``)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from interlock.adapters.trees.bases import Base
from interlock.adapters.trees.imports import Import
from interlock.adapters.trees.repository import Repository
from interlock.core.facts import TreeChange
from interlock.errors import NotFoundError

__all__ = ["Project"]


class Project:
    """Binds the two repositories.

    Args:
        repository: ours, bare.
        user_repo: the person's; only ``base`` and ``land`` look at it.
    """

    def __init__(self, repository: Repository, user_repo: Path) -> None:
        self._repository = repository
        self._user_repo = user_repo

    def base(self) -> Base:
        """Commit and tree of the person's HEAD, brought into the bare repository."""
        return self._repository.fetch_base(self._user_repo)

    def keep(self, tree: str, ref: str, *, parent: str) -> str:
        """A commit of ``tree`` under ``ref``, so that it is never collected."""
        return self._repository.keep(tree, ref, parent=parent)

    def diff(self, old: str, new: str) -> tuple[TreeChange, ...]:
        """Paths that differ between two trees."""
        return self._repository.diff(old, new)

    def paths(self, tree: str) -> tuple[str, ...]:
        """Every path of a tree."""
        return tuple(os.fsdecode(path) for path in self._repository.entries(tree))

    def read(self, tree: str, path: str) -> bytes | None:
        """Contents of a path, ``None`` if it is not there."""
        try:
            return self._repository.read(tree, path)
        except NotFoundError:
            return None

    def take(self, start: str, may_write: Callable[[str], str | None]) -> Import:
        """Begin an import against the tree that the phase started from."""
        return Import(self._repository, start, may_write)

    def land(self, branch: str, tree: str, parent: str, message: str) -> str:
        """One commit of exactly ``tree`` on a branch of the person's repository."""
        return self._repository.land(self._user_repo, branch, tree, parent, message)
