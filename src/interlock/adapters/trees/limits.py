"""How much a tree may come to hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from interlock.adapters.trees.entry import GITLINK, Entry

__all__ = ["Limits", "over", "too_large"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a tree; one that starts beyond them may stay as large, but not grow."""

    entries: int = 50_000
    total_bytes: int = 512 << 20
    file_bytes: int = 64 << 20


def too_large(size: int, limit: int) -> str:
    """Why a file does not fit."""
    return f"{size} bytes, {limit} are allowed → make it smaller"


def over(
    limits: Limits,
    start: Mapping[bytes, Entry],
    start_bytes: int,
    tree: Mapping[bytes, Entry],
    sizes: Callable[[Collection[bytes]], Mapping[bytes, int]],
) -> dict[bytes, str]:
    """Additions and edits that do not fit any more, with reasons; in order of their names.

    Args:
        start_bytes: all files of ``start`` together; a content counts at every path that has it.
        sizes: bytes of blobs, by oid.
    """
    changed = sorted(path for path, entry in tree.items() if start.get(path) != entry)
    if not changed:
        return {}
    gone = [start[path] for path in start.keys() - tree.keys()]
    replaced = [start[path] for path in changed if path in start]
    involved = (*gone, *replaced, *(tree[path] for path in changed))
    known = sizes({entry.oid for entry in involved if entry.mode != GITLINK})
    entries = len(start) - len(gone)
    held = start_bytes - sum(known.get(entry.oid, 0) for entry in gone)
    most_bytes, most_entries = max(limits.total_bytes, start_bytes), max(limits.entries, len(start))
    problems = {}
    for path in changed:
        was = start.get(path)
        grown = held + known[tree[path].oid] - (known.get(was.oid, 0) if was else 0)
        size = known[tree[path].oid]
        if size > limits.file_bytes and (was is None or was.oid != tree[path].oid):
            problems[path] = too_large(size, limits.file_bytes)
        elif grown > most_bytes:
            problems[path] = f"the tree would hold more than {most_bytes} bytes → remove some"
        elif was is None and entries >= most_entries:
            problems[path] = f"the tree would hold more than {most_entries} files → remove some"
        else:
            held = grown
            entries += was is None
    return problems
