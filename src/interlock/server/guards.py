"""What stands in front of every route: body limits, Host and Origin, and one shape for every error.

Pure ASGI, because the hot route must not pay for more. A page in somebody's browser cannot reach
a door: its Host is not ours (rebinding) or its Origin is not the door's own (a form posted across).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from interlock.errors import (
    DeniedError,
    InterlockError,
    InternalError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    UsageError,
)

__all__ = ["ASGIApp", "Guard", "Receive", "Scope", "Send", "read_body"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT = 8 << 20
"""Bytes of a request's body: artifacts and file contents may be large, nothing else is."""

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", "interlock"})
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
_log = logging.getLogger(__name__)


class Guard:
    """Wraps an application.

    Args:
        app: what is guarded; its errors, the framework's included, are answered here.
        hosts: names that the Host header may carry, without port.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str] = LOCAL_NAMES) -> None:
        self._app = app
        self._hosts = hosts
        self._changing = 0
        self._quiet: asyncio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # nothing else is served
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            if self._quiet is not None:
                raise _stopping()
            self._check_headers(scope)
            if scope["method"] in _LOOKING:
                await self._app(scope, _Limited(receive), watched)
            else:
                await self._change(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except (InterlockError, HTTPException) as error:
            if started:
                raise
            await _answer(send, scope, error)
        except Exception as error:
            _log.exception("unhandled", extra={"path": scope.get("path")})
            if started:
                raise
            failure = InternalError(
                f"the server failed: {type(error).__name__}", remedy="See the server's log."
            )
            await _answer(send, scope, failure)

    async def _change(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._changing += 1
        try:
            await self._app(scope, _Limited(receive), send)
        finally:
            self._changing -= 1
            if self._quiet is not None and not self._changing:
                self._quiet.set()

    async def drain(self, timeout_s: float) -> None:
        """Refuse what comes from now on; wait for what came before and may change something."""
        self._quiet = asyncio.Event()
        if self._changing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), timeout_s)

    def _check_headers(self, scope: Scope) -> None:
        hosts: list[bytes] = []
        origins: list[bytes] = []
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value)
            elif name == b"origin":
                origins.append(value)
            elif name == b"content-length" and (not value.isdigit() or int(value) > BODY_LIMIT):
                raise _too_large()
        host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
        if _name(host) not in self._hosts:
            raise DeniedError(
                f"the Host {host!r} is not this server",
                code="IL-DOR-001",
                remedy="Use http://127.0.0.1 and the port that the server printed.",
            )
        if origins and origins != [f"http://{host}".encode("latin-1")]:
            raise DeniedError(
                f"a page of {origins[0].decode('latin-1')!r} may not call this server",
                code="IL-DOR-002",
                remedy="Call the API from a program, or from the server's own pages.",
            )


def _name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdigit() else host.lower()


async def _answer(send: Send, scope: Scope, error: InterlockError | HTTPException) -> None:
    """Send an error as ``application/problem+json``."""
    extra: Mapping[str, str] = {}
    if isinstance(error, HTTPException):
        document = {**_not_here(scope, error).problem(), "status": error.status_code}
        extra = error.headers or {}
    else:
        document = error.problem()
    body = msgspec.json.encode(document)
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *((name.lower().encode(), value.encode()) for name, value in extra.items()),
    ]
    if document["status"] == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": document["status"], "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _not_here(scope: Scope, error: HTTPException) -> NotFoundError:
    return NotFoundError(
        f"{scope['method']} {scope['path']} is not at this door",
        code=f"IL-DOR-{error.status_code}",
        remedy="docs/api.md lists the routes of each door.",
    )


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
                raise _too_large()
        return message


def _too_large() -> TooLargeError:
    return TooLargeError(
        f"the body is over {BODY_LIMIT} bytes", code="IL-DOR-003", remedy="Send less at once."
    )


def _stopping() -> UnavailableError:
    return UnavailableError(
        "the server is stopping", code="IL-DOR-005", remedy="Try again in a moment."
    )


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
