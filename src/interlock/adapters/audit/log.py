"""The audit log: a directory of sealed JSONL segments with one writer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from interlock.adapters.audit import entry as entries
from interlock.adapters.audit.seal import EpochKey
from interlock.adapters.audit.segments import FileIO, SystemIO, listing
from interlock.adapters.audit.tail import read_tail
from interlock.adapters.audit.writer import Pending, Writer
from interlock.adapters.durable import make_private_directory
from interlock.adapters.lockfile import LockFile
from interlock.errors import ConflictError, UnavailableError
from interlock.ports.audit import AuditEntry, OpenIntent, Sealed
from interlock.ports.clock import Clock

__all__ = ["AuditLog"]

_SEGMENT_BYTES: Final = 100 * 2**20
_EPOCH_RECORDS: Final = 4096
_QUEUE_RECORDS: Final = 4096


class AuditLog:
    """``ports.audit.AuditPort`` over a directory that ``create`` has made.

    Args:
        directory: holds the segments, the present key and the lock.
        clock: for the records' timestamps.
        anchor: the last ``heads`` that is known from elsewhere (the newest transition event); a log
            that does not reach it is not opened.
        segment_bytes: size from which a segment is followed by a new one.
        epoch_records: so many records are sealed with one key.
        queue_records: so many may wait for the disk before more are refused.
        io: the calls to the disk.
        on_failure: called once, on another thread, when a write or sync has failed: from then on
            everything is denied until the log is opened anew.

    Raises:
        NotFoundError: there is no log (``IL-AUD-010``).
        ConflictError: another process writes it (``IL-AUD-004``).
        IntegrityError: its end contradicts itself, its key or the anchor.
        UnavailableError: the disk does not let it be opened (``IL-AUD-006``).
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Clock,
        anchor: Sealed | None = None,
        segment_bytes: int = _SEGMENT_BYTES,
        epoch_records: int = _EPOCH_RECORDS,
        queue_records: int = _QUEUE_RECORDS,
        io: FileIO | None = None,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._gathered: dict[asyncio.AbstractEventLoop, list[Pending]] = {}
        self._lock_gathered = threading.Lock()
        try:
            EpochKey.load(directory / "key")  # before the lock, which would create a file
            self._lock = LockFile(
                directory / "lock", code="IL-AUD-004", what=f"the audit log in {directory}"
            )
            try:
                tail = read_tail(directory, anchor)
                self._open_intents = tuple(tail.open.values())
                self._writer = Writer(
                    directory,
                    tail,
                    io=io or SystemIO(),
                    clock=clock,
                    segment_bytes=segment_bytes,
                    epoch_records=epoch_records,
                    queue_records=queue_records,
                    on_failure=on_failure,
                )
            except BaseException:
                self._lock.release()
                raise
        except OSError as problem:
            raise UnavailableError(
                f"the audit log in {directory} cannot be opened: {problem.strerror}",
                code="IL-AUD-006",
                remedy="make sure that the disk has room and that the directory is the server's",
            ) from problem

    @staticmethod
    def create(directory: Path) -> str:
        """Make an empty log.

        Returns:
            The first key in hex. With it ``verify`` proves the whole log. It is shown to a person
            this once and kept nowhere.

        Raises:
            ConflictError: there is a log already (``IL-AUD-005``).
        """
        make_private_directory(directory)
        if (directory / "key").exists() or listing(directory):
            raise ConflictError(
                f"there is an audit log in {directory} already",
                code="IL-AUD-005",
                remedy="interlock audit verify",
            )
        return EpochKey.generate(directory / "key").key.hex()

    def append(self, entry: AuditEntry) -> Future[Sealed]:
        """Hand over a record; the future is done once it is durable, or never will be.

        Raises:
            UnavailableError: see ``ports.audit.AuditPort``; then nothing was recorded.
        """
        future: Future[Sealed] = Future()
        future.set_running_or_notify_cancel()  # what was handed over cannot be taken back
        self._writer.enqueue(self._pending(entry, future))
        return future

    async def record(self, entry: AuditEntry) -> Sealed:
        """Hand over a record and wait until it is durable; cancelling stops only the waiting."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sealed] = loop.create_future()
        pending = self._pending(entry, future)
        with self._lock_gathered:
            if loop not in self._gathered:
                self._gathered[loop] = []
                loop.call_soon(self._hand_over, loop)
            self._gathered[loop].append(pending)
        return await future

    @property
    def heads(self) -> Sealed:
        """The last durable record, to be carried by transition events."""
        return self._writer.heads

    def open_intents(self) -> tuple[OpenIntent, ...]:
        """Intents without an outcome when the log was opened, in order."""
        return self._open_intents

    def close(self) -> None:
        """Write out what was handed over, then refuse."""
        for loop in list(self._gathered):
            self._hand_over(loop)
        self._writer.close()
        self._lock.release()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the writer what the tasks of one turn of a loop recorded.

        One by one they would wake it while the next task runs: it would fight for the interpreter
        and sync a few records at a time, which costs more than writing them does.
        """
        with self._lock_gathered:
            gathered = self._gathered.pop(loop, [])
        self._writer.enqueue_or_refuse(gathered)

    def _pending(
        self, entry: AuditEntry, waiter: Future[Sealed] | asyncio.Future[Sealed]
    ) -> Pending:
        # Encoded here, on the caller's time: what cannot be encoded must not stop the writer.
        timestamp = self._clock.now_us()
        return Pending(
            kind=entry.kind,
            call_id=entries.name(entry.call_id),
            fields=entries.encode(entry, timestamp),
            intent=entries.intent(entry, timestamp),
            waiter=waiter,
        )
