"""What stands in front of every route: body limits, Host and Origin, and one shape for every error.

Pure ASGI, because the hot route must not pay for more. A page in somebody's browser cannot reach
a door: its Host is
not ours (rebinding) or its Origin is not the door's own (a form posted across).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import structlog

from interlock.errors import (
    DeniedError,
    InterlockError,
    InternalError,
    TooLargeError,
    UsageError,
)

__all__ = ["ASGIApp", "Guard", "Receive", "Scope", "Send", "problem_response", "read_body"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT = 8 << 20
"""Bytes of a request's body: artifacts and file contents may be large, nothing else is."""

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", "interlock"})
_log = structlog.get_logger(__name__)


async def problem_response(send: Send, error: InterlockError) -> None:
    """Send an error as ``application/problem+json``."""
    body = msgspec.json.encode(error.problem())
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if error.http_status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": error.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Guard:
    """Wraps an application.

    Args:
        app: what is guarded.
        hosts: names that the Host header may carry, without port.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str] = LOCAL_NAMES) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            self._check_origin(scope)
            await self._app(scope, _Limited(receive), watched)
        except InterlockError as error:
            if started:
                raise
            await problem_response(send, error)
        except Exception as error:
            _log.exception("unhandled", path=scope.get("path"))
            if started:
                raise
            failure = InternalError(
                f"the server failed: {type(error).__name__}", remedy="See the server's log."
            )
            await problem_response(send, failure)

    def _check_origin(self, scope: Scope) -> None:
        headers = {name: value for name, value in scope["headers"] if name in (b"host", b"origin")}
        host = headers.get(b"host", b"").decode("latin-1")
        if _name(host) not in self._hosts:
            raise DeniedError(
                f"the Host {host!r} is not this server",
                code="IL-DOR-001",
                remedy="Use http://127.0.0.1 and the port that the server printed.",
            )
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and origin != f"http://{host}":
            raise DeniedError(
                f"a page of {origin!r} may not call this server",
                code="IL-DOR-002",
                remedy="Call the API from a program, or from the server's own pages.",
            )


def _name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdigit() else host.lower()


class _Limited:
    """``receive`` that stops at the limit, whatever Content-Length says."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._taken = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            if self._taken > BODY_LIMIT:
                raise TooLargeError(
                    f"the body is over {BODY_LIMIT} bytes",
                    code="IL-DOR-003",
                    remedy="Send less at once.",
                )
        return message


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        UsageError: the client left in the middle.
    """
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise UsageError("the client left", code="IL-DOR-004")
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
