"""Bringing a judged tree into the person's repository: one commit on a branch nobody is on."""

from __future__ import annotations

import re

from interlock.adapters.git import Git, GitFailed
from interlock.adapters.trees.refs import only_writer
from interlock.adapters.trees.synced import SyncedNames
from interlock.adapters.trees.user import UserRepository
from interlock.errors import ConflictError, InvalidInputError
from interlock.failpoints import reach

__all__ = ["ABSENT", "commit_tree", "land", "valid_ref"]

ABSENT = "0" * 40
_AUTHOR = re.compile(r"\A([^<>\n\0]+) <([^<>\n\0]*)>\Z")


def commit_tree(git: Git, tree: str, parent: str, message: str, author: str | None = None) -> str:
    """A new commit; the committer is interlock, and so is the author unless one is given.

    Args:
        author: ``Name <address>``.

    Raises:
        InvalidInputError: the author or the message is malformed (``IL-TRE-012``).
    """
    who = _AUTHOR.match(author or "interlock <interlock@localhost>")
    if who is None or "\0" in message:
        raise InvalidInputError(
            "a commit needs a message without NUL and an author like 'Name <address>'",
            code="IL-TRE-012",
        )
    return git.line(
        "commit-tree",
        tree,
        "-p",
        parent,
        stdin=message.encode(),
        env={"GIT_AUTHOR_NAME": who[1], "GIT_AUTHOR_EMAIL": who[2]},
    )


def valid_ref(git: Git, name: str) -> str:
    """The full name of a ref, if it is one.

    Raises:
        InvalidInputError: git would not take it (``IL-TRE-012``).
    """
    try:
        git.run("check-ref-format", name)
    except (GitFailed, ValueError):
        raise InvalidInputError(
            f"{name!r} is not a name for a ref", code="IL-TRE-012", remedy="git check-ref-format"
        ) from None
    return name


def land(git: Git, user: UserRepository, ref: str, commit: str, parent: str, expected: str) -> str:
    """Copy a commit into the person's repository and point a branch at it, in this order.

    The index, the working tree and the hooks of that repository have no part in it.

    Args:
        git: of the repository that has the commit.
        ref: full name of the branch.
        commit: the commit; its parent is ``parent``.
        expected: what the branch points to now, ``ABSENT`` if it must not exist.

    Returns:
        The commit that the branch points to: one of the same content if an earlier call landed it.

    Raises:
        ConflictError: the branch is checked out (``IL-TRE-010``), is elsewhere (``IL-TRE-011``), or
            the repository has lost the parent (``IL-TRE-013``).
        UnavailableError: a git has just died over the branch (``IL-TRE-023``).
    """
    if ref in user.checked_out():
        raise ConflictError(
            f"{ref} is checked out; landing would change it below somebody's feet",
            code="IL-TRE-010",
            remedy="git switch to another branch, then land again",
        )
    names = SyncedNames(user.place.common_dir)
    shown = user.git.run("show-ref", "--verify", "--hash", ref, accept=(0, 1, 128))
    now = shown.decode().strip() or ABSENT
    if now != expected:
        if now != ABSENT and _content(user.git, now) == _content(git, commit):
            names.packs()
            names.ref(ref)
            return now
        raise _moved(ref)
    if not user.having([parent]):
        raise ConflictError(
            f"the repository no longer has commit {parent}, on which the work is based",
            code="IL-TRE-013",
            remedy="git reflog, and bring that commit back on some branch",
        )
    git.send([commit, f"^{parent}"], user.git)
    reach("land.sent")
    names.packs()
    try:
        with only_writer(user.place.common_dir, ref):
            user.git.run("update-ref", "--no-deref", "-m", "interlock: land", ref, commit, expected)
    except GitFailed:
        raise _moved(ref) from None
    reach("land.ref")
    names.ref(ref)
    return commit


def _content(git: Git, commit: str) -> tuple[str, ...]:
    """Tree, parents, author and message: all but the dates."""
    fields = git.run("log", "-1", "--no-walk", "--format=%T%x00%P%x00%an%x00%ae%x00%B", commit)
    return tuple(fields.decode("utf-8", "surrogateescape").split("\0"))


def _moved(ref: str) -> ConflictError:
    return ConflictError(
        f"{ref} is not where it was expected, or its name is taken by another branch's",
        code="IL-TRE-011",
        remedy=f"git log --oneline {ref.removeprefix('refs/heads/')}",
    )
