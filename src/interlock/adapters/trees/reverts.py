"""The steps that bring a working copy to the tree that was imported from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from interlock.adapters.trees.entry import GITLINK, Entry
from interlock.adapters.trees.merge import Merged
from interlock.adapters.trees.names import directories
from interlock.adapters.trees.repository import Repository

__all__ = ["Revert", "reverts"]


@dataclass(frozen=True, slots=True)
class Revert:
    """One step. Removals come first and the deepest first, then what has to be written.

    Attributes:
        path: below the working copy's root.
        mode: ``None`` to remove what is there and the directories above that are empty without it;
            else what to write: ``100644``, ``100755``, or ``120000`` for a link. Whatever else
            stands at the path, or where one of its directories must be, gives way.
        data: content, or a link's target.
    """

    path: bytes
    mode: bytes | None
    data: bytes | None


def reverts(
    repository: Repository,
    files: Mapping[bytes, Entry],
    merged: Merged,
    large: Collection[bytes],
) -> tuple[Revert, ...]:
    """What to undo.

    Args:
        repository: that has the contents.
        files: what the working copy holds, without what stays there.
        merged: what landed.
        large: paths whose contents are more than can be put back; the working copy goes without.
    """
    back = {
        path: entry
        for path, entry in merged.tree.items()
        if files.get(path) != entry and entry.mode != GITLINK and path not in large
    }
    above = directories(merged.tree)
    gone = {
        path for path in (*files, *merged.refused) if path not in merged.tree and path not in above
    }
    contents = repository.blobs([entry.oid for entry in back.values()])
    writes = [
        Revert(path, entry.mode, data)
        for (path, entry), data in zip(back.items(), contents, strict=True)
    ]
    return (
        *(Revert(path, None, None) for path in sorted(gone, reverse=True)),
        *sorted(writes, key=lambda step: step.path),
    )
