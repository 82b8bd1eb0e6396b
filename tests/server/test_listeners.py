"""Listeners over real sockets: what a client that means harm gets, and what it leaves to others."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from interlock.server.doors.listeners import CONNECTIONS, HEAD_BYTES, serve
from interlock.server.guards import Receive, Scope, Send

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PATIENCE_S = 20


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        listener = await serve(app, sock)
        yield int(sock.getsockname()[1])
        await listener.close()


async def connected(port: int) -> Streams:
    return await asyncio.open_connection("127.0.0.1", port)


async def asked(streams: Streams) -> bytes:
    """The answer to a request, nothing if the connection was closed instead."""
    reader, writer = streams
    try:
        writer.write(REQUEST)
        await writer.drain()
        return await reader.readuntil(b"ok")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@pytest.mark.parametrize("filler", [b"a: b\r\n", b"a" * 1024], ids=["many", "one"])
def test_head_without_end_is_cut_off(filler: bytes) -> None:
    async def run() -> bytes:
        async with listening() as port, asyncio.timeout(PATIENCE_S):
            reader, writer = await connected(port)
            writer.write(b"GET / HTTP/1.1\r\n" + (b"" if filler.endswith(b"\n") else b"a: "))
            try:
                while not reader.at_eof() and not writer.is_closing():
                    writer.write(filler * (HEAD_BYTES // len(filler) // 8))
                    await writer.drain()
                    await asyncio.sleep(0)
                return await reader.read()
            except ConnectionError:
                return b"HTTP/1.1 400"
            finally:
                writer.close()

    assert uvloop.run(run()).startswith(b"HTTP/1.1 400")


def test_requests_of_ordinary_size_go_on_and_on_over_one_connection() -> None:
    async def run() -> None:
        async with listening() as port, asyncio.timeout(PATIENCE_S):
            streams = await connected(port)
            for _ in range(3 * HEAD_BYTES // len(REQUEST)):
                assert (await asked(streams)).startswith(b"HTTP/1.1 200")
            streams[1].close()

    uvloop.run(run())


def test_connections_over_the_limit_are_closed_and_do_not_harm_the_others() -> None:
    async def run() -> None:
        async with listening() as port, asyncio.timeout(PATIENCE_S):
            first = [await connected(port) for _ in range(CONNECTIONS)]
            for streams in first:
                assert (await asked(streams)).startswith(b"HTTP/1.1 200")
            more = await connected(port)
            assert await asked(more) == b""
            assert (await asked(first[0])).startswith(b"HTTP/1.1 200")
            first[1][1].close()
            await first[1][1].wait_closed()
            while not await asked(again := await connected(port)):
                again[1].close()
            for _, writer in (*first, more, again):
                writer.close()

    uvloop.run(run())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_answers_do_not_wait_for_acknowledgements(run: Callable[[Any], float]) -> None:
    async def took() -> float:
        async with listening() as port, asyncio.timeout(PATIENCE_S):
            streams = await connected(port)
            times = []
            for _ in range(20):
                began = time.perf_counter()
                assert await asked(streams)
                times.append(time.perf_counter() - began)
            streams[1].close()
            return min(times[1:])

    assert run(took()) < 0.03


def test_closing_a_listener_ends_connections_that_are_kept_alive() -> None:
    async def run() -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            with socket.create_server(("127.0.0.1", 0)) as sock:
                listener = await serve(app, sock)
                streams = await connected(sock.getsockname()[1])
                assert await asked(streams)
                await listener.close()
                return await asked(streams)

    assert uvloop.run(run()) == b""
