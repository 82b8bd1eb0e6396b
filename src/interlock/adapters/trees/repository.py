"""The bare repository: where every tree that counts is kept and named by its oid.

Only the server's user can read it. git runs on it, and on the person's own repository, but never on
a tree that an agent wrote to.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from interlock.adapters.durable import make_private_directory, sync_tree
from interlock.adapters.git import Git, GitFailed
from interlock.adapters.trees import bases, objects, scratch
from interlock.adapters.trees.bases import Base
from interlock.adapters.trees.changes import changes_between
from interlock.adapters.trees.entry import GITLINK, Entry, shown
from interlock.adapters.trees.export import export
from interlock.adapters.trees.ignores import ignored, rules_of
from interlock.adapters.trees.landing import ABSENT, commit_tree, land, valid_ref
from interlock.adapters.trees.objects import BlobWriter
from interlock.adapters.trees.refs import only_writer
from interlock.adapters.trees.replacing import replaced
from interlock.adapters.trees.synced import SyncedNames
from interlock.adapters.trees.user import locate
from interlock.adapters.trees.writing import check_usable, list_tree, write_tree
from interlock.core.facts import TreeChange
from interlock.errors import ConflictError, InvalidInputError, NotFoundError
from interlock.failpoints import reach

__all__ = ["Base", "Repository"]

_OID = re.compile(r"\A[0-9a-f]{40}\Z")
_TREES_CACHED = 16
_LARGE_BYTES = 16 << 20


class Repository:
    """One project's bare repository. Safe to use from several threads.

    Args:
        path: its directory; use ``create`` or ``open``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._git = Git(path)
        self._names = SyncedNames(path)
        self._temporary = path / "interlock"
        self._lock = threading.Lock()
        self._trees: OrderedDict[str, Mapping[bytes, Entry]] = OrderedDict()
        self._totals: dict[str, int] = {}
        self._rules: dict[str, dict[bytes, bytes]] = {}
        self._large: dict[str, dict[bytes, int]] = {}

    @classmethod
    def create(cls, path: Path, user_repo: Path) -> Repository:
        """Make the repository, or finish making one.

        Raises:
            NotFoundError: ``user_repo`` is in no repository.
        """
        locate(user_repo)
        make_private_directory(path)
        path.chmod(0o700)
        if (path / "interlock").is_dir():
            return cls(path)
        init = ("init", "-q", "--bare", "--template=", "--initial-branch=base", "--")
        Git(None).run(*init, str(path))
        (path / "info").mkdir(exist_ok=True)
        (path / "info" / "attributes").write_text(scratch.RAW_ATTRIBUTES)
        sync_tree(path)
        # Last, because it says that all of the above is there.
        (path / "interlock").mkdir()
        sync_tree(path / "interlock")
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
        base = bases.fetch(self._git, locate(user_repo), revision)
        check_usable(self._git, base.tree, self.entries(base.tree), self._temporary)
        reach("base.fetched")
        self._names.objects()
        bases.keep(self._git, base)
        self._names.ref(bases.REFS + base.commit)
        return base

    def keep(self, tree: str, ref: str, *, parent: str) -> str:
        """Commit a tree under a new ref, so that it is never collected; again is the same.

        Args:
            ref: full name below ``refs/interlock/``.
            parent: the commit it follows.

        Raises:
            InvalidInputError: another kind of ref (``IL-TRE-012``).
            ConflictError: the ref keeps another tree (``IL-TRE-019``).
            UnavailableError: a git has just died over it (``IL-TRE-023``).
        """
        if not ref.startswith("refs/interlock/") or ref.startswith(bases.REFS):
            raise InvalidInputError(f"{ref!r} is not ours to write", code="IL-TRE-012")
        valid_ref(self._git, ref)
        commit = commit_tree(self._git, _oid(tree), _oid(parent), f"{ref}\n")
        self._names.objects()
        try:
            with only_writer(self.path, ref):
                self._git.run("update-ref", ref, commit, ABSENT)
        except GitFailed:
            kept = self._git.run(
                "log", "-1", "--no-walk", "--format=%H %T %P", ref, accept=(0, 128)
            )
            match kept.decode().split():
                case [commit, was, *parents] if was == tree and parents == [parent]:
                    self._names.ref(ref)
                    return commit
            raise ConflictError(f"{ref} keeps another tree", code="IL-TRE-019") from None
        reach("tree.ref")
        self._names.ref(ref)
        return commit

    def make_scratch(self, dest: Path, commit: str, owner: int | None) -> None:
        """Clone a commit with its ancestors for an agent; see ``scratch.make_scratch``."""
        scratch.make_scratch(self._git, bases.shallow_ends(self.path), dest, _oid(commit), owner)

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

    def sizes(self, oids: Iterable[bytes]) -> dict[bytes, int]:
        """Sizes of blobs in bytes."""
        return objects.sizes(self._git, oids)

    def total_bytes(self, tree: str) -> int:
        """All files of a tree together; a content counts at every path that has it."""
        if tree not in self._totals:
            self._weigh(tree)
        return self._totals[tree]

    def large(self, tree: str, limit: int) -> dict[bytes, int]:
        """Those files of a tree that hold more bytes than ``limit``, with their sizes."""
        known = self._large.get(tree)
        if known is None or limit < _LARGE_BYTES:
            known = self._weigh(tree, min(limit, _LARGE_BYTES))
        return {path: size for path, size in known.items() if size > limit}

    def _weigh(self, tree: str, limit: int = _LARGE_BYTES) -> dict[bytes, int]:
        oids = {path: e.oid for path, e in self.entries(tree).items() if e.mode != GITLINK}
        known = self.sizes(oids.values())
        self._totals[tree] = sum(known[oid] for oid in oids.values())
        self._large[tree] = {path: known[oid] for path, oid in oids.items() if known[oid] > limit}
        return self._large[tree]

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
        writer = self.writer()
        after = replaced(self.entries(tree), changes, writer.add)
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
        """The tree with these entries and what git made of it; see ``writing.write_tree``.

        Durable on return, with all contents that were stored before.
        """
        before = self.entries(start)
        tree, written = write_tree(self._git, start, before, after, self._temporary)
        self._names.objects()
        return tree, self._remember(tree, written)

    def ignored(
        self, tree: str, candidates: Collection[bytes], *, are_directories: bool = False
    ) -> set[bytes]:
        """Those paths that the tree's own rules ignore; see ``ignores.ignored``."""
        if not candidates:
            return set()
        rules = self._rules.get(tree)
        if rules is None:
            rules = rules_of(self._git, self.entries(tree))
            self._rules = {tree: rules}
        return ignored(
            self._git, rules, candidates, self._temporary, are_directories=are_directories
        )

    def _remember(self, tree: str, entries: Mapping[bytes, Entry]) -> Mapping[bytes, Entry]:
        known = MappingProxyType(dict(entries))
        with self._lock:
            self._trees[tree] = known
            while len(self._trees) > _TREES_CACHED:
                self._trees.popitem(last=False)
        return known


def _oid(value: str) -> str:
    if not _OID.match(value):
        raise InvalidInputError(f"{value!r} is not an object id", code="IL-TRE-012")
    return value
