"""What ``monitoring`` asks for, measured from events and calls and handed to the export.

The newest task's definition says what is measured and how it leaves the server. Nothing waits for
it, and nothing is decided by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from interlock.core.metrics import TOLD_BY, Meter, Sample
from interlock.core.surroundings import MonitoringSpec
from interlock.engine.bus import Bus
from interlock.engine.calls import CountedAudit
from interlock.engine.codec import decode
from interlock.engine.ledger import Ledger
from interlock.ports.clock import Clock
from interlock.ports.metrics import MetricsExport

__all__ = ["Monitoring"]

_PAGE: Final = 500
_TYPES: Final = tuple(kind.type.value for kind in TOLD_BY)
_log = logging.getLogger(__name__)


class Monitoring:
    """Measures on one loop, beside everything else.

    Args:
        interval_s: at least so often values are looked at that no event changes.
        pause_s: at most so often they are written.
    """

    def __init__(
        self,
        ledger: Ledger,
        calls: CountedAudit,
        export: MetricsExport,
        clock: Clock,
        *,
        interval_s: float = 60.0,
        pause_s: float = 1.0,
    ) -> None:
        self._ledger = ledger
        self._calls = calls
        self._export = export
        self._clock = clock
        self._interval_s = interval_s
        self._pause_s = pause_s
        self._bus = Bus(ledger)
        self._meter = Meter()
        self._meter.calls = calls.calls
        self._cursor = 0
        self._written: Sequence[Sample] = ()
        self._kept = ""
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Measure from now on, after everything that is stored."""
        self._loop = asyncio.create_task(self._run(), name="monitoring")

    async def stop(self) -> None:
        """Measure once more, then no longer."""
        if self._loop is None:
            return
        self._loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._loop
        await self._take(0.0)
        await self._put_down()

    async def _run(self) -> None:
        while True:
            try:
                await self._take(0.0)
                await self._put_down()
                await asyncio.sleep(self._pause_s)
                await self._take(self._interval_s)
            except Exception:
                # Of a server that cannot measure, everything else still holds.
                _log.exception("not_measured")
                await asyncio.sleep(self._interval_s)

    async def _take(self, wait_s: float) -> None:
        """Take in what is stored; if there is nothing new, wait for it."""
        while True:
            events, self._cursor = await self._bus.read(
                self._cursor, types=_TYPES, limit=_PAGE, wait_s=wait_s, is_stored=True
            )
            for event in events:
                self._meter.take(event.task_id, decode(event), event.timestamp)
            if len(events) < _PAGE:
                return
            wait_s = 0.0

    async def _put_down(self) -> None:
        counted = self._calls.counted()
        if counted != self._kept:
            await self._ledger.run(lambda: self._calls.keep(self._ledger.store, counted))
            self._kept = counted
        spec = self._spec()
        now = self._clock.now_us()
        samples = tuple(self._meter.samples(spec.metrics, now)) if spec.export else ()
        if samples and samples != self._written:
            await asyncio.to_thread(self._export.write, spec.export, samples, now)
            self._written = samples

    def _spec(self) -> MonitoringSpec:
        states = self._ledger.states()
        return self._ledger.workflow(states[-1]).monitoring if states else MonitoringSpec()
