"""Trees of plain files in a repository of their own, as the judge takes them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from interlock.adapters.trees.repository import Repository

__all__ = ["Tree", "Trees"]

Tree = Mapping[str, bytes]
"""Path → contents."""


class Trees:
    """A bare repository that trees are stored in.

    Args:
        directory: made anew, removed at the end.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        shutil.rmtree(directory, ignore_errors=True)
        user = directory / "user"
        user.mkdir(parents=True)
        commit = ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
        for words in (("init", "-q", "-b", "main"), (*commit, "--allow-empty")):
            subprocess.run(["git", "-C", str(user), *words], check=True)
        self.repository = Repository.create(directory / "repo.git", user)
        self._empty = self.repository.fetch_base(user).tree

    def store(self, tree: Tree) -> str:
        """Oid of a tree with exactly these files."""
        return self.repository.replace(self._empty, dict(tree))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)
