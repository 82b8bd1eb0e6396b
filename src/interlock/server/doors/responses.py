"""Answers as JSON by msgspec, and routes without a framework around them: errors go through to the
guard, which gives all of them one shape."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route, Router

from interlock.server.guards import ASGIApp, Receive, Scope, Send

__all__ = ["json_response", "routes_of", "routing"]

RouteTable = Sequence[tuple[str, str, str]]
"""Method, path, name of the handler."""


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Any record or plain values as JSON; names of files that are no text keep their bytes."""
    try:
        body = msgspec.json.encode(content)
    except UnicodeEncodeError:
        # Lone surrogates stand for bytes that are not UTF-8; as escapes they travel.
        body = json.dumps(msgspec.to_builtins(content), ensure_ascii=True).encode()
    return Response(body, status, headers, media_type="application/json")


def routes_of(table: RouteTable, door: object) -> list[Route]:
    """The routes of a table, answered by a door's methods."""
    return [Route(path, getattr(door, name), methods=[method]) for method, path, name in table]


def routing(routes: Sequence[Route]) -> ASGIApp:
    """The application of these routes; what is not there is raised, not answered."""
    router = Router(routes, redirect_slashes=False)

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        # Where there is an application, Starlette raises instead of answering in plain text.
        scope["app"] = routed
        await router(scope, receive, send)

    return routed
