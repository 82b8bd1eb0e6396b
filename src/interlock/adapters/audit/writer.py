"""One thread that seals, writes and syncs for everybody: who waits together shares a sync.

A record is acknowledged after the sync and not before. A failed sync ends the writer for good: the
kernel may have dropped what it could not write, and a second sync would then report success over
nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from interlock.adapters.audit import seal
from interlock.adapters.audit.segments import FileIO, segment_name
from interlock.adapters.audit.tail import Tail
from interlock.errors import UnavailableError
from interlock.failpoints import reach
from interlock.ports.audit import Kind, OpenIntent, Sealed
from interlock.ports.clock import Clock

__all__ = ["Pending", "Writer"]

_BATCH: Final = 512

_Waiter: TypeAlias = Future[Sealed] | asyncio.Future[Sealed]
_Answer: TypeAlias = tuple[_Waiter, Sealed | UnavailableError]


@dataclass(slots=True)
class Pending:
    """A record on its way to the disk, and who waits for it: a future of a thread or of a loop.

    Args:
        fields: the inside of its JSON object, after ``kind`` and ``seq``.
        intent: for an intent, what is remembered until its outcome; its ``seq`` is still 0.
    """

    kind: Kind
    call_id: str
    fields: bytes
    intent: OpenIntent | None
    waiter: _Waiter


class Writer:
    """Owns the open segment; started by construction, ended by ``close`` or by a failure.

    Args:
        tail: where the log ends.
        segment_bytes: a segment that has grown over this is followed by a new one.
        epoch_records: so many records are sealed with one key.
        queue_records: so many may wait.
        on_failure: called once, on the writer's thread, when it has failed for good.
    """

    def __init__(
        self,
        directory: Path,
        tail: Tail,
        *,
        io: FileIO,
        clock: Clock,
        segment_bytes: int,
        epoch_records: int,
        queue_records: int,
        on_failure: Callable[[], None],
    ) -> None:
        self._on_failure = on_failure
        self._directory = directory
        self._tail = tail
        self._io = io
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._epoch_records = epoch_records
        self._queue_records = queue_records
        self._queue: list[Pending] = []
        self._wake = threading.Condition()
        self._closing = False
        self._failure = ""
        self.heads = Sealed(tail.seq, tail.head.hex())
        self._descriptor: int | None = io.open(directory / segment_name(tail.segment))
        self._thread = threading.Thread(target=self._run, name="audit-writer", daemon=True)
        self._thread.start()

    def enqueue(self, pending: Pending) -> None:
        """Hand over a record.

        Raises:
            UnavailableError: too many wait (``IL-AUD-001``), a write failed (``IL-AUD-002``),
                closed (``IL-AUD-003``).
        """
        with self._wake:
            if (refusal := self._refusal()) is not None:
                raise refusal
            self._queue.append(pending)
            self._wake.notify()

    def enqueue_or_refuse(self, batch: Sequence[Pending]) -> None:
        """Hand over several records of one loop, on it; who cannot wait is told by its future."""
        refused: list[tuple[_Waiter, UnavailableError]] = []
        with self._wake:
            for pending in batch:
                if (refusal := self._refusal()) is not None:
                    refused.append((pending.waiter, refusal))
                else:
                    self._queue.append(pending)
            self._wake.notify()
        _set_all(refused)

    def _refusal(self) -> UnavailableError | None:
        """Why the next record is not taken."""
        if self._failure:
            return self._poisoned()
        if self._closing:
            return UnavailableError("the audit log is closed", code="IL-AUD-003")
        if len(self._queue) >= self._queue_records:
            return UnavailableError(
                f"{self._queue_records} audit records wait for the disk",
                code="IL-AUD-001",
                remedy="try again in a moment; if it lasts, look at the disk",
            )
        return None

    def close(self) -> None:
        """Write what was handed over, then stop."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        if self._descriptor is not None:
            self._io.close(self._descriptor)
            self._descriptor = None

    def _run(self) -> None:
        while waiting := self._take():
            try:
                sealed, rotation = self._write(waiting)
                _resolve(waiting, sealed)
                waiting = []
                if rotation is not None:
                    self._turn(rotation)
            except BaseException as problem:  # whatever it was: nobody may wait for ever
                self._poison(problem, waiting)
                return

    def _take(self) -> list[Pending]:
        """The next batch; empty when nothing is left and nobody will come."""
        with self._wake:
            while not self._queue and not self._closing:
                self._wake.wait()
            batch, self._queue = self._queue[:_BATCH], self._queue[_BATCH:]
            return batch

    def _write(self, batch: Sequence[Pending]) -> tuple[list[Sealed], seal.Rotation | None]:
        """Seal a batch, with the rotation that is due after it, and sync it."""
        if self._descriptor is None:
            raise UnavailableError("no segment is open", code="IL-AUD-002")
        lines = [self._seal(pending) for pending in batch]
        text = b"".join(line for line, _ in lines)
        rotation = self._due(len(text))
        if rotation is not None:
            text += self._line(b'"kind":"rotate",' + msgspec.json.encode(rotation)[1:-1])
        reach("audit.write")
        self._io.write(self._descriptor, text)
        reach("audit.sync")
        self._io.sync(self._descriptor)
        reach("audit.synced")
        self._tail.size += len(text)
        self.heads = Sealed(self._tail.seq, self._tail.head.hex())
        return [sealed for _, sealed in lines], rotation

    def _seal(self, pending: Pending) -> tuple[bytes, Sealed]:
        tail = self._tail
        seq = tail.seq + 1
        line = self._line(b'"kind":"%b","seq":%d,%b' % (pending.kind.encode(), seq, pending.fields))
        if pending.intent is not None:
            tail.open[pending.call_id] = replace(pending.intent, seq=seq)
        elif pending.kind is Kind.OUTCOME:
            tail.open.pop(pending.call_id, None)
        return line, Sealed(seq, tail.head.hex())

    def _line(self, inside: bytes) -> bytes:
        tail = self._tail
        line, tail.head = seal.line(b"{" + inside, tail.head, tail.key.key)
        tail.seq += 1
        tail.in_epoch += 1
        return line

    def _due(self, growth: int) -> seal.Rotation | None:
        """The record that ends the epoch, and perhaps the segment, if it is time for that."""
        tail = self._tail
        full = tail.size + growth >= self._segment_bytes
        if not full and tail.in_epoch < self._epoch_records:
            return None
        return seal.Rotation(
            seq=tail.seq + 1,
            timestamp=self._clock.now_us(),
            epoch=tail.key.epoch + 1,
            segment=segment_name(tail.segment + 1) if full else "",
            open=[asdict(intent) for intent in tail.open.values()],
        )

    def _turn(self, rotation: seal.Rotation) -> None:
        """Go over to the next key and file; after a crash, opening the log finishes it."""
        reach("audit.turn")
        tail = self._tail
        tail.key = tail.key.evolve()
        tail.in_epoch = 0
        if rotation.segment:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                self._io.close(descriptor)
            tail.segment += 1
            tail.size = 0
            self._descriptor = self._io.open(self._directory / rotation.segment)

    def _poison(self, problem: BaseException, batch: Sequence[Pending]) -> None:
        """Deny everybody who waits and who will come."""
        with self._wake:
            self._failure = f"{type(problem).__name__}: {problem}"
            waiting, self._queue = [*batch, *self._queue], []
        if self._descriptor is not None:
            # What was written and not synced was never acknowledged: do not let the next start
            # find it, as it may be in memory only. If even this fails, the start will tell.
            with contextlib.suppress(OSError):
                self._io.truncate(self._descriptor, self._tail.size)
        _resolve(waiting, [self._poisoned() for _ in waiting])
        self._on_failure()

    def _poisoned(self) -> UnavailableError:
        return UnavailableError(
            f"the audit log could not be written ({self._failure}); nothing is allowed unrecorded",
            code="IL-AUD-002",
            remedy="make sure that the disk has room and is sound: the server starts again itself",
        )


def _resolve(batch: Sequence[Pending], results: Sequence[Sealed | UnavailableError]) -> None:
    """Answer everybody: threads one by one, each event loop with a single call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for pending, result in zip(batch, results, strict=True):
        if isinstance(pending.waiter, asyncio.Future):
            by_loop.setdefault(pending.waiter.get_loop(), []).append((pending.waiter, result))
        else:
            _set(pending.waiter, result)
    for loop, answers in by_loop.items():
        # A closed loop has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_set_all, answers)


def _set_all(answers: Sequence[_Answer]) -> None:
    for waiter, result in answers:
        _set(waiter, result)


def _set(waiter: _Waiter, result: Sealed | UnavailableError) -> None:
    if waiter.done():
        return  # given up: a cancelled task
    if isinstance(result, Sealed):
        waiter.set_result(result)
    else:
        waiter.set_exception(result)
