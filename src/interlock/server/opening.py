"""Opening the people's door: a Unix socket for the owner, a loopback port for everybody with a
login."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from contextlib import ExitStack

from interlock.errors import InvalidInputError
from interlock.failpoints import reach
from interlock.server.doors.listeners import Listener, serve
from interlock.server.doors.people import AT_SOCKET
from interlock.server.guards import ASGIApp, Receive, Scope, Send
from interlock.server.layout import Layout
from interlock.unixpath import within_limit

__all__ = ["open_people_door"]

_TRIED = 50
"""Ports after the wanted one before the kernel chooses."""


async def open_people_door(
    layout: Layout, app: ASGIApp, *, host: str, port: int, stack: ExitStack
) -> tuple[int, list[Listener]]:
    """Serve people; the port, and what has to be closed before the loop ends.

    Args:
        port: wanted; if it is taken the next free one.
        stack: closes sockets and files.
    """
    with contextlib.suppress(FileNotFoundError):
        layout.people_socket.unlink()
    unix = stack.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
    with within_limit(layout.people_socket) as name:
        unix.bind(name)
    layout.people_socket.chmod(0o600)
    unix.listen(128)
    tcp = stack.enter_context(contextlib.closing(_bind(host, port)))
    owners = frozenset({os.geteuid(), 0})
    listeners = [await serve(_as_owner(app), unix, uids=owners), await serve(app, tcp)]
    bound = int(tcp.getsockname()[1])
    _say(layout, {"pid": os.getpid(), "url": f"http://{host}:{bound}", "port": bound})
    stack.callback(layout.about.unlink, missing_ok=True)
    return bound, listeners


def _bind(host: str, port: int) -> socket.socket:
    wanted = [] if port == 0 else list(range(port, min(port + _TRIED, 65536)))
    for candidate in [*wanted, 0]:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, candidate))
            sock.listen(128)
        except OSError:
            sock.close()
            continue
        return sock
    raise InvalidInputError(f"no free port at {host}", code="IL-SRV-012", remedy="ss -ltn")


def _say(layout: Layout, about: dict[str, object]) -> None:
    temporary = layout.about.with_suffix(".tmp")
    temporary.write_text(json.dumps(about))
    reach("door.rename")
    temporary.replace(layout.about)


def _as_owner(app: ASGIApp) -> ASGIApp:
    """Who got through this listener is the owner, or root: the kernel said so."""

    async def owned(scope: Scope, receive: Receive, send: Send) -> None:
        scope[AT_SOCKET] = True
        await app(scope, receive, send)

    return owned
