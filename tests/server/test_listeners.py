"""Listeners over real sockets: what a client that means harm gets, and what it leaves to others."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any, cast

import pytest
import uvloop

from interlock.server.doors.listeners import CONNECTIONS, HEAD_BYTES, Listeners, serve
from interlock.server.doors.requests import SESSION
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


@asynccontextmanager
async def owned(uids: frozenset[int]) -> AsyncIterator[str]:
    """A Unix socket that everybody can connect to, for some uids only."""
    with tempfile.TemporaryDirectory(prefix="il-") as name, socket.socket(socket.AF_UNIX) as sock:
        path = f"{name}/s"
        sock.bind(path)
        os.chmod(name, 0o755)
        os.chmod(path, 0o666)
        sock.listen()
        listener = await serve(app, sock, uids=uids)
        yield path
        await listener.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_socket_asks_the_kernel_who_is_there(run: Callable[[Any], None]) -> None:
    async def story() -> None:
        async with asyncio.timeout(PATIENCE_S):
            for uids, said in ((frozenset({os.geteuid()}), b"ok"), (frozenset({12345}), b"")):
                async with owned(uids) as path:
                    streams = await asyncio.open_unix_connection(path)
                    assert (await asked(streams))[-2:] == said
                    streams[1].close()

    run(story())


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: another uid needs root")
def test_another_uid_is_refused_whatever_the_sockets_mode_says() -> None:
    program = (
        "import os, socket, sys; os.setgid(64998); os.setuid(64998)\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "try:\n    s.sendall(b'GET / HTTP/1.1\\r\\nHost: interlock\\r\\n\\r\\n'); r = s.recv(9)\n"
        "except OSError: r = b''\n"
        "print(r.decode(), end='')"
    )

    async def story() -> str:
        async with owned(frozenset({0})) as path:
            words = [sys.executable, "-I", "-S", "-c", program, path]
            done = await asyncio.to_thread(subprocess.check_output, words, text=True)
            return str(done)

    assert asyncio.run(story()) == ""


def test_what_is_not_http_is_refused_in_the_one_shape() -> None:
    async def story() -> bytes:
        async with listening() as port, asyncio.timeout(PATIENCE_S):
            reader, writer = await connected(port)
            writer.write(b"NONSENSE\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

    head, _, body = uvloop.run(story()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == 400


def test_a_stopped_listener_leaves_connections_to_who_else_has_the_socket() -> None:
    async def story() -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            with socket.create_server(("127.0.0.1", 0)) as sock:
                first = await serve(app, sock)
                kept = await connected(sock.getsockname()[1])
                assert await asked(kept)
                first.stop_accepting()
                waiting = await connected(sock.getsockname()[1])
                assert await asked(kept)
                await first.close()
                second = await serve(app, sock)
                answer = await asked(waiting)
                await second.close()
                for _, writer in (kept, waiting):
                    writer.close()
                return answer

    assert uvloop.run(story()).startswith(b"HTTP/1.1 200")


class Session:
    """As much of a session as its listener is."""

    def __init__(self, session_id: str, door: socket.socket) -> None:
        self.session_id = session_id
        self.door = door


def test_who_asks_is_a_fact_of_the_listener_and_not_of_the_request() -> None:
    """One application behind all of them; nothing in a request names another session."""

    async def who(scope: Scope, receive: Receive, send: Send) -> None:
        name = scope[SESSION].encode()
        length = [(b"content-length", b"%d" % len(name))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": name})

    async def story() -> None:
        listeners, found = Listeners(who), {}
        with ExitStack() as stack:
            doors = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in "ab"]
            for name, door in zip(("ses_a", "ses_b"), doors, strict=True):
                await listeners.open(cast(Any, Session(name, door)))
            for door, other in zip(doors, ("ses_b", "ses_a"), strict=True):
                port = door.getsockname()[1]
                reader, writer = await connected(port)
                heads = f"{SESSION}: {other}\r\nX-Session: {other}\r\nConnection: close"
                asks = f"GET /?{SESSION}={other} HTTP/1.1\r\nHost: 127.0.0.1\r\n{heads}\r\n\r\n"
                writer.write(asks.encode())
                answer = await reader.read()
                found[port] = answer.rpartition(b"\r\n\r\n")[2].decode()
                writer.close()
            await listeners.close_all()
            assert list(found.values()) == ["ses_a", "ses_b"]

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await story()

    uvloop.run(bounded())
