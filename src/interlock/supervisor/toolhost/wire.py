"""Packets between a session's toolhost and its host: both ends use this one implementation.

The socket is ``SOCK_SEQPACKET``: the kernel keeps packets whole, so a host that dies in the middle
of a message leaves at worst a half *message* behind, never half a frame. A message is cut into
packets::

    packet   >QI call number, flags (bit 0: more packets follow, bit 1: a body follows the JSON)
             then at most CHUNK bytes
    message  >I length of the JSON, the JSON, then the raw body

A call number is 32 random bits (one draw per host process) followed by a counter. Packets of two
calls may interleave. When a packet with new upper bits arrives, what an earlier host left
unfinished is dropped.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = [
    "CHUNK",
    "MAX_ANSWER",
    "MAX_MESSAGE",
    "MAX_PACKET",
    "MAX_UNFINISHED",
    "Assembler",
    "Message",
    "WireError",
    "packets",
]

HEADER = struct.Struct(">QI")
LENGTH = struct.Struct(">I")
MORE, BODY = 1, 2

CHUNK = 120 << 10
MAX_PACKET = HEADER.size + CHUNK
MAX_MESSAGE = 128 << 20
# What comes out of a sandbox is parsed only up to here: JSON takes many times its size in memory.
MAX_ANSWER = 16 << 20
# How many messages may be unfinished at once; a host has a few dozen calls in flight.
MAX_UNFINISHED = 256


class WireError(Exception):
    """The other side does not speak this format: the connection has to be given up."""


class Message(NamedTuple):
    """One whole message: its call number, the JSON object and the raw bytes after it."""

    number: int
    document: dict[str, Any]
    body: bytes


def packets(
    number: int, document: dict[str, Any], body: bytes = b"", *, limit: int = MAX_MESSAGE
) -> Iterator[bytes]:
    """The packets of one message, in order.

    Args:
        number: call number, 64 bits.
        document: the JSON object; strings may hold lone surrogates (they stand for bytes).
        body: raw bytes after it.
        limit: how long the JSON may be, in bytes.

    Raises:
        WireError: the message is over a limit (before anything is yielded).
    """
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
    stream = memoryview(b"".join((LENGTH.pack(len(text)), text, body)))
    if len(text) > limit or len(stream) > MAX_MESSAGE:
        raise WireError(f"message of {len(stream)} bytes is too large")
    kind = BODY if body else 0
    for start in range(0, len(stream), CHUNK):
        more = MORE if start + CHUNK < len(stream) else 0
        yield HEADER.pack(number, kind | more) + stream[start : start + CHUNK]


class Assembler:
    """Puts packets together again; what is unfinished is bounded in number and in bytes.

    Args:
        limit: how long the JSON of a message may be, in bytes.
    """

    def __init__(self, *, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._unfinished: dict[int, list[bytes]] = {}
        self._bytes = 0

    def feed(self, packet: bytes) -> Message | None:
        """Take one packet; the message it completes, if it does.

        Raises:
            WireError: malformed, oversized, or too much is unfinished.
        """
        if not HEADER.size < len(packet) <= MAX_PACKET:
            raise WireError(f"packet of {len(packet)} bytes")
        number, flags = HEADER.unpack_from(packet)
        if flags & ~(MORE | BODY):
            raise WireError(f"unknown flags {flags:#x}")
        if number not in self._unfinished:
            self._forget_others(number)
            if not flags & MORE:
                return _parse(number, flags, packet[HEADER.size :], self._limit)
        parts = self._unfinished.setdefault(number, [])
        parts.append(packet[HEADER.size :])
        self._bytes += len(parts[-1])
        if self._bytes > MAX_MESSAGE or len(self._unfinished) > MAX_UNFINISHED:
            raise WireError("too much is unfinished")
        if flags & MORE:
            return None
        self.drop(number)
        return _parse(number, flags, b"".join(parts), self._limit)

    def drop(self, number: int) -> None:
        """Forget an unfinished message: nobody waits for it any more."""
        self._bytes -= sum(map(len, self._unfinished.pop(number, ())))

    def _forget_others(self, number: int) -> None:
        """Drop what another host process (other upper bits) began and will not finish."""
        for other in [key for key in self._unfinished if key >> 32 != number >> 32]:
            self.drop(other)


def _parse(number: int, flags: int, stream: bytes, limit: int) -> Message:
    if len(stream) < LENGTH.size:
        raise WireError("message without a length")
    end = LENGTH.size + LENGTH.unpack_from(stream)[0]
    if end > len(stream) or end > limit + LENGTH.size:
        raise WireError("length of the JSON is over the message or the limit")
    if bool(flags & BODY) != (end < len(stream)):
        raise WireError("flag and body disagree")
    try:
        document = json.loads(stream[LENGTH.size : end], parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as problem:
        raise WireError(f"not JSON: {problem}") from None
    if not isinstance(document, dict):
        raise WireError("not a JSON object")
    return Message(number, document, stream[end:])


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
