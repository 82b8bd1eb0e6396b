"""What was already done, by call id: a call repeated by a new server does nothing a second time."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["Answer", "Ledger"]


class Answer(NamedTuple):
    """What is sent back: the JSON object and the raw bytes after it."""

    document: dict[str, Any]
    body: bytes = b""


class _Entry:
    __slots__ = ("answer", "digest", "numbers")

    def __init__(self, digest: bytes, number: int) -> None:
        self.digest = digest
        self.numbers = [number]
        self.answer: Answer | None = None


class Ledger:
    """Running calls and the last finished ones.

    Args:
        keep: how many finished calls are remembered; a running one is never forgotten.
    """

    def __init__(self, keep: int = 256) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._running: dict[str, _Entry] = {}
        self._finished: dict[str, _Entry] = {}

    def enter(self, call: str, digest: bytes, number: int) -> tuple[bool, Answer | None]:
        """Ask to begin a call.

        Args:
            call: its id.
            digest: of everything it asks for.
            number: call number on the wire that the answer belongs to.

        Returns:
            Whether it is new and to be done now; else the remembered answer, or ``None`` when it
            still runs (its answer then goes to this number too).

        Raises:
            Refusal: ``conflict`` when the id was used for something else.
        """
        with self._lock:
            entry = self._finished.get(call) or self._running.get(call)
            if entry is None:
                self._running[call] = _Entry(digest, number)
                return True, None
            if entry.digest != digest:
                raise Refusal("conflict", f"call id {call} was used for another call")
            if entry.answer is None:
                entry.numbers.append(number)
            return False, entry.answer

    def finish(self, call: str, answer: Answer) -> list[int]:
        """Remember the answer; the call numbers that wait for it."""
        with self._lock:
            entry = self._running.pop(call)
            entry.answer = answer
            self._finished[call] = entry
            while len(self._finished) > self._keep:
                del self._finished[next(iter(self._finished))]
            return entry.numbers
