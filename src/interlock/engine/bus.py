"""The bus: stored events by cursor, and those of them that a workflow delivers.

Everything is stored. A subscriber gets what ``coordination.event_bus.events`` of the event's own
task lists; whoever reads the record itself gets all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from functools import partial

from interlock.engine.ledger import Ledger
from interlock.errors import NotFoundError
from interlock.ports.store import StoredEvent

__all__ = ["Bus"]


class Bus:
    """Of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def read(
        self,
        cursor: int,
        *,
        types: Collection[str] = (),
        task_id: str | None = None,
        limit: int = 500,
        wait_s: float = 0,
        is_stored: bool = False,
    ) -> tuple[list[StoredEvent], int]:
        """Events after a cursor, and the cursor after them.

        Args:
            types, task_id: only those; none: all.
            wait_s: seconds to wait for the first one.
            is_stored: also those that are not delivered.
        """
        clock = asyncio.get_running_loop()
        deadline = clock.time() + wait_s
        while True:
            # Before the look: what comes between the two is no reason to wait.
            seen = self._versions()
            found, cursor = await self._page(cursor, types, task_id, limit, is_stored)
            left = deadline - clock.time()
            if found or left <= 0:
                return found, cursor
            await self._ledger.changed(partial(self._has_news, seen), timeout_s=left)

    def _has_news(self, seen: int) -> bool:
        return self._versions() != seen

    def _versions(self) -> int:
        return sum(state.version for state in self._ledger.states())

    async def _page(
        self,
        cursor: int,
        types: Collection[str],
        task_id: str | None,
        limit: int,
        is_stored: bool,
    ) -> tuple[list[StoredEvent], int]:
        found: list[StoredEvent] = []
        while True:
            stored = await self._after(cursor, types, task_id, limit)
            for event in stored:
                delivered = True if is_stored else self._is_delivered(event)
                if delivered is None:
                    return found, cursor
                cursor = event.id
                if delivered:
                    found.append(event)
                if len(found) == limit:
                    return found, cursor
            if len(stored) < limit:
                return found, cursor

    async def _after(
        self, cursor: int, types: Collection[str], task_id: str | None, limit: int
    ) -> Sequence[StoredEvent]:
        return await self._ledger.run(
            lambda: self._ledger.store.events_after(
                cursor, types=types, task_id=task_id, limit=limit
            )
        )

    def _is_delivered(self, event: StoredEvent) -> bool | None:
        """``None``: its task is durable and not yet known here; the next look will tell."""
        try:
            workflow = self._ledger.workflow(self._ledger.state(event.task_id))
        except NotFoundError:
            return None
        listed = workflow.coordination.events
        return listed is None or event.event_type in listed
