"""Taking over a scratch tree: freeze, walk, fetch what is new, apply the path policy, put back
what may not be.

The session is frozen while it is read, so that the tree cannot change between two looks at it.
Nothing of the
session is trusted: the walker's listing and blobs are checked by the import, the path policy
decides what lands.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable

from interlock.failpoints import reach
from interlock.ports.runner import Session
from interlock.ports.vcs import Import, Imported, Repository

__all__ = ["take_over"]

_BATCH_OIDS = 512
_BATCH_BYTES = 4 << 20


async def take_over(
    session: Session, repository: Repository, start: str, may_write: Callable[[str], str | None]
) -> Imported:
    """Import a session's scratch tree and put it back to what was taken over.

    Args:
        start: oid that the phase started from.
        may_write: path → reason why the phase may not write it, ``None`` if it may.

    Raises:
        UnavailableError: the session died or lied about its own tree.
    """
    toolhost = session.toolhost
    await toolhost.call("freeze", timeout_s=30)
    try:
        reach("import.frozen")
        work = await asyncio.to_thread(repository.take, start, may_write)
        asked: bytes | None = await asyncio.to_thread(work.directories)
        while asked is not None:
            listing = await toolhost.call("walk", body=asked, timeout_s=120)
            asked = await asyncio.to_thread(work.manifest, listing.body)
        reach("import.walked")
        wanted = await asyncio.to_thread(work.wanted)
        for first in range(0, len(wanted), _BATCH_OIDS):
            await _fetch(session, work, wanted[first : first + _BATCH_OIDS])
        reach("import.received")
        imported = await asyncio.to_thread(work.finish)
        reach("import.finished")
        if imported.reverts:
            await _put_back(session, imported)
        reach("import.reverted")
        return imported
    finally:
        if not session.exited.done():
            await toolhost.call("thaw", timeout_s=30)


async def _fetch(session: Session, work: Import, oids: list[bytes]) -> None:
    while oids:
        names = [oid.decode("ascii") for oid in oids]
        reply = await session.toolhost.call("blobs", oids=names, timeout_s=120)
        oids = await asyncio.to_thread(work.receive, oids, reply.body)


async def _put_back(session: Session, imported: Imported) -> None:
    """Undo what was refused, in messages that stay small; a repeated one is harmless."""
    batch: list[dict[str, str | None]] = []
    size = 0
    for revert in imported.reverts:
        data = revert.data
        batch.append(
            {
                "path": base64.b64encode(revert.path).decode(),
                "mode": revert.mode.decode() if revert.mode is not None else None,
                "data": base64.b64encode(data).decode() if data is not None else None,
            }
        )
        size += len(revert.path) + len(data or b"")
        if size > _BATCH_BYTES:
            await session.toolhost.call("revert", entries=batch, timeout_s=60)
            batch, size = [], 0
    if batch:
        await session.toolhost.call("revert", entries=batch, timeout_s=60)
