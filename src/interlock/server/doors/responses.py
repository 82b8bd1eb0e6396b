"""Answers: JSON by msgspec, errors as RFC 9457 problem documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from interlock.errors import InterlockError, NotFoundError

__all__ = ["json_response", "no_such_route", "problem"]


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Any record or plain values as JSON."""
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")


async def problem(_request: Request, error: Exception) -> Response:
    """An error of ours in its one shape."""
    if not isinstance(error, InterlockError):
        raise error
    headers = {"www-authenticate": "Bearer"} if error.http_status == 401 else {}
    return Response(
        msgspec.json.encode(error.problem()),
        error.http_status,
        headers,
        media_type="application/problem+json",
    )


async def no_such_route(request: Request, error: Exception) -> Response:
    """No such path, or not with this method."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    missing = NotFoundError(
        f"{request.method} {request.url.path} is not at this door",
        code="IL-DOR-404",
        remedy="docs/api.md lists the routes of each door.",
    ).problem()
    body = msgspec.json.encode({**missing, "status": status})
    return Response(body, status, media_type="application/problem+json")
