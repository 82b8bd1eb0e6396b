"""The audit without a disk: what was recorded, in order, and a log that can be made to refuse."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future

from interlock.errors import UnavailableError
from interlock.ports.audit import AuditEntry, Kind, OpenIntent, Sealed

__all__ = ["MemoryAudit"]


class MemoryAudit:
    """``ports.audit.AuditPort`` in a list.

    Attributes:
        entries: everything that was acknowledged.
        is_broken: while set, nothing is recorded and every record is refused.
    """

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.is_broken = False
        self._head = Sealed(0, "")

    def of(self, call_id: str) -> list[Kind]:
        """Kinds of the records of one call, in order."""
        return [entry.kind for entry in self.entries if entry.call_id == call_id]

    def append(self, entry: AuditEntry) -> Future[Sealed]:
        """Hand over a record."""
        done: Future[Sealed] = Future()
        try:
            done.set_result(self._seal(entry))
        except UnavailableError as error:
            done.set_exception(error)
        return done

    async def record(self, entry: AuditEntry) -> Sealed:
        """Hand over a record; it is there at once."""
        return self._seal(entry)

    def _seal(self, entry: AuditEntry) -> Sealed:
        if self.is_broken:
            raise UnavailableError("the audit is broken", code="IL-AUD-002")
        self.entries.append(entry)
        head = hashlib.sha256(f"{self._head.head}{entry!r}".encode()).hexdigest()
        self._head = Sealed(self._head.seq + 1, head)
        return self._head

    @property
    def heads(self) -> Sealed:
        """The last record."""
        return self._head

    def open_intents(self) -> tuple[OpenIntent, ...]:
        """None: nothing was there before."""
        return ()

    def close(self) -> None:
        """Refuse from now on."""
        self.is_broken = True
