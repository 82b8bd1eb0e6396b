"""One import: what an agent's working copy becomes in the bare repository.

Sans I/O towards the sandbox: the caller carries bytes between this and the toolhost. ::

    todo = Import(repository, start_tree, may_write)
    asked = todo.directories()
    while asked is not None:
        asked = todo.manifest(await walk(asked))
    wanted = todo.wanted()
    while wanted:
        wanted = todo.receive(wanted, await blobs(wanted))
    imported = todo.finish()
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from interlock.adapters.trees.changes import changes_between, differing
from interlock.adapters.trees.contents import Contents
from interlock.adapters.trees.entry import GITLINK, LINK, Entry, canonical, shown
from interlock.adapters.trees.limits import Limits, over, too_large
from interlock.adapters.trees.listing import Listing
from interlock.adapters.trees.manifest import malformed
from interlock.adapters.trees.merge import Merged, merge
from interlock.adapters.trees.names import is_text, name_problem
from interlock.adapters.trees.objects import blob_oid
from interlock.adapters.trees.refusals import readable
from interlock.adapters.trees.repository import Repository
from interlock.adapters.trees.reverts import Revert, reverts
from interlock.core.facts import TreeChange
from interlock.errors import IntegrityError, InternalError

__all__ = ["Import", "Imported"]

_A_CACHE = "a cache → nothing to do: any run makes it again"
_CHANGED = "changed while it was read → stop what writes to it, then ask again"
_MISSING = "its content did not arrive → ask again"
_UNTAKEN = "git does not take this name → rename it"


@dataclass(frozen=True, slots=True)
class Imported:
    """What landed and what did not.

    Attributes:
        tree: oid in the bare repository.
        changes: difference to the start tree.
        refused: path as people read it → why and what to do; one that ends in ``/`` stands for all
            below it.
        ignored: new paths that the start tree's rules ignore, as people read them; a directory ends
            in ``/``.
        reverts: what to undo in the working copy; ignored files and caches stay.
    """

    tree: str
    changes: tuple[TreeChange, ...]
    refused: dict[str, str]
    ignored: tuple[str, ...]
    reverts: tuple[Revert, ...]


class Import:
    """One import of one working copy.

    Args:
        repository: where it lands.
        start_tree: oid of the tree the phase started from.
        may_write: path → why it may not be written in this phase, ``None`` if it may.
        limits: what the tree may come to hold.
    """

    def __init__(
        self,
        repository: Repository,
        start_tree: str,
        may_write: Callable[[str], str | None],
        limits: Limits | None = None,
    ) -> None:
        self._repository = repository
        self._start_tree = start_tree
        self._start = {p: canonical(e) for p, e in repository.entries(start_tree).items()}
        self._may_write = may_write
        self._limits = limits or Limits()
        self._verdicts: dict[bytes, str | None] = {}
        self._large = {
            path: self._start[path].oid
            for path, size in repository.large(start_tree, self._limits.file_bytes).items()
        }
        self._listing = Listing(repository, start_tree, self._start, self._large)
        self._files: dict[bytes, Entry] = {}
        self._refused: dict[bytes, str] = {}
        self._wanted: dict[bytes, None] = {}
        self._is_listed = False
        self._broken: dict[bytes, str] = {}
        self._sizes: dict[bytes, int] = {}
        self._contents = Contents(())
        self._writer = repository.writer()

    def directories(self) -> bytes:
        """What to ask the walker for to begin with."""
        return self._listing.first()

    def manifest(self, data: bytes) -> bytes | None:
        """Take the walker's manifest; what to ask for next, ``None`` if that was all.

        Raises:
            InvalidInputError: it is malformed (``IL-TRE-014``).
            TooLargeError: the tree is beyond anything that can be walked (``IL-TRE-015``).
        """
        asked = self._listing.take(data)
        if asked is None:
            self._look_through()
        return asked

    def wanted(self) -> list[bytes]:
        """The oids whose contents are needed, after the last manifest."""
        return list(self._wanted)

    def _look_through(self) -> None:
        """With everything listed: which contents are needed."""
        self._is_listed = True
        self._files, self._refused = self._listing.files, self._listing.refused
        known = {entry.oid for entry in self._start.values() if entry.mode != GITLINK}
        candidates = self._candidates()
        both = (*self._start.values(), *candidates.values())
        self._contents = Contents(entry.oid for entry in both if entry.mode == LINK)
        wanted = dict.fromkeys(e.oid for e in candidates.values() if e.oid not in known)
        self._wanted = wanted

    def receive(self, asked: Sequence[bytes], body: bytes) -> list[bytes]:
        """Take a reply to ``blobs``; what still has to be asked for (a reply may end early).

        Args:
            asked: the oids of the call.
            body: per oid a length of four bytes (big-endian) and the content, in order.

        Raises:
            InvalidInputError: it is malformed or empty (``IL-TRE-014``).
        """
        view, at, taken = memoryview(body), 0, 0
        while at < len(view):
            end = at + 4 + int.from_bytes(view[at : at + 4], "big")
            if taken == len(asked) or end > len(view):
                raise malformed("its contents are not what was asked for")
            self.blob(asked[taken], bytes(view[at + 4 : end]))
            at, taken = end, taken + 1
        if asked and not taken:
            raise malformed("its contents did not come")
        return list(asked[taken:])

    def blob(self, oid: bytes, data: bytes) -> None:
        """Take one content; if it does not have this oid, its paths are refused.

        Raises:
            InvalidInputError: nobody asked for it (``IL-TRE-014``).
        """
        if oid not in self._wanted:
            raise malformed("it has contents that nobody asked for")
        if len(data) > self._limits.file_bytes:
            self._broken[oid] = too_large(len(data), self._limits.file_bytes)
        elif blob_oid(data) != oid:
            self._broken[oid] = _CHANGED
        else:
            self._writer.add(data)
            self._sizes[oid] = len(data)
            self._contents.see(oid, data)

    def finish(self) -> Imported:
        """Write the tree that lands.

        Raises:
            InternalError: not everything was listed (``IL-TRE-027``).
            IntegrityError: git made another tree of it (``IL-TRE-021``), or it holds what it must
                not (``IL-TRE-023``).
        """
        if not self._is_listed:
            raise InternalError("what was not listed is not deleted", code="IL-TRE-027")
        self._writer.store()
        self._check_contents()
        while True:
            merged = self._merged()
            tree, written = self._repository.write(self._start_tree, merged.tree)
            left_out = merged.tree.keys() - written.keys()
            if not left_out:
                break
            self._refused |= dict.fromkeys(left_out, _UNTAKEN)
        self._verify(written, merged)
        caches = dict.fromkeys(self._listing.caches, _A_CACHE)
        return Imported(
            tree,
            changes_between(self._start, written),
            readable({**merged.refused, **caches}, written),
            self._listing.ignored(),
            reverts(self._repository, self._files, merged, self._large),
        )

    def _candidates(self) -> dict[bytes, Entry]:
        """What is new or different and may be, as far as names tell."""
        return {
            path: entry
            for path, entry in self._files.items()
            if (was := self._start.get(path)) is not entry
            and was != entry
            and self._why_not(path) is None
        }

    def _why_not(self, path: bytes) -> str | None:
        """Why a change of a path does not land, by its name alone."""
        if path not in self._verdicts:
            was = self._start.get(path)
            if was is not None and was.mode == GITLINK:
                reason: str | None = "a submodule stays as it is → ask a person to move it"
            elif was is not None and is_text(path):
                reason = None
            else:
                reason = name_problem(path)
            self._verdicts[path] = reason or self._may_write(path.decode())
        return self._verdicts[path]

    def _check_contents(self) -> None:
        """Refuse links that lead out, pointers to large files, and what did not arrive."""
        candidates = self._candidates()
        arrived = {path: e for path, e in candidates.items() if self._is_here(e.oid)}
        for path in candidates.keys() - arrived.keys():
            why = self._broken.get(candidates[path].oid, _MISSING)
            self._refused[path] = why
        replaced = [self._start[path].oid for path in arrived if path in self._start]
        self._contents.look_up(self._repository, [*(e.oid for e in arrived.values()), *replaced])
        for path, entry in arrived.items():
            reason = self._contents.problem(path, self._start.get(path), entry)
            if reason is not None:
                self._refused[path] = reason

    def _is_here(self, oid: bytes) -> bool:
        return oid not in self._wanted or oid in self._sizes

    def _merged(self) -> Merged:
        """The merge, without what makes the tree too large."""
        while True:
            merged = merge(self._start, self._files, self._refused, self._why_not)
            start_bytes = self._repository.total_bytes(self._start_tree)
            too_much = over(self._limits, self._start, start_bytes, merged.tree, self._sizes_of)
            if not too_much:
                return merged
            self._refused |= too_much

    def _sizes_of(self, oids: Collection[bytes]) -> Mapping[bytes, int]:
        self._sizes |= self._repository.sizes({oid for oid in oids if oid not in self._sizes})
        return self._sizes

    def _verify(self, written: Mapping[bytes, Entry], merged: Merged) -> None:
        """The last look at what lands, independent of how it came about."""
        for path in differing(self._start, written):
            if self._why_not(path) is not None or path in merged.refused:
                raise IntegrityError(
                    f"the imported tree changes {shown(path)}, which it must not",
                    code="IL-TRE-023",
                )
