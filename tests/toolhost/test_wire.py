"""The packet format: whole messages come out, or an error, whatever goes in."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock.supervisor.toolhost.wire import (
    CHUNK,
    MAX_MESSAGE,
    MAX_PACKET,
    MAX_UNFINISHED,
    Assembler,
    WireError,
    packets,
)

HEADER = struct.Struct(">QI")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(st.text(), JSON, max_size=4)
BODIES = st.one_of(
    st.binary(max_size=200), st.integers(0, 4 * CHUNK).map(lambda size: b"\xfe" * size)
)


def message(number: int, text: bytes, body: bytes = b"", flags: int | None = None) -> bytes:
    """One packet as somebody might have built it."""
    bits = flags if flags is not None else 2 * bool(body)
    return HEADER.pack(number, bits) + struct.pack(">I", len(text)) + text + body


@given(number=st.integers(0, 2**64 - 1), document=DOCUMENTS, body=BODIES)
def test_what_is_sent_arrives(number: int, document: dict[str, Any], body: bytes) -> None:
    assembler = Assembler()
    *first, last = packets(number, document, body)
    assert all(assembler.feed(packet) is None for packet in first)
    assert assembler.feed(last) == (number, document, body)


@given(
    document=DOCUMENTS,
    sizes=st.lists(st.integers(0, 3 * CHUNK), min_size=2, max_size=5),
    data=st.data(),
)
def test_messages_of_one_host_may_interleave(
    document: dict[str, Any], sizes: list[int], data: st.DataObject
) -> None:
    queues = [list(packets(n, document, bytes([n]) * size)) for n, size in enumerate(sizes)]
    assembler, arrived = Assembler(), {}
    while waiting := [queue for queue in queues if queue]:
        queue = data.draw(st.sampled_from(waiting))
        if got := assembler.feed(queue.pop(0)):
            arrived[got.number] = got.body
    assert arrived == {n: bytes([n]) * size for n, size in enumerate(sizes)}


@given(packet=st.binary(max_size=300))
@example(packet=message(1, b"{}", flags=1 << 31))
@example(packet=message(1, b"[1]"))
@example(packet=message(1, b'{"a":NaN}'))
@example(packet=message(1, b"[" * 100_000))
@example(packet=message(1, b"{}", b"x", flags=0))
@example(packet=message(1, b"{}", flags=2))
@example(packet=HEADER.pack(1, 0) + struct.pack(">I", 2**32 - 1) + b"{}")
def test_anything_else_is_a_wire_error_and_nothing_worse(packet: bytes) -> None:
    try:
        got = Assembler().feed(packet)
    except WireError:
        return
    assert got is None or list(packets(*got)), "only what could have been sent is accepted"


def test_packet_over_the_limit_is_refused() -> None:
    with pytest.raises(WireError):
        Assembler().feed(b"\0" * (MAX_PACKET + 1))


def test_unfinished_messages_are_bounded_in_bytes() -> None:
    assembler = Assembler()
    packet = HEADER.pack(7, 1) + b"\0" * CHUNK
    for _ in range(MAX_MESSAGE // CHUNK):
        assembler.feed(packet)
    with pytest.raises(WireError):
        assembler.feed(packet)


def test_unfinished_messages_are_bounded_in_number() -> None:
    assembler = Assembler()
    for number in range(MAX_UNFINISHED):
        assembler.feed(HEADER.pack(number, 1) + b"x")
    with pytest.raises(WireError):
        assembler.feed(HEADER.pack(MAX_UNFINISHED, 1) + b"x")


def test_long_json_is_refused_before_it_is_parsed() -> None:
    packet = message(1, b'{"a":"' + b"x" * 100 + b'"}')
    assert Assembler(limit=200).feed(packet)
    with pytest.raises(WireError):
        Assembler(limit=50).feed(packet)


def test_half_a_message_of_an_earlier_host_is_forgotten() -> None:
    assembler = Assembler()
    old = list(packets(1 << 32 | 5, {}, b"o" * 2 * CHUNK))
    new = list(packets(2 << 32 | 5, {"new": True}))
    assert assembler.feed(old[0]) is None
    assert assembler.feed(new[0]) == (2 << 32 | 5, {"new": True}, b"")
    # Its number may come again and begins afresh.
    again = list(packets(1 << 32 | 5, {}, b"n" * 2 * CHUNK))
    assert [assembler.feed(packet) for packet in again][-1] == (1 << 32 | 5, {}, b"n" * 2 * CHUNK)


def test_message_over_the_limit_is_not_sent_at_all() -> None:
    with pytest.raises(WireError):
        next(packets(1, {}, b"\0" * MAX_MESSAGE))
