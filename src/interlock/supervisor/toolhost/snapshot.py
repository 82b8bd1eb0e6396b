"""The walk over the session's tree for an import: two operations that share a memory."""

from __future__ import annotations

import struct
from typing import Any

from interlock.failpoints import reach
from interlock.supervisor.toolhost import walk

__all__ = ["Snapshot"]

_LENGTH = struct.Struct(">I")


class Snapshot:
    """The operations ``walk`` and ``blobs``; what did not change is not read again."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._cache = walk.Cache()

    def walk(self) -> tuple[dict[str, Any], bytes]:
        """The manifest of the tree, as the body."""
        reach("toolhost.walk")
        return {}, walk.walk(self._root, self._cache)

    def blobs(self, *, oids: list[str]) -> tuple[dict[str, Any], bytes]:
        """Contents that the last walk named: per oid a >I length and the bytes, in order.

        Returns:
            ``count``: how many of the oids are answered; ask again for the rest.
        """
        found = walk.blobs([oid.encode("ascii", "replace") for oid in oids], self._cache)
        parts = [part for data in found for part in (_LENGTH.pack(len(data)), data)]
        return {"count": len(found)}, b"".join(parts)
