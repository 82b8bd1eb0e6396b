"""The host's end against a toolhost that lies, babbles, or says nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from interlock.adapters.toolhost.client import ToolhostClient, socket_pair
from interlock.adapters.toolhost.errors import ToolError
from interlock.errors import InvalidInputError, TooLargeError, UnavailableError
from interlock.supervisor.toolhost.wire import MAX_MESSAGE, MAX_PACKET, packets

HEADER = struct.Struct(">QI")
Answering = Callable[[int, dict[str, Any]], list[bytes]]


class Liar:
    """A toolhost's end in the test's hand."""

    def __init__(self) -> None:
        ours, self.socket = socket_pair()
        self.runner = asyncio.Runner()
        self.client = ToolhostClient(ours, self.runner.get_loop())

    def scene(self, answer: Answering, *, calls: int = 1) -> list[Any]:
        """Outcomes of some calls at once, each answered by what ``answer`` makes of it."""

        async def play() -> list[Any]:
            tasks = [
                asyncio.ensure_future(self.client.call("ping", timeout_s=10)) for _ in range(calls)
            ]
            await asyncio.sleep(0)
            for _ in range(calls):
                packet = self.socket.recv(MAX_PACKET)
                number, _ = HEADER.unpack_from(packet)
                for part in answer(number, json.loads(packet[HEADER.size + 4 :])):
                    self.socket.send(part)
            return list(await asyncio.gather(*tasks, return_exceptions=True))

        return list(self.run(play()))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the client's loop."""
        return self.runner.run(work)

    def close(self) -> None:
        """Give everything back."""
        self.client.close()
        self.socket.close()
        self.runner.close()


@pytest.fixture
def liar() -> Iterator[Liar]:
    """A client that talks to the test."""
    made = Liar()
    yield made
    made.close()


def fine(number: int, request: dict[str, Any]) -> list[bytes]:
    """An honest answer."""
    return list(packets(number, {"call": request["call"], "ok": {"n": 1}}, b"body"))


def raw(number: int, text: bytes, flags: int = 0) -> bytes:
    """A packet around any text."""
    return HEADER.pack(number, flags) + struct.pack(">I", len(text)) + text


LIES: dict[str, Answering] = {
    "other call": lambda n, _: list(packets(n, {"call": "x", "ok": {}})),
    "no outcome": lambda n, q: list(packets(n, {"call": q["call"]})),
    "both outcomes": lambda n, q: list(
        packets(n, {"call": q["call"], "ok": {}, "error": "a", "message": "b"})
    ),
    "ok is a list": lambda n, q: list(packets(n, {"call": q["call"], "ok": []})),
    "error is a number": lambda n, q: list(
        packets(n, {"call": q["call"], "error": 1, "message": ""})
    ),
    "not JSON": lambda n, _: [raw(n, b"{")],
    "deep JSON": lambda n, _: [raw(n, b"[" * 50_000 + b"]" * 50_000)],
    "unknown flags": lambda n, _: [raw(n, b"{}", 4)],
    "length over the end": lambda n, _: [HEADER.pack(n, 0) + struct.pack(">I", 99) + b"{}"],
    "only a header": lambda n, _: [HEADER.pack(n, 0)],
    "half a header": lambda n, _: [HEADER.pack(n, 0)[:5]],
    "packet too long": lambda n, _: [HEADER.pack(n, 0) + b"\0" * MAX_PACKET],
    "end of the stream": lambda n, _: [b""],
}


@pytest.mark.parametrize("lie", LIES)
def test_malformed_answer_ends_the_session_closed(liar: Liar, lie: str) -> None:
    outcomes = liar.scene(LIES[lie], calls=1)
    assert isinstance(outcomes[0], UnavailableError)
    assert liar.client.closed.done()
    assert liar.client.fileno() == -1
    with pytest.raises(UnavailableError):
        liar.run(liar.client.call("ping"))


def test_lie_in_one_answer_fails_every_call_under_way(liar: Liar) -> None:
    lies = iter([[], LIES["not JSON"], []])

    def answer(number: int, request: dict[str, Any]) -> list[bytes]:
        lie = next(lies)
        return lie(number, request) if callable(lie) else []

    assert {type(outcome) for outcome in liar.scene(answer, calls=3)} == {UnavailableError}


def test_honest_answer_comes_back_whole(liar: Liar) -> None:
    assert liar.scene(fine) == [({"n": 1}, b"body")]


def test_numbers_of_other_servers_are_passed_over(liar: Liar) -> None:
    def answer(number: int, request: dict[str, Any]) -> list[bytes]:
        foreign = number ^ (1 << 40)
        return [raw(foreign, b"not JSON"), raw(foreign, b"{}", 7), *fine(number, request)]

    assert liar.scene(answer) == [({"n": 1}, b"body")]


def test_answers_in_pieces_and_out_of_order_find_their_calls(liar: Liar) -> None:
    waiting: list[list[bytes]] = []

    def answer(number: int, request: dict[str, Any]) -> list[bytes]:
        document = {"call": request["call"], "ok": {"n": number & 0xFF}}
        waiting.append(list(packets(number, document, b"x" * 200_000)))
        if len(waiting) < 3:
            return []
        return [part for group in zip(*reversed(waiting), strict=True) for part in group]

    outcomes = liar.scene(answer, calls=3)
    assert [(reply.ok["n"], len(reply.body)) for reply in outcomes] == [
        (n, 200_000) for n in (1, 2, 3)
    ]


def test_refusal_keeps_its_kind_and_has_a_code_and_a_remedy(liar: Liar) -> None:
    def answer(number: int, request: dict[str, Any]) -> list[bytes]:
        refusal = {"call": request["call"], "error": "ENOENT", "message": "f: not there"}
        return list(packets(number, refusal))

    (error,) = liar.scene(answer)
    assert isinstance(error, ToolError)
    assert isinstance(error, InvalidInputError)
    assert (error.kind, error.code) == ("ENOENT", "IL-TOO-002")
    assert error.remedy
    assert error.message == "ping: f: not there"
    assert ToolError("ENOTEMPTY", "x", op="y").code == "IL-TOO-001"


def test_silence_is_unavailable_in_time_and_the_late_answer_is_nobodys(liar: Liar) -> None:
    with pytest.raises(UnavailableError) as caught:
        liar.run(liar.client.call("ping", timeout_s=0.02, call_id="mine"))
    assert caught.value.retryable
    assert caught.value.context == {"op": "ping", "call": "mine"}
    packet = liar.socket.recv(MAX_PACKET)
    number, _ = HEADER.unpack_from(packet)
    for part in fine(number, {"call": "mine"}):
        liar.socket.send(part)
    assert liar.scene(fine) == [({"n": 1}, b"body")]


def test_cancelled_call_leaves_nothing_behind(liar: Liar) -> None:
    async def cancel() -> None:
        task = asyncio.ensure_future(liar.client.call("ping"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    liar.run(cancel())
    number, _ = HEADER.unpack_from(liar.socket.recv(MAX_PACKET))
    liar.socket.send(HEADER.pack(number, 1) + b"x" * 1000)
    assert liar.scene(fine) == [({"n": 1}, b"body")]


def test_request_over_the_limit_is_refused_and_nothing_is_sent(liar: Liar) -> None:
    with pytest.raises(TooLargeError):
        liar.run(liar.client.call("write", body=bytes(MAX_MESSAGE), path="f"))
    with pytest.raises(InvalidInputError):
        liar.run(liar.client.call("write", path=b"f"))
    with pytest.raises(InvalidInputError):
        liar.run(liar.client.call("run", seconds=float("nan")))
    liar.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        liar.socket.recv(MAX_PACKET)
    liar.socket.setblocking(True)


def test_closing_fails_what_is_under_way_and_may_be_done_again(liar: Liar) -> None:
    async def close() -> Any:
        task = asyncio.ensure_future(liar.client.call("ping", timeout_s=None))
        await asyncio.sleep(0)
        liar.client.close("the server stops")
        liar.client.close()
        return await asyncio.gather(task, return_exceptions=True)

    (outcome,) = liar.run(close())
    assert isinstance(outcome, UnavailableError)
    assert liar.client.closed.result() == "the server stops"


def test_duplicate_outlives_the_client(liar: Liar) -> None:
    spare = liar.client.dup()
    liar.client.close()
    liar.socket.send(b"still there")
    spare.setblocking(True)
    assert spare.recv(100) == b"still there"
    spare.close()


def test_more_than_the_socket_holds_is_sent_when_there_is_room(liar: Liar) -> None:
    async def play() -> Any:
        task = asyncio.ensure_future(liar.client.call("write", body=bytes(8 << 20), path="f"))
        await asyncio.sleep(0)
        taken, number = 0, 0
        liar.socket.setblocking(False)
        async with asyncio.timeout(10):
            while taken < 8 << 20:
                try:
                    packet = liar.socket.recv(MAX_PACKET)
                except BlockingIOError:
                    await asyncio.sleep(0)
                    continue
                number, _ = HEADER.unpack_from(packet)
                taken += len(packet) - HEADER.size
        liar.socket.setblocking(True)
        for part in packets(number, {"call": f"c{number:016x}", "ok": {}}):
            liar.socket.send(part)
        return await task

    assert liar.run(play()).ok == {}


def test_toolhost_that_is_gone_is_noticed_without_a_call(liar: Liar) -> None:
    liar.socket.shutdown(socket.SHUT_RDWR)

    async def gone() -> str:
        return await asyncio.wait_for(asyncio.shield(liar.client.closed), 10)

    assert "gone" in liar.run(gone())
