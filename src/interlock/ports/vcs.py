"""The bare repository behind a project and the user's beside it, and one import of one scratch
tree into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from interlock.core.facts import TreeChange

__all__ = ["Base", "Import", "Imported", "Repository", "Revert"]


class Base(Protocol):
    """What a task starts from."""

    @property
    def commit(self) -> str:
        """Oid of the user's commit."""

    @property
    def tree(self) -> str:
        """Oid of its tree."""

    @property
    def uncommitted(self) -> tuple[str, ...]:
        """What the user's working tree has besides, as people read it."""


class Revert(Protocol):
    """What has to be put back (or removed: ``data`` is ``None``) in the scratch."""

    @property
    def path(self) -> bytes:
        """Path from the tree's root."""

    @property
    def mode(self) -> bytes | None:
        """Git mode of what comes back, ``None`` where something is removed."""

    @property
    def data(self) -> bytes | None:
        """Contents of what comes back."""


class Imported(Protocol):
    """What was taken over from a scratch and what was not."""

    @property
    def tree(self) -> str:
        """Oid of the tree with everything that may land."""

    @property
    def changes(self) -> tuple[TreeChange, ...]:
        """Differences to the tree that the phase started from."""

    @property
    def refused(self) -> Mapping[str, str]:
        """Path, as people read it → why it was not taken over and what to do."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """New paths that the base's ignore rules name, as people read them."""

    @property
    def reverts(self) -> tuple[Revert, ...]:
        """What makes the scratch equal to the imported tree again."""


class Import(Protocol):
    """One import without I/O of its own: the caller carries bytes between it and the walker."""

    def directories(self) -> bytes:
        """What to ask the walker for to begin with."""

    def manifest(self, data: bytes) -> bytes | None:
        """Take the walker's listing; what to ask for next, ``None`` when that was all."""

    def wanted(self) -> list[bytes]:
        """The oids whose contents are needed, after the last listing."""

    def receive(self, asked: Sequence[bytes], body: bytes) -> list[bytes]:
        """Take the walker's answer to ``asked``; returns the oids that it left out."""

    def finish(self) -> Imported:
        """Apply the path policy and write the tree."""


class Repository(Protocol):
    """Synchronous; called from a worker thread."""

    def keep(self, tree: str, ref: str, *, parent: str) -> str:
        """A commit of ``tree`` under ``ref``, so that it is never collected; its oid."""

    def diff(self, old: str, new: str) -> tuple[TreeChange, ...]:
        """Paths that differ between two trees."""

    def paths(self, tree: str) -> tuple[str, ...]:
        """Every path of a tree."""

    def read(self, tree: str, path: str) -> bytes | None:
        """Contents of a path, ``None`` if it is not there."""

    def base(self) -> Base:
        """What a new task starts from: the user's present HEAD, brought here."""

    def take(self, start: str, may_write: Callable[[str], str | None]) -> Import:
        """Begin an import against the tree that the phase started from."""

    def land(self, branch: str, tree: str, parent: str, message: str) -> str:
        """One commit of exactly ``tree`` on a branch of the user's repository; its oid.

        Landing the same tree and message on the same branch again gives the commit that is there.
        """
