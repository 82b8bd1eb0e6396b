"""A claim is a lease: one holder per attempt, for as long as it shows that it lives.

The lease's name carries the epoch, so a zombie of an earlier attempt holds nothing that matters;
its number (the fence) grows with every grant. Leases are no part of a task's state.
"""

from __future__ import annotations

from interlock.engine.ledger import Ledger
from interlock.engine.sessions import Caller
from interlock.errors import ConflictError
from interlock.ports.clock import Clock
from interlock.ports.store import Lease

__all__ = ["Leases"]


class Leases:
    """Leases of all callers.

    Args:
        ttl_s: seconds that a lease lives without being renewed; as long as a token.
    """

    def __init__(self, ledger: Ledger, clock: Clock, *, ttl_s: float) -> None:
        self._ledger = ledger
        self._clock = clock
        self._ttl_s = ttl_s
        self._held: dict[str, Lease] = {}

    async def claim(self, caller: Caller) -> Lease:
        """Take the attempt, or take it again: the same session gets it back.

        Raises:
            ConflictError: another session holds it.
        """
        name = _name(caller)
        store, now = self._ledger.store, self._clock.now_us()
        lease = await self._ledger.run(
            lambda: store.acquire(name, caller.session_id, ttl_s=self._ttl_s, now=now)
        )
        if lease is None:
            raise ConflictError(
                f"another session holds {name}",
                code="IL-LEA-001",
                remedy="End this session; the server starts another if one is needed.",
            )
        self._held[name] = lease
        return lease

    async def renew(self, caller: Caller) -> Lease:
        """Show that the caller lives.

        Raises:
            ConflictError: the lease ran out meanwhile: claim again.
        """
        held = self._held.get(_name(caller))
        if held is None:  # a server before this one granted it
            return await self.claim(caller)
        store, now = self._ledger.store, self._clock.now_us()
        lease = await self._ledger.run(lambda: store.renew(held, ttl_s=self._ttl_s, now=now))
        self._held[lease.name] = lease
        return lease


def _name(caller: Caller) -> str:
    return f"{caller.task_id}/{caller.epoch}/{caller.role}"
