"""Serving sockets that others bound: each session's listener with the session's id in every
request's scope."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from interlock.adapters.runners.wire import peer_uid
from interlock.errors import UsageError
from interlock.ports.runner import Session
from interlock.server.doors.requests import SESSION
from interlock.server.guards import ASGIApp, Receive, Scope, Send

__all__ = ["Listener", "Listeners", "serve"]

CONNECTIONS = 128
"""At one listener: an agent that opens more must not use up the descriptors of all others."""

HEAD_BYTES = 64 << 10
"""Of a request before its body; the parser itself would collect headers without end."""


_NOT_HTTP = UsageError(
    "the request is not HTTP", code="IL-DOR-006", remedy="docs/api.md lists the routes."
)


class _Protocol(HttpToolsProtocol):
    """uvicorn's, with an end to heads and the one shape for its own refusals."""

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
                self.send_400_response("the request's head is too long")

    def send_400_response(self, msg: str) -> None:
        body = msgspec.json.encode({**_NOT_HTTP.problem(), "detail": msg})
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\n"
            b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        self.transport.close()


class _OwnersProtocol(_Protocol):
    """For some uids only: a socket's mode does not hold where its directory is shared."""

    def __init__(self, uids: frozenset[int], **parts: Any) -> None:
        super().__init__(**parts)
        self._uids = uids

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        if peer_uid(transport.get_extra_info("socket")) in self._uids:
            super().connection_made(transport)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.connections:
            super().connection_lost(exc)


class _Refused(asyncio.Protocol):
    """What a connection gets that is one too many, or not its owner's."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@dataclass(slots=True)
class Listener:
    """A served socket."""

    server: asyncio.Server
    state: ServerState

    def stop_accepting(self) -> None:
        """Leave new connections to whoever else has the socket."""
        self.server.close()

    async def close(self) -> None:
        """Stop accepting and drop what is connected: keep-alive connections outlive the server."""
        self.stop_accepting()
        for connection in list(self.state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


async def serve(
    app: ASGIApp, sock: socket.socket, *, uids: frozenset[int] | None = None
) -> Listener:
    """Serve ``app`` on a listening socket; the socket is duplicated.

    Args:
        uids: who may connect to a Unix socket, as the kernel tells; ``None``: whoever can.
    """
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
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
            return _Refused()
        kind = _Protocol if uids is None else partial(_OwnersProtocol, uids)
        return kind(config=config, server_state=state, app_state={}, _loop=loop)

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

    def stop_accepting(self) -> None:
        """Leave new connections to the next server: the supervisor keeps every socket open."""
        for listener in self._served.values():
            listener.stop_accepting()

    async def close_all(self) -> None:
        """Stop serving every session."""
        for session_id in tuple(self._served):
            await self.close(session_id)

    async def close(self, session_id: str) -> None:
        """Stop serving a session; quiet if there is none."""
        if (listener := self._served.pop(session_id, None)) is not None:
            await listener.close()


def _of_session(app: ASGIApp, session_id: str) -> ASGIApp:
    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        scope[SESSION] = session_id
        await app(scope, receive, send)

    return named
