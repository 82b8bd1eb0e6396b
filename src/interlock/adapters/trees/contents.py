"""What has to be known of contents before they land: link targets, and which are LFS pointers."""

from __future__ import annotations

from collections.abc import Iterable

from interlock.adapters.trees.entry import LINK, Entry
from interlock.adapters.trees.names import MAX_LINK_BYTES, link_problem
from interlock.adapters.trees.repository import Repository

__all__ = ["Contents"]

_POINTER = b"version https://git-lfs.github.com/spec/"
_POINTER_MAX_BYTES = 1024
_IS_POINTER = "a pointer to a large file (LFS) cannot be added or changed → ask a person to do it"
_LEADS_OUT = "a link that leads out of the tree stays as it is → ask a person to change it"


class Contents:
    """Remembers of each content only what the checks need.

    Args:
        links: oids that some link names; their contents are kept.
    """

    def __init__(self, links: Iterable[bytes]) -> None:
        self._links = frozenset(links)
        self._seen: set[bytes] = set()
        self._pointers: set[bytes] = set()
        self._targets: dict[bytes, bytes] = {}

    def see(self, oid: bytes, data: bytes) -> None:
        """Look at a content."""
        self._seen.add(oid)
        if len(data) <= _POINTER_MAX_BYTES and data.startswith(_POINTER):
            self._pointers.add(oid)
        if oid in self._links and len(data) <= MAX_LINK_BYTES:
            self._targets[oid] = data

    def look_up(self, repository: Repository, oids: Iterable[bytes]) -> None:
        """Look at those contents that were not seen yet and are small enough to matter."""
        sizes = repository.sizes({oid for oid in oids if oid not in self._seen})
        small = [oid for oid, size in sizes.items() if size <= MAX_LINK_BYTES]
        for oid, data in zip(small, repository.blobs(small), strict=True):
            self.see(oid, data)

    def problem(self, path: bytes, was: Entry | None, now: Entry) -> str | None:
        """Why an entry may not come to stand at a path, by what it and its predecessor hold."""
        if now.mode == LINK:
            reason = link_problem(path, self._targets.get(now.oid, b""))
        else:
            reason = _IS_POINTER if now.oid in self._pointers else None
        if reason or was is None:
            return reason
        if was.mode == LINK and link_problem(path, self._targets.get(was.oid, b"")):
            return _LEADS_OUT
        return _IS_POINTER if was.mode != LINK and was.oid in self._pointers else None
