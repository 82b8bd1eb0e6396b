"""The person's own repository, read and written by a hardened git as its owner."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.git import Git, GitFailed, Owner
from interlock.adapters.located import Located
from interlock.adapters.located import locate as find
from interlock.adapters.trees.entry import FILE, shown
from interlock.adapters.trees.personal import identity, personal, reading
from interlock.errors import ConflictError, InvalidInputError, NotFoundError

__all__ = ["UserRepository", "locate"]

_PROMISING = re.compile(r"extensions\.partialclone|remote\..*\.promisor")
_ONLY_IN_THE_WORK_TREE = b" M"


@dataclass(frozen=True, slots=True)
class UserRepository:
    """A person's repository.

    Attributes:
        place: where it is.
        git: on it, as the repository's owner when we are root.
    """

    place: Located
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
                f"{self.place.name} names objects by {kind}, and only sha1 is supported",
                code="IL-TRE-004",
                remedy="git init --object-format=sha1 elsewhere, and commit the files there",
            )
        try:
            return self.git.line(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
        except GitFailed:
            if revision == "HEAD":
                raise InvalidInputError(
                    f"{self.place.name} has no commit yet",
                    code="IL-TRE-002",
                    remedy='git commit --allow-empty -m "start"',
                ) from None
            raise NotFoundError(
                f"{self.place.name} has no commit {revision!r}",
                code="IL-TRE-003",
                remedy="git log --oneline --all",
            ) from None

    def is_partial(self) -> bool:
        """Whether it left objects with another repository, to be fetched when they are needed."""
        values = personal(self.git, self.place)
        named = [value for key, value in values.items() if _PROMISING.fullmatch(key)]
        return any(value.lower() not in ("false", "no", "off", "0") for value in named)

    def having(self, commits: Iterable[str]) -> list[str]:
        """Those oids that are commits there."""
        asked = "".join(f"{commit}\n" for commit in commits).encode()
        answer = self.git.line("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked)
        return [oid for oid, kind in map(str.split, answer.splitlines()) if kind == "commit"]

    def read(self, path: str, revision: str = "HEAD") -> bytes | None:
        """A file of a commit, ``None`` if it is not there."""
        try:
            return self.git.run("cat-file", "blob", f"{revision}:{path}")
        except GitFailed:
            return None

    def tracked(self) -> list[str]:
        """Paths of the commit that the working tree is on, as text."""
        listed = self.git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", "HEAD")
        return [os.fsdecode(path) for path in listed.split(b"\0")[:-1]]

    def uncommitted(self, *paths: str) -> tuple[str, ...]:
        """What differs from HEAD or is not in it, as people read it; a new directory ends in ``/``.

        Neither filters nor fsmonitor are run: a file that a filter would rewrite is not compared.

        Args:
            paths: look only at these, and then also if they are ignored.
        """
        if self.place.work_tree is None:
            return ()
        listed = self._quiet().run(
            "status",
            "--porcelain",
            "-z",
            "--untracked-files=normal",
            "--no-renames",
            "--ignore-submodules=all",
            *(("--ignored",) if paths else ()),
            "--",
            *paths,
            work_tree=self.place.work_tree,
        )
        found = {record[3:]: record[:2] for record in listed.split(b"\0")[:-1]}
        filtered = self._filtered([p for p, how in found.items() if how == _ONLY_IN_THE_WORK_TREE])
        return tuple(shown(path) for path in sorted(found) if path not in filtered)

    def _quiet(self) -> Git:
        """git that compares files as the person's own would, and runs no program of theirs."""
        values = personal(self.git, self.place)
        settings = reading(values, self.place) | dict(_without_filters(_drivers(values)))
        return Git(self.place.git_dir, owner=self.git.owner, settings=settings)

    def _filtered(self, paths: list[bytes]) -> set[bytes]:
        """Those of some paths that a filter would rewrite."""
        if not paths:
            return set()
        answer = self.git.run(
            "check-attr",
            "-z",
            "--stdin",
            "filter",
            stdin=b"".join(path + b"\0" for path in paths),
            work_tree=self.place.work_tree,
        ).split(b"\0")[:-1]
        drivers = _drivers(personal(self.git, self.place))
        return {
            path
            for path, name in zip(answer[::3], answer[2::3], strict=True)
            if f"filter.{os.fsdecode(name)}" in drivers
        }

    def add(self, files: Mapping[str, bytes], message: str) -> str:
        """Commit files on top of HEAD, byte for byte; everything else stays as the person has it.

        No hook and no filter is run, and nothing else that is staged goes along.

        Raises:
            ConflictError: HEAD or the index changed meanwhile, or is locked (``IL-TRE-026``).
        """
        head = self.commit("HEAD")
        entries = b""
        for path, data in files.items():
            oid = self.git.line("hash-object", "-w", "--stdin", "--no-filters", stdin=data)
            entries += b"%b %b\t%b\0" % (FILE, oid.encode(), path.encode())
        index = self.place.git_dir / f"interlock-{secrets.token_hex(4)}"
        name, address = identity(personal(self.git, self.place))
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", name), ("EMAIL", address))
        }
        try:
            self.git.run("read-tree", head, index=index)
            self.git.run("update-index", "-z", "--index-info", index=index, stdin=entries)
            tree = self.git.run("write-tree", index=index).decode().strip()
            commit = self.git.line("commit-tree", tree, "-p", head, stdin=message.encode(), env=who)
            self.git.run("update-ref", "-m", f"commit: {message}", "HEAD", commit, head)
            # A new index is younger than files that were edited in the second of the old one: git
            # has to look at those now, or it takes them for unchanged.
            self._quiet().run(
                *("update-index", "-q", "--refresh", "-z", "--index-info"),
                stdin=entries,
                work_tree=self.place.work_tree,
            )
        except GitFailed as error:
            raise ConflictError(
                f"the files cannot be committed: {error.stderr}",
                code="IL-TRE-026",
                remedy=f"git add --force -- {' '.join(files)} && git commit",
            ) from None
        finally:
            index.unlink(missing_ok=True)
        return commit

    def checked_out(self) -> frozenset[str]:
        """Full names of the branches that some working tree is on."""
        listed = self.git.run("worktree", "list", "--porcelain", "-z").split(b"\0")
        return frozenset(
            line.removeprefix(b"branch ").decode("utf-8", "surrogateescape")
            for line in listed
            if line.startswith(b"branch ")
        )


def locate(path: Path) -> UserRepository:
    """The repository that a directory is in, with a git that may write to it.

    Raises:
        NotFoundError: there is none (``IL-TRE-001``).
        DeniedError: it belongs to somebody else and we are not root (``IL-TRE-024``).
    """
    place = find(path)
    place.require_access()
    foreign = os.geteuid() == 0 and place.uid != 0
    owner = Owner(place.uid, place.gid) if foreign else None
    return UserRepository(place, Git(place.git_dir, owner=owner))


def _drivers(values: Mapping[str, str]) -> set[str]:
    return {key.rpartition(".")[0] for key in values if key.startswith("filter.")}


def _without_filters(drivers: Iterable[str]) -> Iterator[tuple[str, str]]:
    for driver in drivers:
        yield from ((f"{driver}.{key}", "") for key in ("clean", "smudge", "process"))
        yield f"{driver}.required", "false"
