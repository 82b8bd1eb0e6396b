"""Requests and responses as values, no I/O: what every client, sync or async, shares.

A ``Call`` is sent by a transport and its ``Reply`` read by ``result``, which raises what the
server raised.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from interlock.errors import DeniedError, InterlockError, UnavailableError, from_problem
from interlock.sdk.contract import CONTRACT, HEADER

__all__ = ["Call", "Reply", "ToolDeniedError", "call", "result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request; ``headers`` of a mutating one carry the key under which it may be repeated."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One response."""

    status: int
    body: bytes


class ToolDeniedError(DeniedError, PermissionError):
    """Policy refused a tool call; ``decision`` is the server's whole record."""

    def __str__(self) -> str:
        """What an agent prints: what was refused, and what to do instead."""
        return f"{self.message} → {self.remedy}" if self.remedy else self.message

    @property
    def decision(self) -> Mapping[str, Any]:
        """Verdict, every matching rule with its line, and remedies."""
        found = self.context.get("decision")
        return found if isinstance(found, Mapping) else {}


def call(
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    token: str | None = None,
    query: Mapping[str, Any] | None = None,
    key: str | None = None,
) -> Call:
    """Build a request.

    Args:
        path: from the root, already safe; use ``segment`` for what comes from elsewhere.
        body: plain JSON values.
        token: phase token; travels in the header only.
        query: parameters; those that are ``None`` are left out.
        key: idempotency key; every POST gets one of its own if none is given.
    """
    headers = {"Accept": "application/json", HEADER: CONTRACT}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = b""
    if method != "GET":
        headers["Idempotency-Key"] = key or str(uuid.uuid4())
        headers["Content-Type"] = "application/json"
        data = json.dumps(body or {}, allow_nan=False).encode()
    given = {name: value for name, value in (query or {}).items() if value is not None}
    target = f"{path}?{urlencode(given, doseq=True)}" if given else path
    return Call(method=method, path=target, headers=headers, body=data)


def segment(value: str) -> str:
    """A value as one segment of a path."""
    return quote(value, safe="")


def result(reply: Reply) -> dict[str, Any]:
    """The document of a reply.

    Raises:
        InterlockError: what the server raised; ``ToolDeniedError`` where a decision came with it.
    """
    try:
        document = json.loads(reply.body or b"{}")
    except ValueError as error:
        raise UnavailableError(
            f"the server answered {reply.status} without JSON",
            code="IL-SDK-002",
            remedy="interlock up",
        ) from error
    if reply.status < 400 and isinstance(document, dict):
        return document
    raise _raised(document)


def _raised(document: Any) -> InterlockError:
    error = from_problem(document if isinstance(document, dict) else {})
    if isinstance(error, DeniedError) and "decision" in error.context:
        return ToolDeniedError(
            error.message, code=error.code, remedy=error.remedy, context=error.context
        )
    return error
