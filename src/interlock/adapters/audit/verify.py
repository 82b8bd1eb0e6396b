"""Read a log from its beginning and say how much of it is proved.

* With the **first key** every seal is checked: no record was changed, removed, swapped or put in.
What only
  anchors show: that nothing is missing at the end, and that the newest epoch was not written anew
  by somebody who holds its key.
* Without it the chain of heads is followed, which anybody can compute anew; what it proves it
proves up to the
  last anchor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from interlock.adapters.audit import seal
from interlock.adapters.audit.segments import listing, segment_name
from interlock.errors import NotFoundError
from interlock.ports.audit import Sealed

__all__ = ["FirstBad", "Proved", "Verification", "verify"]


class Proved(StrEnum):
    """How far the proof reaches."""

    WHOLE = "whole"
    TO_LAST_ANCHOR = "up to last anchor"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class FirstBad:
    """The first place that does not fit: file, 1-based line, and why."""

    segment: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    Args:
        records: records before the first bad one, or all.
        proved: how far the proof reaches if ``ok``; ``NOTHING`` if not.
        last_anchor: the highest anchored record, 0 without anchors.
        unfinished: bytes of a last line without its end: a crash, or a record being written just
            now.
    """

    ok: bool
    records: int
    first_bad: FirstBad | None
    proved: Proved
    last_anchor: int
    unfinished: int = 0


class _Mismatch(Exception):
    """The line that is being read does not fit, and why."""


def verify(
    directory: Path, key: bytes | None = None, anchors: Iterable[Sealed] = ()
) -> Verification:
    """Check a log; it may be in use.

    Args:
        key: the first key, as ``AuditLog.create`` returned it (its bytes).
        anchors: heads kept elsewhere, from transition events or a remote place.

    Raises:
        NotFoundError: no such directory.
    """
    if not directory.is_dir():
        raise NotFoundError(
            f"there is no audit log at {directory}", code="IL-AUD-010", remedy="interlock init"
        )
    walk = _Walk(key, {anchor.seq: anchor.head for anchor in anchors})
    bad = walk.all(directory)
    return Verification(
        ok=bad is None,
        records=walk.seq,
        first_bad=bad,
        proved=Proved.NOTHING if bad else walk.proved,
        last_anchor=walk.last_anchor,
        unfinished=walk.unfinished,
    )


class _Walk:
    """Where the reading stands."""

    def __init__(self, key: bytes | None, anchors: dict[int, str]) -> None:
        self.key = key
        self.anchors = anchors
        self.last_anchor = max(anchors, default=0)
        self.seq = 0
        self.head = seal.GENESIS
        self.epoch = 0
        self.line = 0
        self.unfinished = 0
        self.announced = segment_name(1)
        self.present: seal.EpochKey | None = None

    @property
    def proved(self) -> Proved:
        if self.key is not None:
            return Proved.WHOLE
        return Proved.TO_LAST_ANCHOR if self.last_anchor else Proved.NOTHING

    def all(self, directory: Path) -> FirstBad | None:
        name = segment_name(1)
        try:
            # Before the segments: a log in use only grows, so they reach at least this key.
            self.present = _present_key(directory)
            self.check_key()
            segments = listing(directory)
            for path in segments:
                name, self.line = path.name, 1
                self.segment(path, last=path is segments[-1])
            self.end()
        except _Mismatch as mismatch:
            return FirstBad(name, self.line, str(mismatch))
        return None

    def segment(self, path: Path, *, last: bool) -> None:
        if path.name != self.announced:
            raise _Mismatch(f"expected {self.announced or 'no further segment'}")
        self.announced = ""
        with path.open("rb", buffering=1 << 20) as lines:
            for text in lines:
                if not text.endswith(b"\n") and last:
                    self.unfinished = len(text)
                    return
                self.record(text)
                self.line += 1

    def record(self, text: bytes) -> None:
        head = seal.is_sealed(text, self.head, self.key)
        if head is None:
            raise _Mismatch(
                "the record does not follow the one before it"
                if seal.is_sealed(text, self.head, None) is None
                else "the seal does not fit: not written by the log, or another key"
            )
        if self.anchors and self.anchors.get(self.seq + 1, head.hex()) != head.hex():
            raise _Mismatch("not the record that was anchored")
        if text.startswith(seal.ROTATE_PREFIX):
            self.rotate(text)
        self.head = head
        self.seq += 1

    def rotate(self, text: bytes) -> None:
        try:
            rotation = msgspec.json.decode(text, type=seal.Rotation)
        except msgspec.MsgspecError as problem:
            raise _Mismatch(f"the rotation is not readable: {problem}") from None
        self.epoch = rotation.epoch
        self.announced = rotation.segment
        if self.key is not None:
            self.key = seal.next_key(self.key)
            self.check_key()

    def check_key(self) -> None:
        present = self.present
        if self.key is None or present is None or present.epoch != self.epoch:
            return
        if present.key != self.key:
            raise _Mismatch("the present key does not come from the first one")

    def end(self) -> None:
        """What must not be missing: anchored records, the epoch of the present key."""
        if self.last_anchor > self.seq:
            raise _Mismatch(f"record {self.last_anchor} was anchored and is missing")
        if self.present is not None and self.present.epoch > self.epoch:
            raise _Mismatch(
                f"the log ends in epoch {self.epoch}, its key is of epoch {self.present.epoch}"
            )


def _present_key(directory: Path) -> seal.EpochKey | None:
    """The key the log goes on with; ``None`` for a copy of the segments alone."""
    try:
        return seal.EpochKey.load(directory / "key")
    except NotFoundError:
        return None
