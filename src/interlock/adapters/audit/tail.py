"""Where the log ends: read when it is opened, checked back to where its present key began.

A last line without its end was never acknowledged and is cut off. Everything else that does not
fit means that somebody was here.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from interlock.adapters.audit import seal
from interlock.adapters.audit.segments import first_gap, listing, segment_name
from interlock.errors import IntegrityError
from interlock.failpoints import reach
from interlock.ports.audit import Kind, OpenIntent, Sealed

__all__ = ["Tail", "read_tail"]


@dataclass(slots=True)
class Tail:
    """Everything the writer has to know to go on.

    Args:
        key: key of the present epoch.
        segment: number of the file to append to; it may not be there yet.
        size: its size in bytes.
        seq, head: of the last record.
        in_epoch: records sealed with the present key.
        open: intents without outcome by call id, in order.
    """

    key: seal.EpochKey
    segment: int = 1
    size: int = 0
    seq: int = 0
    head: bytes = seal.GENESIS
    in_epoch: int = 0
    open: dict[str, OpenIntent] = field(default_factory=dict)


class _Record(msgspec.Struct):
    """What of a record matters here."""

    kind: Kind
    seq: int
    timestamp: int = 0
    agent_id: str = ""
    session_id: str = ""
    task_id: str = ""
    phase: str = ""
    tool: str = ""
    call_id: str = ""


def read_tail(directory: Path, anchor: Sealed | None) -> Tail:
    """Find the end of the log, repair what a crash may have left, and check the newest epoch.

    Args:
        anchor: the last known place, from outside the log.

    Raises:
        NotFoundError: there is no key.
        IntegrityError: a segment is missing (``IL-AUD-020``), a line does not fit
            (``IL-AUD-021``), the key and the log are of different times (``IL-AUD-022``), the log
            ends before the anchor or is another one (``IL-AUD-023``).
    """
    key = seal.EpochKey.load(directory / "key")
    segments = listing(directory)
    if missing := first_gap(segments):
        raise _broken("IL-AUD-020", f"{missing} is missing")
    lines, start = _newest_epoch(segments)
    tail = Tail(key, segment=max(len(segments), 1))
    heads: dict[int, bytes] = {}
    for number, text in enumerate(lines):
        if number == 0 and start is not None:
            _begin(tail, text, start)
        else:
            _follow(tail, text)
        heads[tail.seq] = tail.head
    if start is None and tail.key.epoch != 0:
        raise _broken("IL-AUD-022", f"the key is of epoch {key.epoch}, the log of epoch 0")
    if segments and tail.segment == len(segments):
        tail.size = segments[-1].stat().st_size
    if anchor is not None:
        _check_anchor(anchor, tail, heads)
    return tail


def _newest_epoch(segments: list[Path]) -> tuple[list[bytes], seal.Rotation | None]:
    """The lines from the last rotation on, and that rotation; all lines if there is none."""
    lines: list[bytes] = []
    for path in reversed(segments):
        lines = _lines_of_epoch(path, last=path is segments[-1]) + lines
        if lines and lines[0].startswith(seal.ROTATE_PREFIX):
            return lines, _rotation(lines[0])
    return lines, None


def _lines_of_epoch(path: Path, *, last: bool) -> list[bytes]:
    """The lines of a segment from its last rotation on; a torn end of the log is cut off."""
    size = path.stat().st_size
    if size == 0:
        return []
    with path.open("r+b") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            end = data.rfind(b"\n") + 1
            # Newlines are escaped inside JSON: one followed by this is the beginning of a record.
            begin = data.rfind(b"\n" + seal.ROTATE_PREFIX, 0, end) + 1
            lines = data[begin:end].splitlines(keepends=True)
        if end < size:
            if not last:
                raise _broken("IL-AUD-021", f"the last line of {path.name} is incomplete")
            reach("audit.cut")
            file.truncate(end)
            os.fsync(file.fileno())
    return lines


def _begin(tail: Tail, text: bytes, rotation: seal.Rotation) -> None:
    """Start from a rotation; finish it if the process died between its record and its new key."""
    head = seal.head_of(text)
    if head is None:
        raise _broken("IL-AUD-021", f"record {rotation.seq} is not sealed")
    tail.head, tail.seq = head, rotation.seq
    if tail.key.epoch == rotation.epoch - 1:
        tail.key = tail.key.evolve()
    elif tail.key.epoch != rotation.epoch:
        raise _broken(
            "IL-AUD-022", f"the key is of epoch {tail.key.epoch}, the log of epoch {rotation.epoch}"
        )
    tail.open = {found["call_id"]: OpenIntent(**found) for found in rotation.open}
    if rotation.segment:
        number = int(rotation.segment.partition(".")[0])
        if number not in (tail.segment, tail.segment + 1):
            raise _broken("IL-AUD-020", f"{segment_name(number)} is missing")
        tail.segment = number


def _follow(tail: Tail, text: bytes) -> None:
    head = seal.is_sealed(text, tail.head, tail.key.key)
    if head is None:
        raise _broken(
            "IL-AUD-021",
            f"the record after number {tail.seq} in {segment_name(tail.segment)} does not fit",
        )
    record = msgspec.json.decode(text, type=_Record)
    tail.head, tail.seq = head, record.seq
    tail.in_epoch += 1
    match record.kind:
        case Kind.INTENT:
            tail.open[record.call_id] = _intent(record)
        case Kind.OUTCOME:
            tail.open.pop(record.call_id, None)


def _intent(record: _Record) -> OpenIntent:
    values: dict[str, Any] = msgspec.to_builtins(record)
    del values["kind"]
    return OpenIntent(**values)


def _rotation(text: bytes) -> seal.Rotation:
    try:
        return msgspec.json.decode(text, type=seal.Rotation)
    except msgspec.MsgspecError as problem:
        raise _broken("IL-AUD-021", f"a rotation is not readable: {problem}") from problem


def _check_anchor(anchor: Sealed, tail: Tail, heads: dict[int, bytes]) -> None:
    if anchor.seq > tail.seq:
        raise _broken(
            "IL-AUD-023", f"it ends at record {tail.seq}, but record {anchor.seq} was acknowledged"
        )
    known = heads.get(anchor.seq)
    if known is not None and known.hex() != anchor.head:
        raise _broken("IL-AUD-023", f"record {anchor.seq} is not the one that was acknowledged")


def _broken(code: str, why: str) -> IntegrityError:
    return IntegrityError(
        f"the audit log contradicts itself: {why}",
        code=code,
        remedy="interlock audit verify, and keep the directory for whoever looks into it",
    )
