"""The record of everything that happened: events per task, blobs beside them, leases across them.

Events are the truth and the bus. An append is guarded by the task's version and is one
transaction; state is the fold over what was appended. Every time is UTC in microseconds and given
by the caller; order is ``id``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

__all__ = ["EVENT_SCHEMA", "INLINE_BYTES", "Lease", "NewEvent", "Store", "StoredEvent"]

EVENT_SCHEMA: Final = 1
"""Version of the shape of ``data`` over all event types; a store with a newer one is not opened."""

INLINE_BYTES: Final = 16 * 1024
"""Largest ``data``, as JSON, that stays in its row; larger ones go to a blob, unseen by callers."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened and is about to be recorded.

    Args:
        event_type: such as ``gate_passed``.
        data: a JSON object; comes back as plain JSON values, tuples as lists. ``$blob`` is a
            reserved key.
        actor: who made it happen: ``agent:…``, ``person:…``, ``server``.
    """

    event_type: str
    data: Mapping[str, Any]
    actor: str


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is recorded.

    Args:
        id: place in the sequence over all tasks, from 1, without gaps.
        timestamp: UTC in microseconds; never used for order.
        task_version: place in the task's own sequence, from 1, without gaps.
        schema: version of the shape of ``data``.
        command_id: the command whose doing this was; unique to it.
    """

    id: int
    timestamp: int
    event_type: str
    task_id: str
    data: Mapping[str, Any]
    task_version: int
    schema: int
    actor: str
    command_id: str | None


@dataclass(frozen=True, slots=True)
class Lease:
    """A time-boxed claim on a name.

    Args:
        fence: number that grows with every grant of this name; a smaller one is a zombie's.
        expires_at: UTC in microseconds; from this moment on the lease is over.
    """

    name: str
    holder: str
    fence: int
    expires_at: int


class Store(Protocol):
    """Synchronous and thread-safe; what has returned is durable.

    Every method raises ``UnavailableError`` when the store is closed or cannot be reached or
    written, and ``IntegrityError`` when what it reads contradicts itself.
    """

    def append(
        self,
        task_id: str,
        expected_version: int,
        events: Sequence[NewEvent],
        *,
        command_id: str | None,
        at: int,
    ) -> tuple[StoredEvent, ...]:
        """Record what happened to a task, all of it or nothing.

        A command that is recorded already is not recorded again: its events are returned, whatever
        ``expected_version`` and ``events`` say.

        Args:
            expected_version: version of the last event the caller has seen of this task, 0 for
                none.
            events: at least one; the first gets version ``expected_version + 1``.
            at: UTC in microseconds.

        Raises:
            ConflictError: the task has moved on (``IL-STO-001``), or the command belongs to another
                task (``IL-STO-002``).
            InvalidInputError: ``data`` is not a JSON object or uses a reserved key.
            TooLargeError: ``data`` is over the limit for blobs.
        """
        ...

    def task_events(self, task_id: str) -> tuple[StoredEvent, ...]:
        """All events of a task in order; empty for a task that is not known."""
        ...

    def task_ids(self) -> tuple[str, ...]:
        """Every task there is, in the order of their first events."""
        ...

    def events_after(
        self,
        cursor: int,
        *,
        types: Collection[str] = (),
        task_id: str | None = None,
        limit: int = 500,
    ) -> tuple[StoredEvent, ...]:
        """At most ``limit`` events with an id over ``cursor``, in order of id; no types: all."""
        ...

    def command(self, command_id: str) -> tuple[StoredEvent, ...]:
        """What a command recorded; empty if it was never recorded."""
        ...

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; returns their sha256 in hex once they are durable."""
        ...

    def get_blob(self, digest: str) -> bytes:
        """The bytes of that digest, compared with it.

        Raises:
            NotFoundError: no such blob.
            IntegrityError: the bytes are not those that were put.
        """
        ...

    def acquire(self, name: str, holder: str, *, ttl_s: float, now: int) -> Lease | None:
        """Claim a name for ``ttl_s`` seconds from ``now`` (µs); ``None`` if a live other has it.

        The present holder gets a new grant, which fences off its old one.
        """
        ...

    def renew(self, lease: Lease, *, ttl_s: float, now: int) -> Lease:
        """Extend a lease under the same fence.

        Raises:
            ConflictError: it is over, was released, or was granted again (``IL-STO-003``).
        """
        ...

    def release(self, lease: Lease) -> None:
        """Give a lease back; nothing happens if it was granted again meanwhile."""
        ...

    def setting(self, key: str) -> str | None:
        """A small value kept under a key: server ids, key ids, trusted digests."""
        ...

    def set_setting(self, key: str, value: str) -> None:
        """Keep a small value under a key, replacing the old one."""
        ...

    def close(self) -> None:
        """Let go of everything; further calls raise. Closing twice is fine."""
        ...
