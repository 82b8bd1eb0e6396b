"""The record of every call: what was asked, what was decided, what came of it.

For a call that changes something, a durable intent comes before it and an outcome after it, under
one call id; an intent without an outcome is a call that nobody saw the end of.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

__all__ = ["AuditEntry", "AuditPort", "Kind", "OpenIntent", "Sealed"]


class Kind(StrEnum):
    """What a record is about. ``ROTATE`` is the log's own: a new key, perhaps a new file."""

    INTENT = "intent"
    OUTCOME = "outcome"
    DECISION = "decision"
    NOTE = "note"
    ROTATE = "rotate"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One record before it is sealed; time and place in the sequence are given by the log.

    Args:
        kind: ``INTENT`` and ``OUTCOME`` of one call carry the same ``call_id``.
        tool: canonical name, or the unknown one as it was sent.
        args, result, decision: JSON values or dataclasses; secrets and long texts are taken out
            by the log.
        duration: seconds the call took; ``None`` before its end.
        level: confinement of the session that called.
    """

    kind: Kind
    call_id: str = ""
    agent_id: str = ""
    session_id: str = ""
    task_id: str = ""
    phase: str = ""
    tool: str = ""
    args: Any = None
    decision: Any = None
    result: Any = None
    duration: float | None = None
    level: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where a durable record stands.

    Args:
        seq: its number, from 1.
        head: hex digest over it and everything before it; kept elsewhere, it is an anchor.
    """

    seq: int
    head: str


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An intent that no outcome followed; ``timestamp`` is UTC in microseconds."""

    call_id: str
    seq: int
    timestamp: int
    agent_id: str
    session_id: str
    task_id: str
    phase: str
    tool: str


class AuditPort(Protocol):
    """Thread-safe; a record that was acknowledged is on the disk.

    Writing raises ``UnavailableError`` when the queue is full (``IL-AUD-001``), when a sync has
    failed (``IL-AUD-002``: deny until the log was opened anew) or the log is closed
    (``IL-AUD-003``).
    """

    def append(self, entry: AuditEntry) -> Future[Sealed]:
        """Hand over a record; the future is done once it is durable, or never will be."""
        ...

    async def record(self, entry: AuditEntry) -> Sealed:
        """Hand over a record and wait until it is durable."""
        ...

    @property
    def heads(self) -> Sealed:
        """The last durable record, to be carried by transition events."""
        ...

    def open_intents(self) -> tuple[OpenIntent, ...]:
        """Intents without an outcome when the log was opened, in order."""
        ...

    def close(self) -> None:
        """Write out what was handed over, then refuse. Closing twice is fine."""
        ...
