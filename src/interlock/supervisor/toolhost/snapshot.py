"""The walk over the session's tree for an import: two operations that share a memory."""

from __future__ import annotations

import struct
from typing import Any

from interlock.failpoints import reach
from interlock.supervisor.toolhost import walk
from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["Snapshot"]

_LENGTH = struct.Struct(">I")


class Snapshot:
    """The operations ``walk`` and ``blobs``; what did not change is not read again."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._cache = walk.Cache()

    def walk(self, *, body: bytes) -> tuple[dict[str, Any], bytes]:
        """The manifest of the tree, or of some directories more of it, as the body.

        Args:
            body: directories to enter, ``path NUL`` each; an empty record; then ``oid SP path NUL``
                for files that are over the limit and may stay. Nothing at all: enter all.
        """
        reach("toolhost.walk")
        if not body:
            return {}, walk.walk(self._root, self._cache)
        enter, _, large = body.partition(b"\0\0")
        stay = [record.split(b" ", 1) for record in large.split(b"\0")[:-1]]
        if any(len(fields) != 2 for fields in stay):
            raise Refusal("invalid", "a large file has an oid and a path")
        by_path = {path: oid for oid, path in stay}
        return {}, walk.walk(self._root, self._cache, enter.split(b"\0"), by_path)

    def blobs(self, *, oids: list[str]) -> tuple[dict[str, Any], bytes]:
        """Contents that the last walk named: per oid a >I length and the bytes, in order.

        Returns:
            ``count``: how many of the oids are answered; ask again for the rest.
        """
        found = walk.blobs([oid.encode("ascii", "replace") for oid in oids], self._cache)
        parts = [part for data in found for part in (_LENGTH.pack(len(data)), data)]
        return {"count": len(found)}, b"".join(parts)
