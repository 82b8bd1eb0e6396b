"""The store without a disk: same values, same refusals, gone with the process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace

from interlock.adapters.stores import conflicts, documents
from interlock.errors import NotFoundError, UnavailableError
from interlock.ports.store import Lease, NewEvent, StoredEvent

__all__ = ["MemoryStore"]


class MemoryStore:
    """``ports.store.Store`` in lists and dictionaries."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._events: list[StoredEvent] = []
        self._commands: dict[str, tuple[StoredEvent, ...]] = {}
        self._blobs: dict[str, bytes] = {}
        self._leases: dict[str, Lease] = {}
        self._settings: dict[str, str] = {}
        self._closed = False

    def append(
        self,
        task_id: str,
        expected_version: int,
        events: Sequence[NewEvent],
        *,
        command_id: str | None,
        at: int,
    ) -> tuple[StoredEvent, ...]:
        """Record what happened to a task, all of it or nothing; a known command records nothing."""
        with self._open():
            new = documents.encode(events, self.put_blob)
            if command_id is not None and (before := self._commands.get(command_id, ())):
                conflicts.check_command(command_id, task_id, before[0].task_id)
                return before
            version = len(self.task_events(task_id))
            conflicts.check_version(task_id, expected_version, version)
            stored = documents.number(
                new,
                task_id=task_id,
                version=version,
                last_id=len(self._events),
                command_id=command_id,
                at=at,
            )
            self._events.extend(stored)
            if command_id is not None:
                self._commands[command_id] = stored
            return stored

    def task_events(self, task_id: str) -> tuple[StoredEvent, ...]:
        """All events of a task in order."""
        with self._open():
            return tuple(event for event in self._events if event.task_id == task_id)

    def task_ids(self) -> tuple[str, ...]:
        """Every task there is, in the order of their first events."""
        with self._open():
            return tuple(dict.fromkeys(event.task_id for event in self._events))

    def events_after(
        self,
        cursor: int,
        *,
        types: Collection[str] = (),
        task_id: str | None = None,
        limit: int = 500,
    ) -> tuple[StoredEvent, ...]:
        """Events with an id over ``cursor``, in order of id."""
        with self._open():
            wanted = [
                event
                for event in self._events[max(cursor, 0) :]
                if (not types or event.event_type in types) and task_id in (None, event.task_id)
            ]
            return tuple(wanted[: max(limit, 0)])

    def command(self, command_id: str) -> tuple[StoredEvent, ...]:
        """What a command recorded; empty if it was never recorded."""
        with self._open():
            return self._commands.get(command_id, ())

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; returns their sha256 in hex."""
        digest = hashlib.sha256(data).hexdigest()
        with self._open():
            self._blobs[digest] = bytes(data)
        return digest

    def get_blob(self, digest: str) -> bytes:
        """The bytes of that digest."""
        with self._open():
            if digest not in self._blobs:
                raise NotFoundError(f"no blob {digest[:64]!r}", code="IL-STO-031")
            return self._blobs[digest]

    def acquire(self, name: str, holder: str, *, ttl_s: float, now: int) -> Lease | None:
        """Claim a name for a while; ``None`` if a live other has it."""
        with self._open():
            lease = conflicts.granted(self._leases.get(name), name, holder, ttl_s=ttl_s, now=now)
            if lease is not None:
                self._leases[name] = lease
            return lease

    def renew(self, lease: Lease, *, ttl_s: float, now: int) -> Lease:
        """Extend a lease under the same fence."""
        with self._open():
            present = self._leases.get(lease.name)
            renewed = conflicts.renewed(present, lease, ttl_s=ttl_s, now=now)
            self._leases[lease.name] = renewed
            return renewed

    def release(self, lease: Lease) -> None:
        """Give a lease back; nothing happens if it was granted again meanwhile."""
        with self._open():
            present = self._leases.get(lease.name)
            if present is not None and present.fence == lease.fence:
                self._leases[lease.name] = replace(present, expires_at=0)

    def setting(self, key: str) -> str | None:
        """A small value kept under a key."""
        with self._open():
            return self._settings.get(key)

    def set_setting(self, key: str, value: str) -> None:
        """Keep a small value under a key, replacing the old one."""
        with self._open():
            self._settings[key] = value

    def close(self) -> None:
        """Refuse everything from now on."""
        self._closed = True

    def _open(self) -> threading.RLock:
        if self._closed:
            raise UnavailableError("the store is closed", code="IL-STO-033")
        return self._lock
