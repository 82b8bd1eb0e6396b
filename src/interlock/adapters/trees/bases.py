"""Commits of the person's repository that tasks start from, copied with their ancestors."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.git import Git, GitFailed
from interlock.adapters.trees.user import UserRepository
from interlock.errors import InvalidInputError

__all__ = ["REFS", "Base", "fetch", "keep", "shallow_ends"]

REFS = "refs/interlock/base/"
_HAVES = 256


@dataclass(frozen=True, slots=True)
class Base:
    """What a task starts from.

    Attributes:
        commit: oid of the commit in the person's repository.
        tree: oid of its tree.
        dirty: tracked files differ from HEAD; those edits are not part of the base.
    """

    commit: str
    tree: str
    dirty: bool


def fetch(git: Git, user: UserRepository, revision: str) -> Base:
    """Copy a commit with its ancestors; what was copied before is not copied again.

    Args:
        git: of our repository.
        user: where to copy from.
        revision: what to start from.

    Raises:
        InvalidInputError: objects are missing (``IL-TRE-006``); and as ``UserRepository.commit``.
        NotFoundError: no such revision.
    """
    commit = user.commit(revision)
    if not git.run("for-each-ref", REFS + commit):
        _copy(git, user, commit)
    tree = git.line("rev-parse", "--verify", f"{commit}^{{tree}}")
    return Base(commit, tree, user.is_dirty())


def keep(git: Git, base: Base) -> None:
    """Hold on to a base, which says too that all of it is here."""
    git.run("update-ref", REFS + base.commit, base.commit)


def shallow_ends(git_dir: Path) -> bytes:
    """The commits at which a history ends before its roots, one a line; empty for a full one."""
    try:
        return (git_dir / "shallow").read_bytes()
    except FileNotFoundError:
        return b""


def _copy(git: Git, user: UserRepository, commit: str) -> None:
    ends, ours = shallow_ends(user.common_dir), shallow_ends(git.place)
    # Our history may end earlier than theirs does by now: then nothing can be left out.
    known = _bases(git) if ends == ours else []
    try:
        user.git.send([commit, *(f"^{base}" for base in user.having(known))], git)
    except GitFailed as error:
        raise InvalidInputError(
            f"commit {commit} cannot be copied: {error.stderr}",
            code="IL-TRE-006",
            remedy="git fsck; in a partial clone: git fetch --refetch --no-filter",
        ) from None
    together = sorted({*ends.split(), *ours.split()})
    if together:
        with tempfile.NamedTemporaryFile(dir=git.place, delete=False) as file:
            file.writelines(end + b"\n" for end in together)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, git.place / "shallow")


def _bases(git: Git) -> list[str]:
    """The newest bases: what the person's repository most likely still has."""
    newest = ("--sort=-committerdate", f"--count={_HAVES}", "--format=%(objectname)")
    return git.line("for-each-ref", *newest, REFS).split()
