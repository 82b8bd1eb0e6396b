"""The connections of one process to its one SQLite file: a guarded writer, a few readers.

Durability: WAL with ``synchronous=FULL`` syncs the log at every commit. All connections are opened
here and stay open until the end, by one library: opening the file by other means drops the
library's locks.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

from interlock.errors import IntegrityError, InvalidInputError, UnavailableError
from interlock.failpoints import reach

__all__ = ["Connections"]

_APPLICATION_ID: Final = 0x494C4556  # "ILEV"
_READERS: Final = 4
_BUSY_S: Final = 5.0
_IOERR: Final = 10  # primary result code; the byte above says which


class Connections:
    """Opens the database, brings its schema up to date, and hands out connections.

    Args:
        path: the database file; created if it is not there.
        on_failure: called once a write or sync has failed in a way that only opening anew can mend.

    Raises:
        IntegrityError: it is not ours, or newer than this program, or damaged.
        UnavailableError: it cannot be opened.
    """

    def __init__(self, path: Path, on_failure: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._readers: queue.LifoQueue[sqlite3.Connection | None] = queue.LifoQueue()
        self._closed = False
        self._failed = False
        if not path.exists():
            path.touch(mode=0o600)  # SQLite gives its -wal and -shm the same mode
        with _translated(path):
            self._writer = self._connect()
            try:
                _migrate(self._writer, path)
                for _ in range(_READERS):
                    reader = self._connect()
                    reader.execute("PRAGMA query_only = ON")
                    self._readers.put(reader)
            except BaseException:
                self._close_all()
                raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed and synced when the block ends, undone when it raises."""
        with self._lock, _translated(self._path):
            if self._closed or self._failed:
                raise _unavailable(self._path, "it is closed" if self._closed else "a write failed")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                reach("store.begin")
                yield self._writer
                reach("store.commit")
                self._writer.execute("COMMIT")
                reach("store.committed")
            except sqlite3.Error as problem:
                # After a failed sync nobody knows what is on the disk: only opening anew finds out.
                self._failed = getattr(problem, "sqlite_errorcode", 0) & 0xFF == _IOERR
                self._undo()
                if self._failed:
                    self._on_failure()
                raise
            except BaseException:
                self._undo()
                raise

    def _undo(self) -> None:
        # SQLite has rolled back by itself after some errors.
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection that cannot write; waits if all are busy."""
        reader = self._readers.get()
        try:
            if reader is None:
                raise _unavailable(self._path, "it is closed")
            with _translated(self._path):
                yield reader
        finally:
            self._readers.put(reader)

    def close(self) -> None:
        """Wait for what is running, then close everything; the last one out merges the log."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for _ in range(_READERS):
                reader = self._readers.get()
                if reader is not None:
                    reader.close()
            self._readers.put(None)
            self._writer.close()

    def _close_all(self) -> None:
        while not self._readers.empty():
            reader = self._readers.get()
            if reader is not None:
                reader.close()
        self._writer.close()


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours: a contradiction in the file, or a file that cannot be used now."""
    try:
        yield
    except UnicodeEncodeError as problem:
        raise InvalidInputError(
            f"a text is not valid Unicode: {problem.reason}",
            code="IL-STO-014",
            remedy="give ids and names without surrogates",
        ) from problem
    except (sqlite3.OperationalError, OSError) as problem:
        raise _unavailable(path, str(problem)) from problem
    except sqlite3.DatabaseError as problem:
        raise IntegrityError(
            f"{path} contradicts itself: {problem}",
            code="IL-STO-021",
            remedy="restore the state directory from a backup",
        ) from problem


def _unavailable(path: Path, why: str) -> UnavailableError:
    return UnavailableError(
        f"{path} cannot be used: {why}",
        code="IL-STO-033",
        remedy="look for a full or failing disk; the server goes on, or starts again, by itself",
    )


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Apply the schema files that the database has not seen yet, each in one transaction."""
    scripts = sorted(
        (int(entry.name.partition("_")[0]), entry.read_text("utf-8"))
        for entry in resources.files(__package__).joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    )
    known = scripts[-1][0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    owner: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if owner != (_APPLICATION_ID if tables else 0):
        raise IntegrityError(
            f"{path} is not a database of Interlock",
            code="IL-STO-022",
            remedy="move it away, or point the state directory elsewhere",
        )
    if version > known:
        raise IntegrityError(
            f"{path} has schema {version}, this program knows {known}",
            code="IL-STO-023",
            remedy="install the version of interlock that wrote it, or a newer one",
        )
    for number, script in scripts:
        if number > version:
            connection.executescript(
                f"BEGIN IMMEDIATE; {script}; PRAGMA application_id = {_APPLICATION_ID};"
                f" PRAGMA user_version = {number}; COMMIT;"
            )
