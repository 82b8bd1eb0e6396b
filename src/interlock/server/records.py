"""What a starting server asks of its records: where the audit must reach, which calls nobody saw
the end of, the key that it signs with."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from interlock.failpoints import reach
from interlock.ports.audit import AuditEntry, AuditPort, Kind, Sealed
from interlock.ports.store import Store

__all__ = ["ANCHORED", "anchors_in", "newest_anchor", "note_open_intents", "signing_key"]

ANCHORED = ("phase_changed", "task_completed")
"""Events that carry the head of the audit."""


def anchors_in(events: Iterable[Mapping[str, Any]]) -> list[Sealed]:
    """The heads that the data of events carries."""
    return [Sealed(data["audit_seq"], data["audit_head"]) for data in events if _seq(data)]


def _seq(data: Mapping[str, Any]) -> int:
    return int(data.get("audit_seq", 0))


def newest_anchor(store: Store) -> Sealed | None:
    """The newest head of the audit that an event carries: a log that ends before it was cut."""
    newest: Sealed | None = None
    cursor = 0
    while events := store.events_after(cursor, types=ANCHORED):
        cursor = events[-1].id
        for sealed in anchors_in(event.data for event in events):
            if newest is None or sealed.seq > newest.seq:
                newest = sealed
    return newest


async def note_open_intents(audit: AuditPort) -> None:
    """A call that nobody saw the end of is named, not forgotten."""
    for intent in audit.open_intents():
        await audit.record(
            AuditEntry(
                kind=Kind.OUTCOME,
                call_id=intent.call_id,
                agent_id=intent.agent_id,
                session_id=intent.session_id,
                task_id=intent.task_id,
                phase=intent.phase,
                tool=intent.tool,
                result={"outcome": "unknown", "why": "the server ended before the call did"},
            )
        )


def signing_key(path: Path) -> bytes:
    """The key of attestations, made on first use and readable by its owner alone."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            reach("signing.write")
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
    return path.read_bytes()
