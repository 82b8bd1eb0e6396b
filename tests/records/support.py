"""What the tests of the audit log share: entries, logs of a known shape, a disk that can fail."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.audit.segments import SystemIO
from interlock.ports.audit import AuditEntry, Kind, Sealed
from interlock.testing.fake_clock import FakeClock


def entry(kind: Kind = Kind.NOTE, call_id: str = "", **more: Any) -> AuditEntry:
    """An entry with that call id."""
    return AuditEntry(kind=kind, call_id=call_id, agent_id="claude", tool="bash", **more)


def new_log(directory: Path, **options: Any) -> tuple[bytes, AuditLog]:
    """A fresh log and its first key."""
    key = bytes.fromhex(AuditLog.create(directory))
    return key, open_log(directory, **options)


def open_log(directory: Path, **options: Any) -> AuditLog:
    """A log that is there already."""
    return AuditLog(directory, clock=FakeClock(), **options)


def fill(log: AuditLog, count: int) -> list[Sealed]:
    """Append records one after the other."""
    return [log.append(entry(call_id=f"c{n}", args={"n": n})).result(10) for n in range(count)]


def lines(directory: Path) -> list[bytes]:
    """All lines of all segments in order."""
    return [
        line
        for path in sorted(directory.glob("*.jsonl"))
        for line in path.read_bytes().splitlines(keepends=True)
    ]


def records(directory: Path) -> list[dict[str, Any]]:
    """All records, parsed by somebody else's JSON reader."""
    return [json.loads(line) for line in lines(directory)]


@dataclass
class DroppingDisk(SystemIO):
    """A disk that keeps what was synced and nothing else, and may fail at the n-th sync or write.

    Args:
        kept: bytes that survive a power cut.
        hold: while it is not set, syncs wait, and a write that will fail.
        written: set by the first write.
    """

    fail_sync: int = 0
    fail_write: int = 0
    fail_truncate: bool = False
    kept: bytes = b""
    syncs: int = 0
    writes: int = 0
    _cached: bytes = b""
    hold: threading.Event = field(default_factory=threading.Event)
    written: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.hold.set()

    def write(self, descriptor: int, data: bytes) -> None:
        self.writes += 1
        if self.writes == self.fail_write:
            self.hold.wait(10)
            super().write(descriptor, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        super().write(descriptor, data)
        self._cached += data
        self.written.set()

    def sync(self, descriptor: int) -> None:
        self.hold.wait(10)
        self.syncs += 1
        if self.syncs == self.fail_sync:
            self._cached = b""  # as Linux does: the pages are clean now, and the data is gone
            raise OSError(5, "Input/output error")
        self.kept += self._cached
        self._cached = b""

    def truncate(self, descriptor: int, size: int) -> None:
        if self.fail_truncate:
            raise OSError(30, "Read-only file system")
        super().truncate(descriptor, size)
