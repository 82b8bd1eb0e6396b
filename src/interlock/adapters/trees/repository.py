"""The bare repository: where every tree that counts is kept and named by its oid.

Only the server's user can read it. git runs on it, and on the person's own repository, but never on
a tree that an agent wrote to.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from interlock.adapters.git import Git, GitFailed
from interlock.adapters.trees import objects, scratch
from interlock.adapters.trees.entry import EXECUTABLE, FILE, GITLINK, Entry, canonical, shown
from interlock.adapters.trees.export import export
from interlock.adapters.trees.ignores import ignored
from interlock.adapters.trees.landing import ABSENT, commit_tree, land, valid_ref
from interlock.adapters.trees.names import ancestors, name_problem
from interlock.adapters.trees.objects import BlobWriter
from interlock.adapters.trees.user import locate
from interlock.adapters.trees.writing import check_usable, list_tree, write_tree
from interlock.core.facts import ChangeKind, TreeChange
from interlock.errors import ConflictError, InvalidInputError, NotFoundError

__all__ = ["Base", "Repository", "changes_between"]

_OID = re.compile(r"\A[0-9a-f]{40}\Z")
_BASES = "refs/interlock/base/"
_TREES_CACHED = 16
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


class Repository:
    """One project's bare repository. Safe to use from several threads.

    Args:
        path: its directory; use ``create`` or ``open``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._git = Git(path)
        self._temporary = path / "interlock"
        self._lock = threading.Lock()
        self._trees: OrderedDict[str, Mapping[bytes, Entry]] = OrderedDict()
        self._totals: dict[str, int] = {}

    @classmethod
    def create(cls, path: Path, user_repo: Path) -> Repository:
        """Make the repository, or finish making one.

        Raises:
            NotFoundError: ``user_repo`` is in no repository.
        """
        locate(user_repo)
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
        init = ("init", "-q", "--bare", "--template=", "--initial-branch=base", "--")
        Git(None).run(*init, str(path))
        (path / "info").mkdir(exist_ok=True)
        (path / "info" / "attributes").write_text(scratch.RAW_ATTRIBUTES)
        (path / "interlock").mkdir(exist_ok=True)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Repository:
        """The repository that ``create`` made.

        Raises:
            NotFoundError: there is none (``IL-TRE-009``).
        """
        if not (path / "interlock").is_dir():
            raise NotFoundError(
                f"{path} is no repository of ours", code="IL-TRE-009", remedy="interlock init"
            )
        return cls(path)

    def fetch_base(self, user_repo: Path, revision: str = "HEAD") -> Base:
        """Copy a commit with its ancestors from the person's repository and keep it.

        Args:
            user_repo: any directory of it.
            revision: what to start from; uncommitted edits are not part of it.

        Raises:
            NotFoundError: no repository, no such revision.
            InvalidInputError: no commit yet; or the commit cannot be used: missing objects
                (``IL-TRE-006``), names that git refuses (``IL-TRE-005``), SHA-256.
        """
        user = locate(user_repo)
        commit = user.commit(revision)
        if not self._git.run("for-each-ref", _BASES + commit):
            ends = user.shallow()
            # Our history may end earlier than theirs now does: then nothing can be left out.
            known = self._bases() if ends == self._shallow() else []
            try:
                user.git.send(
                    [commit, *(f"^{base}" for base in known if user.has_commit(base))], self._git
                )
            except GitFailed as error:
                raise InvalidInputError(
                    f"commit {commit} cannot be copied: {error.stderr}",
                    code="IL-TRE-006",
                    remedy="git fsck; in a partial clone: git fetch --refetch --no-filter",
                ) from None
            self._end_at(ends)
            tree = self._tree_of(commit)
            check_usable(self._git, tree, self.entries(tree), self._temporary)
            self._git.run("update-ref", _BASES + commit, commit)
        return Base(commit, self._tree_of(commit), user.is_dirty())

    def keep(self, tree: str, ref: str, *, parent: str) -> str:
        """Commit a tree under a new ref, so that it is never collected; again is the same.

        Args:
            ref: full name below ``refs/interlock/``.
            parent: the commit it follows.

        Raises:
            InvalidInputError: another kind of ref (``IL-TRE-012``).
            ConflictError: the ref keeps another tree (``IL-TRE-019``).
        """
        if not ref.startswith("refs/interlock/") or ref.startswith(_BASES):
            raise InvalidInputError(f"{ref!r} is not ours to write", code="IL-TRE-012")
        valid_ref(self._git, ref)
        commit = commit_tree(self._git, _oid(tree), _oid(parent), f"{ref}\n")
        try:
            self._git.run("update-ref", ref, commit, ABSENT)
        except GitFailed:
            kept = self._git.run(
                "log", "-1", "--no-walk", "--format=%H %T %P", ref, accept=(0, 128)
            )
            match kept.decode().split():
                case [commit, was, *parents] if was == tree and parents == [parent]:
                    return commit
            raise ConflictError(f"{ref} keeps another tree", code="IL-TRE-019") from None
        return commit

    def make_scratch(self, dest: Path, commit: str, owner: int | None) -> None:
        """Clone a commit with its ancestors for an agent; see ``scratch.make_scratch``."""
        scratch.make_scratch(self._git, self._shallow(), dest, _oid(commit), owner)

    def entries(self, tree: str) -> Mapping[bytes, Entry]:
        """All paths of a tree.

        Raises:
            NotFoundError: no such tree (``IL-TRE-008``).
        """
        with self._lock:
            if tree in self._trees:
                self._trees.move_to_end(tree)
                return self._trees[tree]
        try:
            return self._remember(tree, list_tree(self._git, _oid(tree)))
        except GitFailed:
            raise NotFoundError(f"there is no tree {tree}", code="IL-TRE-008") from None

    def diff(self, a: str, b: str) -> tuple[TreeChange, ...]:
        """How tree ``b`` differs from tree ``a``, by path."""
        return changes_between(self.entries(a), self.entries(b))

    def read(self, tree: str, path: str | bytes) -> bytes:
        """The content of a file (or the target of a link).

        Raises:
            NotFoundError: the tree has no such file (``IL-TRE-007``).
        """
        name = path.encode("utf-8", "surrogateescape") if isinstance(path, str) else path
        entry = self.entries(tree).get(name)
        if entry is None or entry.mode == GITLINK:
            raise NotFoundError(f"tree {tree} has no file {shown(name)}", code="IL-TRE-007")
        return next(self.blobs([entry.oid]))

    def blobs(self, oids: Collection[bytes]) -> Iterator[bytes]:
        """Contents in the order of their oids."""
        return objects.read_blobs(self._git, oids)

    def sizes(self, oids: Collection[bytes]) -> dict[bytes, int]:
        """Sizes of blobs in bytes."""
        return objects.sizes(self._git, oids)

    def total_bytes(self, tree: str) -> int:
        """All files of a tree together; a content counts at every path that has it."""
        total = self._totals.get(tree)
        if total is None:
            oids = [e.oid for e in self.entries(tree).values() if e.mode != GITLINK]
            known = self.sizes(oids)
            total = self._totals[tree] = sum(known[oid] for oid in oids)
        return total

    def export(self, tree: str, dest: Path, *, previous: str | None = None) -> None:
        """Write a tree as files, byte for byte.

        Args:
            previous: the tree that ``dest`` holds untouched; only differences are written then.
        """
        before = self.entries(previous) if previous is not None else {}
        export(self._git, before, self.entries(tree), dest)

    def replace(self, tree: str, changes: Mapping[str, bytes | None]) -> str:
        """A tree with some files replaced, added or (``None``) removed; modes are kept.

        Raises:
            InvalidInputError: a name that cannot be in a tree, or a file where a directory is
                (``IL-TRE-005``).
        """
        before = self.entries(tree)
        after = dict(before)
        writer = self.writer()
        for name, data in changes.items():
            path = name.encode("utf-8", "surrogateescape")
            if data is None:
                after.pop(path, None)
                continue
            mode = EXECUTABLE if path in before and before[path].mode == EXECUTABLE else FILE
            after[path] = Entry(mode, writer.add(data))
        added = [path for path in after if path not in before]
        above = {up for path in after for up in ancestors(path)} if added else set()
        for path in added:
            problem = name_problem(path) or (
                "a directory or a file is in the way"
                if path in above or any(up in after for up in ancestors(path))
                else None
            )
            if problem:
                raise InvalidInputError(f"{shown(path)}: {problem}", code="IL-TRE-005")
        writer.store()
        oid, written = self.write(tree, after)
        if len(written) != len(after):
            raise InvalidInputError("git does not take some of these names", code="IL-TRE-005")
        return oid

    def land(
        self,
        user_repo: Path,
        branch: str,
        tree: str,
        parent: str,
        message: str,
        *,
        expected: str | None = None,
        author: str | None = None,
    ) -> str:
        """Commit a tree on a branch of the person's repository; see ``landing.land``.

        Args:
            branch: short name, such as ``interlock/<task>``.
            parent: commit that the tree was judged against; becomes the only parent.
            message: with its trailers.
            expected: commit that the branch is at; ``None`` if it must not exist.
            author: ``Name <address>``; interlock if not given.
        """
        user = locate(user_repo)
        ref = valid_ref(self._git, f"refs/heads/{branch}")
        commit = commit_tree(self._git, _oid(tree), _oid(parent), message, author)
        was = _oid(expected) if expected is not None else ABSENT
        return land(self._git, user, ref, commit, parent, was)

    def writer(self) -> BlobWriter:
        """For new contents."""
        return BlobWriter(self._git, self._temporary)

    def write(self, start: str, after: Mapping[bytes, Entry]) -> tuple[str, Mapping[bytes, Entry]]:
        """The tree with these entries and what git made of it; see ``writing.write_tree``."""
        before = self.entries(start)
        tree, written = write_tree(self._git, start, before, after, self._temporary)
        return tree, self._remember(tree, written)

    def ignored(self, tree: str, candidates: Collection[bytes]) -> set[bytes]:
        """Those paths that the tree's own rules ignore."""
        return ignored(self._git, self.entries(tree), candidates, self._temporary)

    def _remember(self, tree: str, entries: Mapping[bytes, Entry]) -> Mapping[bytes, Entry]:
        known = MappingProxyType(dict(entries))
        with self._lock:
            self._trees[tree] = known
            while len(self._trees) > _TREES_CACHED:
                self._trees.popitem(last=False)
        return known

    def _tree_of(self, commit: str) -> str:
        return self._git.line("rev-parse", "--verify", f"{commit}^{{tree}}")

    def _bases(self) -> list[str]:
        """The newest bases, as commits the person's repository likely has too."""
        refs = self._git.line(
            "for-each-ref",
            "--sort=-committerdate",
            f"--count={_HAVES}",
            "--format=%(objectname)",
            _BASES,
        )
        return refs.split()

    def _shallow(self) -> bytes:
        try:
            return (self.path / "shallow").read_bytes()
        except FileNotFoundError:
            return b""

    def _end_at(self, ends: bytes) -> None:
        """Add the ends of a shallow history to ours."""
        together = set(self._shallow().split()) | set(ends.split())
        if together:
            with tempfile.NamedTemporaryFile(dir=self._temporary, delete=False) as file:
                file.write(b"".join(end + b"\n" for end in sorted(together)))
            os.replace(file.name, self.path / "shallow")


def changes_between(
    before: Mapping[bytes, Entry], after: Mapping[bytes, Entry]
) -> tuple[TreeChange, ...]:
    """How two trees differ, by path."""
    changes = []
    for path in sorted(before.keys() | after.keys()):
        was, now = before.get(path), after.get(path)
        if was is None:
            kind = ChangeKind.ADDED
        elif now is None:
            kind = ChangeKind.DELETED
        elif canonical(was) != canonical(now):
            kind = ChangeKind.MODIFIED
        else:
            continue
        changes.append(TreeChange(path=shown(path), kind=kind))
    return tuple(changes)


def _oid(value: str) -> str:
    if not _OID.match(value):
        raise InvalidInputError(f"{value!r} is not an object id", code="IL-TRE-012")
    return value
