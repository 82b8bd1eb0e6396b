"""The start tree with those changes that may land. Pure dictionaries: no git, no files.

A path that is refused keeps what the start has there *and below*, so that a link or file put where
a directory was does not read as deletions. Refusing can make other changes impossible (a new file
where a kept one needs a directory, a name that now differs from a kept one by case only, a move
whose target stays out), so it is repeated until nothing more is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from interlock.adapters.trees.changes import differing
from interlock.adapters.trees.entry import GITLINK, Entry, shown
from interlock.adapters.trees.names import ancestors, directories, folded
from interlock.adapters.trees.objects import EMPTY_BLOB

__all__ = ["Merged", "changed_paths", "merge"]


@dataclass(frozen=True, slots=True)
class Merged:
    """What came out.

    Attributes:
        tree: the entries that land.
        refused: path → reason, for every change that does not.
    """

    tree: dict[bytes, Entry]
    refused: dict[bytes, str]


def changed_paths(start: Mapping[bytes, Entry], files: Mapping[bytes, Entry]) -> set[bytes]:
    """Paths that differ; a submodule that is not populated does not."""
    return {
        path for path in differing(start, files) if path in files or start[path].mode != GITLINK
    }


def merge(
    start: Mapping[bytes, Entry],
    files: Mapping[bytes, Entry],
    refused: Mapping[bytes, str],
    may: Callable[[bytes], str | None],
) -> Merged:
    """Take over what is allowed.

    Args:
        start: the tree the work started from.
        files: what is there now, without what is to be overlooked.
        refused: path → reason for what was refused before; a directory stands for all below it.
        may: why a change of that path is not allowed, ``None`` if it is.
    """
    out = _Merge(start, files, dict(refused), may)
    while problems := out.moved_away() | out.in_the_way() | out.colliding():
        out.refuse(problems)
    return Merged(out.tree, out.refused)


class _Merge:
    def __init__(
        self,
        start: Mapping[bytes, Entry],
        files: Mapping[bytes, Entry],
        refused: dict[bytes, str],
        may: Callable[[bytes], str | None],
    ) -> None:
        self.start, self.files, self.refused = start, files, refused
        self.tree = dict(start)
        for path in sorted(changed_paths(start, files)):  # directories before what is in them
            if path in refused:
                continue
            if path not in files and any(up in refused for up in ancestors(path)):
                continue
            reason = may(path)
            if reason is not None:
                refused[path] = reason
            elif path in files:
                self.tree[path] = files[path]
            else:
                del self.tree[path]

    def refuse(self, problems: Mapping[bytes, str]) -> None:
        """Give paths back what the start has there and below."""
        for path, reason in problems.items():
            self.refused[path] = reason
            if path in self.start:
                self.tree[path] = self.start[path]
            else:
                self.tree.pop(path, None)
        self._restore_below(problems)

    def moved_away(self) -> dict[bytes, str]:
        """Sources of exact moves whose target is refused: else the content is nowhere."""
        targets = {
            self.files[path].oid: path
            for path in self.refused
            if path in self.files and self.files[path].oid != EMPTY_BLOB
        }
        if not targets:
            return {}
        landed = {self.tree[path].oid for path in self._added()}
        return {
            path: f"moved to {shown(targets[entry.oid])}, which stays out → move it elsewhere"
            for path, entry in self.start.items()
            if path not in self.tree and entry.oid in targets and entry.oid not in landed
        }

    def in_the_way(self) -> dict[bytes, str]:
        """New files below a file that stays, or where a directory stays."""
        added = self._added()
        if not added:
            return {}
        above = directories(self.tree)
        problems = {}
        for path in added:
            if path in above:
                problems[path] = "it stands where a directory stays → give it another name"
            elif any(up in self.tree for up in ancestors(path)):
                problems[path] = "it is below a file that stays → put it elsewhere"
        return problems

    def colliding(self) -> dict[bytes, str]:
        """New names that some file systems take for another; what the start has was first."""
        added = self._added()
        if not added:
            return {}
        kept = self.tree.keys() & self.start.keys()
        known = kept | directories(kept)
        spelled = {folded(name): name for name in known}
        problems = {}
        for path in added:
            new = [part for part in (path, *ancestors(path)) if part not in known]
            other = next((spelled[folded(part)] for part in new if folded(part) in spelled), None)
            if other is None:
                known.update(new)
                spelled.update((folded(part), part) for part in new)
            else:
                why = f"differs from {shown(other)} only by case or Unicode form"
                problems[path] = f"{why} → give it another name"
        return problems

    def _added(self) -> list[bytes]:
        return sorted(self.tree.keys() - self.start.keys())

    def _restore_below(self, tops: Iterable[bytes]) -> None:
        above = set(tops)
        for path in self.start.keys() - self.tree.keys():
            if any(up in above for up in ancestors(path)):
                self.tree[path] = self.start[path]
