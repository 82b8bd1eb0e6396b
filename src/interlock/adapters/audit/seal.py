"""How a record is bound to all before it, and to a key that whoever comes later does not have.

``head = SHA-256(previous head ‖ body)`` chains the records: anybody can follow it, and one head
kept elsewhere (an anchor) fixes everything up to it. ``seal = HMAC(key, head)`` says that the
holder of the epoch's key wrote it. At the end of an epoch the next key is made from the present
one, which is then erased: who takes the server over later can forge nothing older, and the first
key, kept by a person, verifies everything.

A line is one JSON object; head and seal are its last two fields and have a fixed length, so that no
line has to be parsed to check it::

    {"kind":…,"seq":…,…,"head":"<64 hex>","seal":"<32 hex>"}
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from interlock.adapters.durable import replace_file
from interlock.errors import IntegrityError, NotFoundError

__all__ = [
    "GENESIS",
    "ROTATE_PREFIX",
    "TRAILER",
    "EpochKey",
    "Rotation",
    "head_of",
    "is_sealed",
    "line",
    "next_key",
]

GENESIS: Final = bytes(32)
"""The head before the first record."""

ROTATE_PREFIX: Final = b'{"kind":"rotate",'
_BEFORE_HEAD: Final = b',"head":"'
_BEFORE_SEAL: Final = b'","seal":"'
_END: Final = b'"}\n'
_SEAL_BYTES: Final = 16
TRAILER: Final = len(_BEFORE_HEAD) + 64 + len(_BEFORE_SEAL) + 2 * _SEAL_BYTES + len(_END)
"""Bytes after the body of a line, newline included."""

_HEAD_AT: Final = len(_BEFORE_HEAD) - TRAILER
_SEAL_AT: Final = _HEAD_AT + 64 + len(_BEFORE_SEAL)


def line(body: bytes, previous: bytes, key: bytes) -> tuple[bytes, bytes]:
    """The sealed line of a body (JSON object without its closing brace), and the new head."""
    head = hashlib.sha256(previous + body).digest()
    seal = hmac.digest(key, head, "sha256")[:_SEAL_BYTES]
    trailer = (_BEFORE_HEAD, head.hex().encode(), _BEFORE_SEAL, seal.hex().encode(), _END)
    return b"".join((body, *trailer)), head


def is_sealed(text: bytes, previous: bytes, key: bytes | None) -> bytes | None:
    """The head of a line if it follows ``previous`` (and, given a key, was sealed with it)."""
    head = hashlib.sha256(previous + text[:-TRAILER]).digest()
    if text[-TRAILER:_SEAL_AT] != b"".join((_BEFORE_HEAD, head.hex().encode(), _BEFORE_SEAL)):
        return None
    if text[_SEAL_AT + 2 * _SEAL_BYTES :] != _END:
        return None
    if key is not None:
        seal = hmac.digest(key, head, "sha256")[:_SEAL_BYTES].hex().encode()
        if not hmac.compare_digest(seal, text[_SEAL_AT : _SEAL_AT + 2 * _SEAL_BYTES]):
            return None
    return head


def head_of(text: bytes) -> bytes | None:
    """The head that a line claims, unchecked; ``None`` if it claims none."""
    try:
        return bytes.fromhex(text[_HEAD_AT : _HEAD_AT + 64].decode("ascii"))
    except ValueError:
        return None


def next_key(key: bytes) -> bytes:
    """The key of the following epoch; there is no way back."""
    return hmac.digest(key, b"interlock audit: next epoch", "sha256")


class Rotation(msgspec.Struct, kw_only=True):
    """The last record of an epoch.

    Args:
        epoch: number of the epoch that begins after it.
        segment: file in which the log goes on; empty if it is the same one.
        open: intents that wait for their outcome, so that nobody has to read further back.
    """

    seq: int
    timestamp: int
    epoch: int
    segment: str
    open: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class EpochKey:
    """The key of one epoch, counted from 0, and where it is kept."""

    path: Path
    epoch: int
    key: bytes

    @classmethod
    def generate(cls, path: Path) -> EpochKey:
        """A first key, stored."""
        first = cls(path, 0, os.urandom(32))
        first._store()
        return first

    @classmethod
    def load(cls, path: Path) -> EpochKey:
        """The stored key.

        Raises:
            NotFoundError: there is none (``IL-AUD-010``).
            IntegrityError: the file is damaged (``IL-AUD-011``).
        """
        try:
            epoch, key = path.read_text("ascii").split()
            loaded = cls(path, int(epoch), bytes.fromhex(key))
        except FileNotFoundError:
            raise NotFoundError(
                f"there is no audit key at {path}", code="IL-AUD-010", remedy="interlock init"
            ) from None
        except ValueError:
            raise IntegrityError(
                f"the audit key in {path} is not readable",
                code="IL-AUD-011",
                remedy="restore the state directory from a backup",
            ) from None
        return loaded

    def evolve(self) -> EpochKey:
        """The key of the next epoch, stored in the place of this one."""
        following = EpochKey(self.path, self.epoch + 1, next_key(self.key))
        following._store()
        return following

    def _store(self) -> None:
        text = f"{self.epoch} {self.key.hex()}\n"
        replace_file(
            self.path, text.encode(), temporary=self.path.with_suffix(".new"), family="audit.key"
        )
