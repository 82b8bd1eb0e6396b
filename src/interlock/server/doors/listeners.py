"""Serving sockets that others bound: each session's listener with the session's id in every
request's scope."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

import uvicorn
from uvicorn.server import ServerState

from interlock.ports.runner import Session
from interlock.server.doors.requests import SESSION
from interlock.server.guards import ASGIApp, Receive, Scope, Send

__all__ = ["Listener", "Listeners", "serve"]


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
        timeout_keep_alive=3600,
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
            config=config, server_state=state, app_state={}, _loop=loop
        )
        return made

    copy = sock.dup()
    copy.setblocking(False)
    if copy.family == socket.AF_UNIX:
        server = await loop.create_unix_server(protocol, sock=copy)
    else:
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
