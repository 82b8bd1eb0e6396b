"""The store on one machine: a SQLite file, and a directory of blobs beside it.

Only the server opens it. ``<file>.lock`` refuses a second one, because what a server keeps in
memory (epochs, cached tokens) is only true as long as nobody else writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from interlock.adapters.durable import make_private_directory
from interlock.adapters.lockfile import LockFile
from interlock.adapters.stores import conflicts, documents
from interlock.adapters.stores.blobs import BlobDirectory
from interlock.adapters.stores.connections import Connections
from interlock.errors import IntegrityError, UnavailableError
from interlock.ports.store import EVENT_SCHEMA, Lease, NewEvent, StoredEvent

__all__ = ["SQLiteStore"]

_COLUMNS = "id, timestamp, event_type, task_id, data, task_version, schema, actor, command_id"
_INSERT = f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constant
_SELECT = f"SELECT {_COLUMNS} FROM events"  # noqa: S608 - constant
_WANTED = "(:types = '[]' OR event_type IN (SELECT value FROM json_each(:types)))"


class SQLiteStore:
    """``ports.store.Store`` over ``events.db``.

    Args:
        path: the database file; created, with its directory, if it is not there.
        blobs: directory for large documents; by default ``blobs`` beside the file.
        on_failure: called when writing has failed in a way that only opening anew can mend.

    Raises:
        ConflictError: another process has it open (``IL-STO-004``); the message names it.
        IntegrityError: it is newer than this program, not ours, or contradicts itself.
        UnavailableError: it cannot be opened or written (``IL-STO-033``, ``IL-STO-034``).
    """

    def __init__(
        self,
        path: Path,
        *,
        blobs: Path | None = None,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        path = path.resolve()  # two names for one file must meet at one lock
        try:
            make_private_directory(path.parent)
            self._lock = LockFile(
                path.with_name(f"{path.name}.lock"), code="IL-STO-004", what=f"the state in {path}"
            )
        except OSError as problem:
            raise UnavailableError(
                f"{path} cannot be opened: {problem.strerror}",
                code="IL-STO-034",
                remedy="make sure that the disk has room and that the directory is the server's",
            ) from problem
        try:
            self._blobs = BlobDirectory(blobs or path.parent / "blobs")
            self._connections = Connections(path, on_failure)
            try:
                self._check()
            except BaseException:
                self._connections.close()
                raise
        except BaseException:
            self._lock.release()
            raise

    def _check(self) -> None:
        """Refuse a file with holes in its sequence, or with events of a newer program."""
        with self._connections.read() as connection:
            last, count, newest, schema = connection.execute(
                "SELECT (SELECT last_id FROM head), (SELECT count(*) FROM events),"
                " (SELECT coalesce(max(id), 0) FROM events),"
                " (SELECT coalesce(max(schema), 0) FROM events)"
            ).fetchone()
        if not last == count == newest:
            raise IntegrityError(
                f"{count} events up to number {newest}, but {last} were recorded",
                code="IL-STO-024",
                remedy="restore the state directory from a backup",
            )
        if schema > EVENT_SCHEMA:
            raise IntegrityError(
                f"events have schema {schema}, this program knows {EVENT_SCHEMA}",
                code="IL-STO-025",
                remedy="install the version of interlock that wrote them, or a newer one",
            )

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
        new = documents.encode(events, self._blobs.put)
        with self._connections.write() as connection:
            if command_id is not None and (before := self._command(connection, command_id)):
                conflicts.check_command(command_id, task_id, before[0].task_id)
                return before
            version = _one(
                connection,
                "SELECT coalesce(max(task_version), 0) FROM events WHERE task_id = ?",
                task_id,
            )
            conflicts.check_version(task_id, expected_version, version)
            last_id = _one(connection, "SELECT last_id FROM head")
            stored = documents.number(
                new,
                task_id=task_id,
                version=version,
                last_id=last_id,
                command_id=command_id,
                at=at,
            )
            connection.executemany(
                _INSERT,
                [_row(event, document.text) for event, document in zip(stored, new, strict=True)],
            )
            if command_id is not None:
                connection.execute(
                    "INSERT INTO commands (command_id, first_id, last_id) VALUES (?, ?, ?)",
                    (command_id, stored[0].id, stored[-1].id),
                )
        return stored

    def task_events(self, task_id: str) -> tuple[StoredEvent, ...]:
        """All events of a task in order."""
        with self._connections.read() as connection:
            return self._select(connection, "WHERE task_id = ? ORDER BY task_version", (task_id,))

    def task_ids(self) -> tuple[str, ...]:
        """Every task there is, in the order of their first events."""
        with self._connections.read() as connection:
            rows = connection.execute(
                "SELECT task_id FROM events WHERE task_version = 1 ORDER BY id"
            )
            return tuple(task_id for (task_id,) in rows)

    def events_after(
        self,
        cursor: int,
        *,
        types: Collection[str] = (),
        task_id: str | None = None,
        limit: int = 500,
    ) -> tuple[StoredEvent, ...]:
        """Events with an id over ``cursor``, in order of id."""
        values = {
            "cursor": cursor,
            "types": msgspec.json.encode(sorted(types)).decode(),
            "task": task_id,
            "limit": max(limit, 0),
        }
        # Two statements, because each then follows one index.
        task = "" if task_id is None else "task_id = :task AND "
        with self._connections.read() as connection:
            return self._select(
                connection,
                f"WHERE {task}id > :cursor AND {_WANTED} ORDER BY id LIMIT :limit",
                values,
            )

    def command(self, command_id: str) -> tuple[StoredEvent, ...]:
        """What a command recorded; empty if it was never recorded."""
        with self._connections.read() as connection:
            return self._command(connection, command_id)

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; returns their sha256 in hex once they are durable."""
        return self._blobs.put(data)

    def get_blob(self, digest: str) -> bytes:
        """The bytes of that digest, compared with it."""
        return self._blobs.get(digest)

    def acquire(self, name: str, holder: str, *, ttl_s: float, now: int) -> Lease | None:
        """Claim a name for a while; ``None`` if a live other has it."""
        with self._connections.write() as connection:
            lease = conflicts.granted(_lease(connection, name), name, holder, ttl_s=ttl_s, now=now)
            if lease is not None:
                _keep(connection, lease)
        return lease

    def renew(self, lease: Lease, *, ttl_s: float, now: int) -> Lease:
        """Extend a lease under the same fence."""
        with self._connections.write() as connection:
            renewed = conflicts.renewed(_lease(connection, lease.name), lease, ttl_s=ttl_s, now=now)
            _keep(connection, renewed)
        return renewed

    def release(self, lease: Lease) -> None:
        """Give a lease back; nothing happens if it was granted again meanwhile."""
        with self._connections.write() as connection:
            connection.execute(
                "UPDATE leases SET expires_at = 0 WHERE name = ? AND fence = ?",
                (lease.name, lease.fence),
            )

    def setting(self, key: str) -> str | None:
        """A small value kept under a key."""
        with self._connections.read() as connection:
            row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_setting(self, key: str, value: str) -> None:
        """Keep a small value under a key, replacing the old one."""
        with self._connections.write() as connection:
            connection.execute(
                "INSERT INTO settings (key, value) VALUES (?, ?)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    def close(self) -> None:
        """Close the file and let the next server in."""
        self._connections.close()
        self._lock.release()

    def _command(self, connection: sqlite3.Connection, command_id: str) -> tuple[StoredEvent, ...]:
        return self._select(
            connection,
            "WHERE id BETWEEN (SELECT first_id FROM commands WHERE command_id = :command)"
            " AND (SELECT last_id FROM commands WHERE command_id = :command) ORDER BY id",
            {"command": command_id},
        )

    def _select(
        self, connection: sqlite3.Connection, clause: str, values: Any
    ) -> tuple[StoredEvent, ...]:
        rows = connection.execute(f"{_SELECT} {clause}", values).fetchall()
        return tuple(
            StoredEvent(**(row | {"data": documents.decode(row["data"], self._blobs.get)}))
            for row in map(dict, rows)
        )


def _row(event: StoredEvent, text: str) -> tuple[Any, ...]:
    return (
        event.id,
        event.timestamp,
        event.event_type,
        event.task_id,
        text,
        event.task_version,
        event.schema,
        event.actor,
        event.command_id,
    )


def _one(connection: sqlite3.Connection, query: str, *values: Any) -> int:
    return int(connection.execute(query, values).fetchone()[0])


def _lease(connection: sqlite3.Connection, name: str) -> Lease | None:
    row = connection.execute(
        "SELECT name, holder, fence, expires_at FROM leases WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else Lease(*row)


def _keep(connection: sqlite3.Connection, lease: Lease) -> None:
    connection.execute(
        "INSERT INTO leases (name, holder, fence, expires_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = excluded.fence,"
        " expires_at = excluded.expires_at",
        (lease.name, lease.holder, lease.fence, lease.expires_at),
    )
