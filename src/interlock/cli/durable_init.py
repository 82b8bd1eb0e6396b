"""What ``interlock init`` made is on the disk before it says so: the key it shows is shown once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from interlock.adapters.durable import sync_directory, sync_file, sync_tree
from interlock.adapters.trees.synced import SyncedNames
from interlock.adapters.trees.user import UserRepository
from interlock.server.layout import Layout

__all__ = ["make_durable"]


def make_durable(
    root: Path, repository: UserRepository, layout: Layout, written: Iterable[str]
) -> None:
    """Sync what was made, and the names on the way to it.

    Args:
        root: top of the person's repository.
        repository: the same.
        written: paths in it that were written.

    Raises:
        OSError: the disk does not take it.
    """
    for made in (layout.audit, layout.keys):
        sync_tree(made)
    place = repository.place
    sync_tree(place.common_dir / "info")
    sync_directory(root / ".orchestrator")
    # git refreshes the index without syncing it.
    files = [layout.user_repository, place.common_dir / "config", place.git_dir / "index"]
    for file in (*files, *(root / path for path in written)):
        if file.exists():
            sync_file(file)
            _sync_names_above(file)
    names = SyncedNames(place.common_dir)
    names.objects()
    head = repository.git.run("symbolic-ref", "-q", "HEAD", accept=(0, 1)).decode().strip()
    if head:
        names.ref(head)


def _sync_names_above(path: Path) -> None:
    """Sync the directories on the way to a path, as far as they can be ours."""
    for place in path.parents:
        if place.stat().st_uid not in (os.geteuid(), path.stat().st_uid):
            return
        sync_directory(place)
