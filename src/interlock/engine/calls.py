"""Tool calls as the audit records them, counted on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Final

from interlock.core.metrics import ToolUse
from interlock.core.policy.names import CANONICAL, PROTOCOL
from interlock.ports.audit import AuditEntry, AuditPort, Kind, OpenIntent, Sealed
from interlock.ports.store import Store

__all__ = ["CountedAudit", "use_of"]

_SETTING: Final = "metrics.calls"
_KNOWN: Final = frozenset(CANONICAL) | frozenset(PROTOCOL)
Since = Callable[[int], Iterable[tuple[int, AuditEntry]]]
"""Records after a number, each with its own."""


def use_of(entry: AuditEntry) -> ToolUse | None:
    """What a record counts as: the end of a call, or its refusal; nothing if it is neither."""
    if entry.kind is Kind.OUTCOME:
        return ToolUse(entry.phase, entry.tool, True)
    if entry.kind is not Kind.DECISION:
        return None
    allowed = isinstance(entry.decision, dict) and entry.decision.get("allowed") is True
    # Whoever is denied may have made the name up.
    tool = entry.tool if allowed or entry.tool in _KNOWN else "other"
    return ToolUse(entry.phase, tool, allowed)


class CountedAudit:
    """``ports.audit.AuditPort`` that counts what passes through it to another one.

    Attributes:
        calls: how often each tool was used or refused in each phase.
    """

    def __init__(self, audit: AuditPort) -> None:
        self._audit = audit
        self.calls: Counter[ToolUse] = Counter()
        self._seq = audit.heads.seq

    def append(self, entry: AuditEntry) -> Future[Sealed]:
        """Hand over a record; counted when it is handed over."""
        self._count(entry, 0)
        return self._audit.append(entry)

    async def record(self, entry: AuditEntry) -> Sealed:
        """Hand over a record, wait until it is durable, count it."""
        sealed = await self._audit.record(entry)
        self._count(entry, sealed.seq)
        return sealed

    def _count(self, entry: AuditEntry, seq: int) -> None:
        if (use := use_of(entry)) is not None:
            self.calls[use] += 1
        self._seq = max(self._seq, seq)

    @property
    def heads(self) -> Sealed:
        """The last durable record."""
        return self._audit.heads

    def open_intents(self) -> tuple[OpenIntent, ...]:
        """Intents without an outcome when the log was opened."""
        return self._audit.open_intents()

    def close(self) -> None:
        """Close the log behind it."""
        self._audit.close()

    def resume(self, store: Store, since: Since) -> None:
        """Take up the count where an earlier server left it; blocking, before anything is counted.

        A log that was never counted is counted from now on.
        """
        if (kept := store.setting(_SETTING)) is None:
            self.keep(store, self.counted())
            return
        document = json.loads(kept)
        self.calls.update(
            {ToolUse(phase, tool, allowed): n for phase, tool, allowed, n in document["calls"]}
        )
        for seq, entry in since(document["seq"]):
            self._count(entry, seq)

    def counted(self) -> str:
        """The count as it is now, with the number of the last record that is in it."""
        calls = [[*use, number] for use, number in self.calls.items()]
        return json.dumps({"seq": self._seq, "calls": calls})

    @staticmethod
    def keep(store: Store, counted: str) -> None:
        """Put a count down; blocking."""
        store.set_setting(_SETTING, counted)
