"""Bodies of requests, typed: what does not fit is refused with the place where it does not fit."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from interlock.errors import AuthError, InvalidInputError, TooLargeError, UsageError
from interlock.sdk.contract import HEADER

__all__ = [
    "SESSION",
    "ApprovalBody",
    "BuildBody",
    "ClaimBody",
    "DecisionBody",
    "NoBody",
    "ReasonBody",
    "SessionBody",
    "TaskBody",
    "TokenBody",
    "ToolBody",
    "TransitionBody",
    "TrustBody",
    "bearer",
    "body_of",
    "contract_of",
    "header_token",
    "parse",
]

SESSION = "interlock.session"
"""Key of the scope that holds the id of the session whose listener the request came in by."""

_CONTRACT = HEADER.lower().encode()

DEEPEST = 64
"""Levels of objects and lists in a body: more serves no document and ends programs that recurse."""

T = TypeVar("T")

MAX_VALUES = 10_000
"""Values that one body may hold, counted by their separators."""

_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"')


class ClaimBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/tasks/claim``."""

    agent_id: str = ""
    capabilities: tuple[str, ...] = ()


class TransitionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/tasks/transition``."""

    current_phase: str
    target_phase: str
    artifacts: dict[str, Any] = {}
    phase_token: str | None = None


class ToolBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/tools/execute`` and ``/check``."""

    tool_name: str
    args: dict[str, Any] = {}
    phase_token: str | None = None


class TokenBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/tokens/refresh``."""

    phase_token: str | None = None


class TaskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/tasks`` on the people's door."""

    title: str
    description: str = ""
    depends_on: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    priority: int = 0
    agent: dict[str, Any] = {}


class ApprovalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST …/gates/{gate}/approve``; without a passphrase the login alone stands for it.

    ``name`` says whose passphrase it is, where that is not whoever calls.
    """

    passphrase: str = ""
    name: str = ""
    reason: str = ""
    binding: str | None = None


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST …/gates/{gate}/reject``."""

    passphrase: str
    name: str = ""
    reason: str = ""
    binding: str | None = None


class ReasonBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST …/abort`` and others that only a person's word is needed for."""

    passphrase: str
    name: str = ""
    reason: str = ""


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a route that needs nothing besides its address."""


class BuildBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/environments/build``; seconds since the epoch, and seconds to wait."""

    newer_than: float = 0.0
    wait: float = 0.0


class TrustBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/trust``; ``digest`` is that of the recipe that the person was shown."""

    passphrase: str
    name: str = ""
    reason: str = ""
    digest: str = ""


class SessionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /api/v1/session``."""

    passphrase: str
    name: str = "owner"


def _check_count(data: bytes) -> None:
    """Refuse a body of very many small values: deciding on each would hold up everybody.

    Separators are counted instead of values; those inside of texts only make the limit stricter
    for bodies that are mostly punctuation, so long texts are measured after their strings are cut.
    """
    if data.count(b",") <= MAX_VALUES:
        return
    if _TEXTS.sub(b"", data).count(b",") > MAX_VALUES:
        raise TooLargeError(
            f"the body has more than {MAX_VALUES} values",
            code="IL-DOR-014",
            remedy="Send fewer values in one call.",
        )


def parse(data: bytes, kind: type[T]) -> T:
    """A body as the record ``kind``.

    Raises:
        UsageError: it is not JSON, or JSON that two readers may read differently.
        InvalidInputError: it is JSON of another shape.
    """
    data = data or b"{}"
    try:
        body = msgspec.json.decode(data, type=kind)
        _check_plain(data)
        _check_count(data)
    except msgspec.ValidationError as error:
        raise InvalidInputError(
            f"the body does not fit: {error}",
            code="IL-DOR-011",
            remedy="docs/api.md lists the body of each route.",
        ) from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise UsageError(
            f"the body is not JSON: {error}", code="IL-DOR-010", remedy="Send one JSON object."
        ) from error
    return body


def _check_plain(data: bytes) -> None:
    """Refuse equal keys, of which readers take different ones, and nesting that ends them.

    The decoder of the records sees neither, and this one costs a few microseconds.
    """
    read = json.loads(data, object_pairs_hook=_unique)
    if data.count(b"{") + data.count(b"[") <= DEEPEST:
        return
    layer: list[Any] = [read]
    for _ in range(DEEPEST):
        layer = [inner for outer in layer for inner in _inside(outer)]
    if layer:
        raise ValueError(f"it is nested more than {DEEPEST} deep")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {twice!r} stands there twice")
    return made


def _inside(value: Any) -> Iterable[Any]:
    """What is nested in a value and may nest further."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return ()
    return (inner for inner in value if isinstance(inner, dict | list))


async def body_of(request: Request, kind: type[T]) -> T:
    """The request's body as the record ``kind``."""
    return parse(await request.body(), kind)


def header_token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The token of ``Authorization: Bearer``; empty if there is none."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
    return ""


def contract_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The version of the SDK's contract that the client says it speaks; empty if it says none."""
    for name, value in headers:
        if name == _CONTRACT:
            return value.decode("latin-1").strip()
    return ""


def bearer(request: Request, in_body: str | None = None) -> str:
    """The token of a request; one in the body must be the same. An address is never looked at.

    Raises:
        AuthError: there is none, or there are two different ones.
    """
    token = header_token(request.scope["headers"])
    if in_body and token and in_body != token:
        raise AuthError(
            "the token in the body is not the one in the header",
            code="IL-TOK-032",
            remedy="Send one token, as Authorization: Bearer.",
        )
    if not (token or in_body):
        raise AuthError(
            "no phase token",
            code="IL-TOK-033",
            remedy="Claim a task first: AgentClient.claim_task().",
        )
    return token or str(in_body)
