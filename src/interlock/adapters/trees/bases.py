"""Commits of the person's repository that tasks start from, copied with their ancestors."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.git import Git, GitFailed
from interlock.adapters.trees.refs import only_writer
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
        uncommitted: what the person's working tree has besides; it is not part of the base.
    """

    commit: str
    tree: str
    uncommitted: tuple[str, ...] = ()


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
    return Base(commit, tree, user.uncommitted())


def keep(git: Git, base: Base) -> None:
    """Hold on to a base, which says too that all of it is here."""
    with only_writer(git.place, REFS + base.commit):
        git.run("update-ref", REFS + base.commit, base.commit)


def shallow_ends(git_dir: Path) -> bytes:
    """The commits at which a history ends before its roots, one a line; empty for a full one."""
    try:
        return (git_dir / "shallow").read_bytes()
    except FileNotFoundError:
        return b""


def _copy(git: Git, user: UserRepository, commit: str) -> None:
    ends, ours = shallow_ends(user.place.common_dir), shallow_ends(git.place)
    # Our history may end earlier than theirs does by now: then nothing can be left out.
    known = _bases(git) if ends == ours else []
    try:
        user.git.send([commit, *(f"^{base}" for base in user.having(known))], git)
    except GitFailed as error:
        if not user.is_partial():
            raise _incomplete(commit, error, "git fsck") from None
        _copy_alone(git, user, commit)
        ends += f"{commit}\n".encode()
    together = sorted({*ends.split(), *ours.split()})
    if together:
        with tempfile.NamedTemporaryFile(dir=git.place, delete=False) as file:
            file.writelines(end + b"\n" for end in together)
            file.flush()
            os.fsync(file.fileno())
        os.replace(file.name, git.place / "shallow")


def _copy_alone(git: Git, user: UserRepository, commit: str) -> None:
    """Copy a commit without its ancestors: a partial clone has all of what it checked out."""
    try:
        user.git.send([f"--shallow {commit}", commit], git)
    except GitFailed as error:
        remedy = "git sparse-checkout disable; or git fetch --refetch --no-filter"
        raise _incomplete(commit, error, remedy) from None


def _incomplete(commit: str, error: GitFailed, remedy: str) -> InvalidInputError:
    last = error.stderr.splitlines()[-1:] or [""]
    return InvalidInputError(
        f"commit {commit} cannot be copied: {last[0]}", code="IL-TRE-006", remedy=remedy
    )


def _bases(git: Git) -> list[str]:
    """The newest bases: what the person's repository most likely still has."""
    newest = ("--sort=-committerdate", f"--count={_HAVES}", "--format=%(objectname)")
    return git.line("for-each-ref", *newest, REFS).split()
