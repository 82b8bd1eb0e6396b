"""Where a person's repository is: found by looking, without git and without its configuration."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from interlock.errors import DeniedError, InvalidInputError, NotFoundError

__all__ = ["Located", "locate"]


@dataclass(frozen=True, slots=True)
class Located:
    """A repository on disk.

    Attributes:
        git_dir: of this working tree (``.git``, or what a ``.git`` file points to).
        common_dir: what all its working trees share; ``git_dir`` if it has only one.
        work_tree: ``None`` for a bare repository.
        uid: whose it is.
        gid: the group of what is written to it.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    uid: int
    gid: int

    @property
    def config(self) -> Path:
        """The file with its configuration."""
        return self.common_dir / "config"

    @property
    def name(self) -> str:
        """How a person would call it."""
        return str(self.work_tree or self.git_dir)

    def top(self) -> Path:
        """The top of its working tree.

        Raises:
            InvalidInputError: it is bare (``IL-TRE-025``).
        """
        if self.work_tree is None:
            raise InvalidInputError(
                f"{self.git_dir} is a bare repository, without files to set up or to look at",
                code="IL-TRE-025",
                remedy=f"git -C {self.git_dir} worktree add ../work, and run this in it",
            )
        return self.work_tree

    def require_access(self) -> None:
        """Make sure that what is made here can be written into it.

        Raises:
            DeniedError: it belongs to somebody else and we are not root (``IL-TRE-024``).
        """
        us = os.geteuid()
        parts = (self.common_dir / "objects", self.common_dir / "refs")
        if us in (0, self.uid) or all(os.access(part, os.W_OK | os.X_OK) for part in parts):
            return
        raise DeniedError(
            f"{self.name} belongs to user {self.uid}; user {us} cannot commit to it",
            code="IL-TRE-024",
            remedy=f"git clone {self.name}, and work in the clone; or have its owner run this",
        )


def locate(path: Path) -> Located:
    """The repository that a directory is in: also a linked working tree's, or a bare one.

    Raises:
        NotFoundError: there is none (``IL-TRE-001``).
    """
    try:
        start = path.resolve(strict=True)
        owner = start.stat().st_uid
        for place in (start, *start.parents):
            git_dir = _git_dir(place / ".git")
            if git_dir is None and place == start:
                git_dir = _bare(place)
            if git_dir is None:
                continue
            if place != start and place.stat().st_uid != owner:
                # Anyone may have put a repository above a directory of somebody else's.
                raise _no_repository(path, f"{place} belongs to somebody else than {start}")
            return _described(git_dir, place)
    except OSError as error:
        raise _no_repository(path, error.strerror or "") from None
    raise _no_repository(path, "")


def _described(git_dir: Path, place: Path) -> Located:
    common = git_dir
    if (git_dir / "commondir").is_file():
        common = (git_dir / (git_dir / "commondir").read_text().strip()).resolve()
    status = common.stat()
    work_tree = None if git_dir == place and git_dir.name != ".git" else place
    if git_dir == place and git_dir.name == ".git":
        work_tree = place.parent
    return Located(git_dir, common, work_tree, status.st_uid, status.st_gid)


def _git_dir(candidate: Path) -> Path | None:
    if candidate.is_file():
        kind, _, target = candidate.read_text(errors="surrogateescape").strip().partition(": ")
        candidate = (candidate.parent / target).resolve() if kind == "gitdir" else candidate
    return candidate if (candidate / "HEAD").is_file() else None


def _bare(place: Path) -> Path | None:
    whole = (
        (place / "HEAD").is_file() and (place / "objects").is_dir() and (place / "refs").is_dir()
    )
    return place if whole else None


def _no_repository(path: Path, why: str) -> NotFoundError:
    return NotFoundError(
        f"{path} is not in a git repository{f': {why}' if why else ''}",
        code="IL-TRE-001",
        remedy="git init, or name the repository's directory",
    )
