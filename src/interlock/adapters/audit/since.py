"""Records of the log after a number, for whoever has counted up to there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from interlock.adapters.audit.segments import listing
from interlock.ports.audit import AuditEntry, Kind

__all__ = ["records_since"]


class _Record(msgspec.Struct):
    """What of a record is counted."""

    seq: int
    kind: Kind
    phase: str = ""
    tool: str = ""
    decision: Any = None


_NEAR: Final = 64 * 1024
_decode = msgspec.json.Decoder(_Record).decode


def records_since(directory: Path, seq: int) -> Iterator[tuple[int, AuditEntry]]:
    """Number and what is counted of each record after ``seq``, in order.

    What cannot be read is passed over: whether the log is whole, ``audit verify`` says.
    """
    wanted: list[Path] = []
    for path in reversed(listing(directory)):
        wanted.insert(0, path)
        if _first(path) <= seq + 1:
            break
    for path in wanted:
        with path.open("rb") as lines:
            _skip(lines, path.stat().st_size, seq)
            for line in lines:
                record = _read(line)
                if record is not None and record.seq > seq:
                    yield (
                        record.seq,
                        AuditEntry(
                            kind=record.kind,
                            phase=record.phase,
                            tool=record.tool,
                            decision=record.decision,
                        ),
                    )


def _first(path: Path) -> int:
    """Number of a segment's first record; one that cannot be read is looked before."""
    with path.open("rb") as lines:
        record = _read(lines.readline())
    return record.seq if record else 1 << 62


def _skip(lines: BinaryIO, size: int, seq: int) -> None:
    """Go to the beginning of a line before which nothing is wanted, by halves."""
    low, high = 0, size
    while high - low > _NEAR:
        middle = (low + high) // 2
        lines.seek(middle)
        lines.readline()  # the rest of a line that began before
        record = _read(lines.readline())
        if record is not None and record.seq <= seq:
            low = middle
        else:
            high = middle
    lines.seek(low)
    if low:
        lines.readline()


def _read(line: bytes) -> _Record | None:
    try:
        return _decode(line)
    except msgspec.MsgspecError:
        return None
