"""The person's own repository: found by us, read and written by a hardened git as its owner."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.git import Git, GitFailed, Owner
from interlock.errors import InvalidInputError, NotFoundError

__all__ = ["UserRepository", "locate"]

_NO_VALUE = 1


@dataclass(frozen=True, slots=True)
class UserRepository:
    """Where a person's repository is.

    Attributes:
        git_dir: of this working tree (``.git``, or what a ``.git`` file points to).
        common_dir: what all its working trees share; ``git_dir`` if it has only one.
        work_tree: ``None`` for a bare repository.
        git: on ``git_dir``, as the repository's owner when we are root.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    git: Git

    def commit(self, revision: str) -> str:
        """The oid of the commit that a revision names.

        Raises:
            InvalidInputError: there is no commit at all (``IL-TRE-002``), or the repository names
                objects by SHA-256 (``IL-TRE-004``).
            NotFoundError: no such revision (``IL-TRE-003``).
        """
        kind = self.git.line("rev-parse", "--show-object-format")
        if kind != "sha1":
            raise InvalidInputError(
                f"repositories with {kind} object names are not supported", code="IL-TRE-004"
            )
        try:
            return self.git.line(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
        except GitFailed:
            if revision == "HEAD":
                raise InvalidInputError(
                    f"{self._place()} has no commit yet",
                    code="IL-TRE-002",
                    remedy='git commit --allow-empty -m "start"',
                ) from None
            raise NotFoundError(
                f"{self._place()} has no commit {revision!r}",
                code="IL-TRE-003",
                remedy="git log --oneline --all",
            ) from None

    def having(self, commits: Iterable[str]) -> list[str]:
        """Those oids that are commits there."""
        asked = "".join(f"{commit}\n" for commit in commits).encode()
        answer = self.git.line("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked)
        return [oid for oid, kind in map(str.split, answer.splitlines()) if kind == "commit"]

    def is_dirty(self) -> bool:
        """Whether tracked files differ from HEAD; neither filters nor fsmonitor are run."""
        if self.work_tree is None:
            return False
        names = self.git.run(
            "config", "-z", "--name-only", "--get-regexp", r"^filter\.", accept=(0, _NO_VALUE)
        )
        quiet = Git(
            self.git_dir,
            owner=self.git.owner,
            settings=dict(_without_filters(names.decode("utf-8", "surrogateescape").split("\0"))),
        )
        return bool(
            quiet.run(
                "status",
                "--porcelain",
                "-z",
                "--untracked-files=no",
                "--no-renames",
                "--ignore-submodules=all",
                work_tree=self.work_tree,
            )
        )

    def checked_out(self) -> frozenset[str]:
        """Full names of the branches that some working tree is on."""
        listed = self.git.run("worktree", "list", "--porcelain", "-z").split(b"\0")
        return frozenset(
            line.removeprefix(b"branch ").decode("utf-8", "surrogateescape")
            for line in listed
            if line.startswith(b"branch ")
        )

    def _place(self) -> str:
        return str(self.work_tree or self.git_dir)


def locate(path: Path) -> UserRepository:
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
                break
            return _described(git_dir, place)
    except OSError as error:
        raise _no_repository(path, error.strerror or "") from None
    raise _no_repository(path, "")


def _described(git_dir: Path, place: Path) -> UserRepository:
    common = git_dir
    if (git_dir / "commondir").is_file():
        common = (git_dir / (git_dir / "commondir").read_text().strip()).resolve()
    status = common.stat()
    foreign = os.geteuid() == 0 and status.st_uid != 0
    git = Git(git_dir, owner=Owner(status.st_uid, status.st_gid) if foreign else None)
    work_tree = None if git_dir == place and git_dir.name != ".git" else place
    if git_dir == place and git_dir.name == ".git":
        work_tree = place.parent
    return UserRepository(git_dir, common, work_tree, git)


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


def _without_filters(names: list[str]) -> Iterator[tuple[str, str]]:
    for driver in {name.rpartition(".")[0] for name in names if name}:
        yield from ((f"{driver}.{key}", "") for key in ("clean", "smudge", "process"))
        yield f"{driver}.required", "false"


def _no_repository(path: Path, why: str) -> NotFoundError:
    return NotFoundError(
        f"{path} is not in a git repository{f': {why}' if why else ''}",
        code="IL-TRE-001",
        remedy="git init, or name the repository's directory",
    )
