"""A built environment: where it lies, what it needs beside itself, and that it stays while it is
used.

``ready.json`` is written last, and says which directory it stands for: an environment that is built
again replaces the old one for those who come later, under the feet of nobody.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.adapters.judge.environment_files import remove
from interlock.errors import NotFoundError
from interlock.ports.confinement import Mount

__all__ = ["READY", "Built", "Held", "is_held", "made_by", "of_root", "take_away"]

READY = "ready.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One built environment.

    Args:
        digest: what it is known by.
        root: what is mounted at ``/env``.
        mounts: the interpreter, at its own path.
        about: how it came about, for people.
    """

    digest: str
    root: Path
    mounts: tuple[Mount, ...]
    about: Mapping[str, Any]

    @classmethod
    def at(cls, home: Path) -> Built:
        """The environment in a directory.

        Raises:
            NotFoundError: there is none, or only a part of one (IL-JUD-005).
        """
        try:
            about = json.loads((home / READY).read_bytes())
        except FileNotFoundError:
            raise _not_built(home.name) from None
        root = home / str(about["root"])
        if not root.is_dir():
            raise _not_built(home.name)
        prefix = str(about["prefix"])
        mounts = (Mount(source=prefix, target=prefix),) if prefix else ()
        return cls(digest=home.name, root=root, mounts=mounts, about=about)

    @property
    def made(self) -> Mapping[str, Path]:
        """Paths that the recipe made in the tree → where they are kept."""
        place = made_by(self.root)
        return {path: place / path for path in self.about["made"]}


def of_root(root: Path) -> Built:
    """The environment that a root belongs to.

    Raises:
        NotFoundError: it is gone (IL-JUD-005).
    """
    return Built.at(root.parent)


class Held:
    """Keeps an environment where it is, until ``close`` or the end of the process.

    Args:
        root: of the environment.

    Raises:
        NotFoundError: it was just removed (IL-JUD-005).
    """

    def __init__(self, root: Path) -> None:
        try:
            self._descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise _not_built(root.parent.name) from None
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        if not root.is_dir() or not os.path.samestat(root.stat(), os.fstat(self._descriptor)):
            self.close()
            raise _not_built(root.parent.name)

    def close(self) -> None:
        """Let go. May be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_held(root: Path) -> bool:
    """Whether somebody uses an environment at the moment, in any process."""
    return not _alone(root, lambda: None)


def take_away(root: Path) -> bool:
    """Remove an environment's directory unless it is used; whether it is gone.

    It loses its name while nobody can begin to use it, so that who comes later finds none.
    """
    gone = root.with_name(f"{root.name}.gone")
    if not _alone(root, lambda: root.rename(gone)):
        return False
    remove(gone)
    remove(made_by(root))
    return True


def made_by(root: Path) -> Path:
    """Where the files lie that a recipe made in its copy of the base."""
    return root.with_name(f"{root.name}.made")


def _alone(root: Path, act: Callable[[], object]) -> bool:
    """Do something while nobody uses an environment; false if somebody does."""
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        act()
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _not_built(digest: str) -> NotFoundError:
    return NotFoundError(
        f"environment {digest[:12]} is not built",
        code="IL-JUD-005",
        remedy="interlock environment build",
    )
