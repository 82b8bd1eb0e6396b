"""What a working copy holds, gathered in rounds: each names the directories to look into next.

The first round enters what the start tree has. A directory that is new is only named by then; if
the start tree's rules ignore it, or tools made it for themselves, nobody looks into it, however
much it holds. The next round enters the others.
"""

from __future__ import annotations

from collections.abc import Mapping

from interlock.adapters.trees.entry import GITLINK, Entry, shown
from interlock.adapters.trees.manifest import ROOT, malformed, parse
from interlock.adapters.trees.names import MAX_DEPTH, ancestors, cache_root, directories
from interlock.adapters.trees.repository import Repository
from interlock.errors import TooLargeError

__all__ = ["Listing"]

_MAX_NAMES = 300_000


class Listing:
    """The rounds of one import.

    Args:
        repository: that has the start tree.
        start_tree: oid of it.
        start: its entries.
        large: those of its paths whose contents are over the limit for a file.

    Attributes:
        files: every file and link that counts.
        refused: path → reason, for what could not be read; a directory stands for all below it.
        caches: what tools leave behind; a directory ends in ``/``.
    """

    def __init__(
        self,
        repository: Repository,
        start_tree: str,
        start: Mapping[bytes, Entry],
        large: Mapping[bytes, bytes],
    ) -> None:
        self._repository = repository
        self._start_tree = start_tree
        self._start = start
        self._large = large
        self._tracked = directories(start)
        self._entered: frozenset[bytes] = frozenset()
        self._names = 0
        self._ignored: set[bytes] = set()
        self.files: dict[bytes, Entry] = {}
        self.refused: dict[bytes, str] = {}
        self.caches: set[bytes] = set()

    def first(self) -> bytes:
        """What to ask the walker for to begin with."""
        links = {path for path, entry in self._start.items() if entry.mode == GITLINK}
        self._entered = frozenset((ROOT, *self._tracked, *links))
        stay = b"".join(b"%b %b\0" % (oid, path) for path, oid in self._large.items())
        return self._request() + stay

    def take(self, data: bytes) -> bytes | None:
        """Take a manifest; what to ask for next, ``None`` when nothing is left to look into.

        Raises:
            InvalidInputError: it is malformed (``IL-TRE-014``).
            TooLargeError: the tree is beyond anything that can be walked (``IL-TRE-015``).
        """
        manifest = parse(data, self._start, self._entered)
        self._names += len(manifest.files) + len(manifest.refused) + len(manifest.closed)
        if self._names > _MAX_NAMES:
            raise TooLargeError(
                f"the working copy holds more than {_MAX_NAMES} names",
                code="IL-TRE-015",
                remedy="remove generated files from the working copy",
            )
        self.files |= manifest.files
        self.refused |= manifest.refused
        self._entered = self._worth_entering(manifest.closed)
        if self._entered:
            return self._request()
        self._overlook()
        return None

    def ignored(self) -> tuple[str, ...]:
        """What the rules ignore; a directory ends in ``/`` and stands for all below it."""
        alive = self._tracked | directories(self.files)
        roots = set()
        for path in self._ignored:
            dead = [up for up in ancestors(path) if up not in alive]
            roots.add(dead[-1] + b"/" if dead else path)
        return tuple(map(shown, sorted(roots)))

    def _request(self) -> bytes:
        return b"".join(b"%b\0" % path for path in sorted(self._entered)) + b"\0"

    def _worth_entering(self, closed: frozenset[bytes]) -> frozenset[bytes]:
        if closed & self._tracked or any(path.count(b"/") >= MAX_DEPTH for path in closed):
            raise malformed("it leaves out a directory that it was told to enter")
        # What stands where the start has a file is no news but a change, and so is all below it.
        new = {
            path
            for path in closed
            if path not in self._start and not any(up in self._start for up in ancestors(path))
        }
        ignored = self._repository.ignored(self._start_tree, new, are_directories=True)
        self._ignored |= {path + b"/" for path in ignored}
        caches = {path: root for path in closed - ignored if (root := cache_root(path + b"/"))}
        self.caches |= set(caches.values())
        return closed - ignored - caches.keys()

    def _overlook(self) -> None:
        """Set aside what is ignored and what tools leave behind, unless the start tree has it."""
        above = self._tracked if self.refused else ()
        new = [path for path in self.files if path not in self._start]
        new += [path for path in self.refused if path not in self._start and path not in above]
        ignored = self._repository.ignored(self._start_tree, new)
        self._ignored |= ignored
        for path in new:
            cache = cache_root(path)
            if path in ignored or cache:
                self.files.pop(path, None)
                self.refused.pop(path, None)
            if cache and path not in ignored:
                self.caches.add(cache)
