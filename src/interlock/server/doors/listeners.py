"""Serving sockets that others bound: each session's listener with the session's id in every
request's scope."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from interlock.ports.runner import Session
from interlock.server.doors.requests import SESSION
from interlock.server.guards import ASGIApp, Receive, Scope, Send

__all__ = ["Listener", "Listeners", "serve"]

CONNECTIONS = 128
"""At one listener: an agent that opens more must not use up the descriptors of all others."""

HEAD_BYTES = 64 << 10
"""Of a request before its body; the parser itself would collect headers without end."""


class _Protocol(HttpToolsProtocol):
    """uvicorn's, with an end to heads."""

    _head: int | None = 0

    def on_message_begin(self) -> None:
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is not None:
            self._head += len(data)
            if self._head > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The request's head is too long.")


class _Full(asyncio.Protocol):
    """What a connection gets that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@dataclass(slots=True)
class Listener:
    """A served socket."""

    server: asyncio.Server
    state: ServerState

    async def close(self) -> None:
        """Stop accepting and drop what is connected: keep-alive connections outlive the server."""
        self.server.close()
        for connection in list(self.state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


async def serve(app: ASGIApp, sock: socket.socket) -> Listener:
    """Serve ``app`` on a listening socket of the running loop; the socket is duplicated."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        # Programs keep their connection for as long as they think; it ends with the session.
        timeout_keep_alive=3600,
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        if len(state.connections) >= CONNECTIONS:
            return _Full()
        return _Protocol(config=config, server_state=state, app_state={}, _loop=loop)

    copy = sock.dup()
    copy.setblocking(False)
    if copy.family == socket.AF_UNIX:
        server = await loop.create_unix_server(protocol, sock=copy)
    else:
        # Accepted sockets inherit it. Some loops do not set it on them, and then each answer on a
        # kept connection waits 40 ms for an acknowledgement.
        copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = await loop.create_server(protocol, sock=copy)
    return Listener(server, state)


class Listeners:
    """The agent doors of all sessions (``ports.doors.Doors``)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._served: dict[str, Listener] = {}

    async def open(self, session: Session) -> None:
        """Serve the session's listener; quiet if it is served already."""
        if session.session_id not in self._served:
            app = _of_session(self._app, session.session_id)
            self._served[session.session_id] = await serve(app, session.door)

    async def close(self, session_id: str) -> None:
        """Stop serving a session; quiet if there is none."""
        if (listener := self._served.pop(session_id, None)) is not None:
            await listener.close()


def _of_session(app: ASGIApp, session_id: str) -> ASGIApp:
    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        scope[SESSION] = session_id
        await app(scope, receive, send)

    return named
