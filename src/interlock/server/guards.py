"""What stands in front of every route: Host and Origin, who may send how much, and one shape for
every error.

Pure ASGI, because the hot route must not pay for more. A page in somebody's browser cannot reach
a door: its Host is not ours (rebinding) or its Origin is not the door's own (a form posted across).
Nothing of a body is read before the door knows who sends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
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

__all__ = ["ASGIApp", "Admission", "Admit", "Guard", "Receive", "Scope", "Send", "read_body"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGE = 8 << 20
"""Bytes of a body that carries artifacts or the contents of files."""

USUAL = 1 << 20
"""Bytes of every other body."""

SMALL = 64 << 10
"""Bytes of a body whose sender is not known before it is read."""

AT_ONCE = 16 << 20
"""Bytes of all bodies of one sender that are held at the same time."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Who sends a body, as far as the head of the request says, and its most bytes."""

    sender: str
    limit: int


Admit = Callable[[Scope], Admission]
"""Decides on the head of a request alone; raises ``AuthError`` if it shows a bad credential."""

_NOBODY = Admission("", SMALL)
_INERT = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)
"""On every answer: whatever text an agent wrote into it, no browser runs, guesses or keeps it."""

_DIGITS = 18
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]", "interlock"})
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
_log = logging.getLogger(__name__)


class Guard:
    """Wraps an application.

    Args:
        app: what is guarded; its errors, the framework's included, are answered here.
        admit: asked before anything of a body is read.
        hosts: names that the Host header may carry, without port.
    """

    def __init__(
        self,
        app: ASGIApp,
        admit: Admit = lambda _: _NOBODY,
        *,
        hosts: frozenset[str] = LOCAL_NAMES,
    ) -> None:
        self._app = app
        self._admit = admit
        self._hosts = hosts
        self._held: Counter[str] = Counter()
        self._changing = 0
        self._quiet: asyncio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # nothing else is served
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if not started:
                started = True
                message["headers"] = [*message["headers"], *_INERT]
            await send(message)

        try:
            if self._quiet is not None:
                raise _stopping()
            self._check_headers(scope)
            if scope["method"] in _LOOKING:
                await self._app(scope, receive, watched)
            else:
                await self._change(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except (InterlockError, HTTPException) as error:
            if started:
                raise
            await _answer(watched, scope, error)
        except Exception as error:
            _log.exception("unhandled", extra={"path": scope.get("path")})
            if started:
                raise
            failure = InternalError(
                f"the server failed: {type(error).__name__}", remedy="See the server's log."
            )
            await _answer(watched, scope, failure)

    async def _change(self, scope: Scope, receive: Receive, send: Send) -> None:
        admission = self._admit(scope)
        _check_length(scope, admission.limit)
        body = _Body(receive, admission, self._held)
        self._changing += 1
        try:
            await self._app(scope, body, send)
        finally:
            body.forget()
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


class _Body:
    """``receive`` that stops at the limit, whatever Content-Length says."""

    def __init__(self, receive: Receive, admission: Admission, held: Counter[str]) -> None:
        self._receive = receive
        self._admission = admission
        self._held = held
        self._taken = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._taken += size
            self._held[self._admission.sender] += size
            if self._taken > self._admission.limit:
                raise _too_large(self._admission.limit)
            if self._held[self._admission.sender] > AT_ONCE:
                raise UnavailableError(
                    f"more than {AT_ONCE} bytes of bodies at once",
                    code="IL-DOR-007",
                    remedy="Send large bodies one after the other.",
                )
        return message

    def forget(self) -> None:
        """The request is over, and what it held with it."""
        self._held[self._admission.sender] -= self._taken
        if not self._held[self._admission.sender]:
            del self._held[self._admission.sender]


def _check_length(scope: Scope, limit: int) -> None:
    """Refuse a body by what it says of itself, before any of it is read."""
    for name, value in scope["headers"]:
        if name != b"content-length":
            continue
        if len(value) > _DIGITS or not value.isdigit() or int(value) > limit:
            raise _too_large(limit)


def _too_large(limit: int) -> TooLargeError:
    known = limit > SMALL
    return TooLargeError(
        f"the body is over {limit} bytes",
        code="IL-DOR-003",
        remedy="Send less at once." if known else "Send the token as Authorization: Bearer.",
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
