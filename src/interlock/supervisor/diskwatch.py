"""The disk that holds the records is not for agents to fill: who fills it is ended.

Free space is asked for often, because that costs nothing; scratches are measured only after much
of it has gone. A session whose scratch is over its limit is ended, and the largest one as soon as
less is left than the reserve that events and audit need.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.occupied import occupied

__all__ = ["DiskLimits", "DiskWatch", "free_bytes", "limits_for"]

_log = logging.getLogger(__name__)


_RESERVE = 512 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskLimits:
    """What sessions leave to others.

    Args:
        scratch_bytes: largest scratch of one session.
        reserve_bytes: free space below which the largest session is ended.
        step_bytes: so much has to go before scratches are measured again.
        period_s: seconds between two looks at the free space.
    """

    scratch_bytes: int = 4 << 30
    reserve_bytes: int = _RESERVE
    step_bytes: int = 64 << 20
    period_s: float = 0.5


def limits_for(free: int) -> DiskLimits:
    """The default limits, with a smaller reserve where little is free from the start."""
    return DiskLimits(reserve_bytes=min(_RESERVE, free // 4))


class DiskWatch:
    """Watches one file system.

    Args:
        scratches: live sessions → directory of their tree.
        end: ends a session at once.
        free: bytes that are left.
    """

    def __init__(
        self,
        scratches: Callable[[], Mapping[str, Path]],
        end: Callable[[str], None],
        free: Callable[[], int],
        limits: DiskLimits | None = None,
    ) -> None:
        self._scratches = scratches
        self._end = end
        self._free = free
        self._limits = limits or DiskLimits()
        self._measured_at = free()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._limits.period_s)

    async def look(self) -> None:
        """Look once, and end whom it has to."""
        free = self._free()
        scarce = free < self._limits.reserve_bytes
        if not scarce and self._measured_at - free < self._limits.step_bytes:
            # What others give back must not hide what is taken afterwards.
            self._measured_at = max(self._measured_at, free)
            return
        self._measured_at = free
        places = dict(self._scratches())
        sizes = await asyncio.to_thread(lambda: {s: occupied(p) for s, p in places.items()})
        over = {s for s, size in sizes.items() if size > self._limits.scratch_bytes}
        if scarce and sizes and not over:
            over = {max(sizes, key=lambda session: sizes[session])}
        for session_id in over:
            _log.error(
                "session %s is ended: its tree holds %d bytes, %d are left on the disk",
                session_id,
                sizes[session_id],
                free,
            )
            self._end(session_id)


def free_bytes(place: Path) -> int:
    """Bytes that are left to us on the file system of ``place``."""
    status = os.statvfs(place)
    return status.f_bavail * status.f_frsize
