"""A server on real sockets and files, with a supervisor that is there and does nothing."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from interlock.adapters.runners import wire
from interlock.adapters.runners.channel import Channel
from interlock.errors import InterlockError
from interlock.ports.confinement import Capability, Level
from interlock.server.app import Server, running
from interlock.server.layout import Layout

__all__ = ["git", "in_background", "supervised"]


def git(place: Path, *words: str) -> None:
    identity = ["-c", "user.name=p", "-c", "user.email=p@h"]
    subprocess.run(["git", *identity, *words], cwd=place, check=True, capture_output=True)


@asynccontextmanager
async def supervised(layout: Layout) -> AsyncIterator[Server]:
    """A running server with a supervisor that is there and does nothing."""
    loop = asyncio.get_running_loop()
    server = asyncio.create_task(_entered(layout))
    channel = Channel(
        await _connected(layout, server),
        loop,
        on_message=lambda message, fds: None,
        on_closed=lambda why: None,
    )
    capability = Capability(level=Level.NONE, reasons=("a double",), uid_drop=False)
    channel.send(wire.Hello(version=wire.VERSION, pid=1, capability=capability))
    stack, made = await server
    try:
        yield made
    finally:
        await stack.__aexit__(None, None, None)
        channel.close()


async def _entered(layout: Layout) -> tuple[AbstractAsyncContextManager[Server], Server]:
    stack = running(layout)
    return stack, await stack.__aenter__()


async def _connected(layout: Layout, server: asyncio.Task[Any]) -> socket.socket:
    """At the worker door, as soon as the server has opened it."""
    while True:
        assert not server.done(), server.exception()
        try:
            return wire.connect(layout.worker_socket)
        except (OSError, InterlockError):
            await asyncio.sleep(0.005)


@contextmanager
def in_background(layout: Layout) -> Iterator[Server]:
    """The same in a thread, for commands that are run as processes."""
    is_up, stop = threading.Event(), asyncio.Event()
    found: list[Any] = []

    async def serve() -> None:
        async with supervised(layout) as server:
            found.extend((asyncio.get_running_loop(), server))
            is_up.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="server")
    thread.start()
    try:
        assert is_up.wait(30)
        yield found[1]
    finally:
        if found:
            found[0].call_soon_threadsafe(stop.set)
        thread.join(30)
