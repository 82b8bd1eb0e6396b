"""How ``data`` of an event becomes text in a row, and comes back: small inline, large in a blob.

Every store uses these functions, so that callers get the same values and the same refusals from
each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from interlock.errors import IntegrityError, InternalError, InvalidInputError, TooLargeError
from interlock.ports.store import EVENT_SCHEMA, INLINE_BYTES, NewEvent, StoredEvent

__all__ = ["BLOB_BYTES", "Document", "decode", "encode", "number"]

BLOB_BYTES: Final = 32 * 1024 * 1024
"""Largest ``data`` that is accepted at all, as JSON."""

_REFERENCE = "$blob"


@dataclass(frozen=True, slots=True)
class Document:
    """``data`` on its way into a store: the text of its row, and the values a reader will get."""

    event: NewEvent
    text: str
    value: dict[str, Any]


def encode(events: Sequence[NewEvent], put_blob: Callable[[bytes], str]) -> list[Document]:
    """Turn new events into documents; blobs are durable on return.

    Raises:
        InternalError: there are no events (``IL-STO-010``).
        InvalidInputError: ``data`` is not a JSON object, or uses the reserved key (``IL-STO-011``).
        TooLargeError: ``data`` is over the limit (``IL-STO-012``).
    """
    if not events:
        raise InternalError("an append without events", code="IL-STO-010")
    return [_document(event, put_blob) for event in events]


def _document(event: NewEvent, put_blob: Callable[[bytes], str]) -> Document:
    try:
        # What is returned now and what is read later must be the same: go through JSON once.
        encoded = msgspec.json.encode(event.data)
        value = msgspec.json.decode(encoded)
    except (TypeError, ValueError, RecursionError) as problem:
        raise _invalid(event, str(problem)) from problem
    if not event.event_type:
        raise _invalid(event, "it has no type")
    if not isinstance(value, dict):
        raise _invalid(event, "not an object")
    if _REFERENCE in value:
        raise _invalid(event, f"{_REFERENCE} is a reserved key")
    if len(encoded) > BLOB_BYTES:
        raise TooLargeError(
            f"data of a {event.event_type} event is {len(encoded)} bytes, over {BLOB_BYTES}",
            code="IL-STO-012",
            remedy="keep the large part with put_blob and refer to it by digest",
        )
    if len(encoded) > INLINE_BYTES:
        encoded = msgspec.json.encode({_REFERENCE: put_blob(encoded)})
    return Document(event, encoded.decode(), value)


def _invalid(event: NewEvent, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"data of a {event.event_type} event cannot be recorded: {why}",
        code="IL-STO-011",
        remedy="give a mapping of plain JSON values",
    )


def decode(text: str, get_blob: Callable[[str], bytes]) -> dict[str, Any]:
    """The values of a row's text, fetched from its blob if that is where they are.

    Raises:
        IntegrityError: the text is not what ``encode`` wrote (``IL-STO-020``), or its blob is not.
    """
    try:
        value = msgspec.json.decode(text, type=dict[str, Any])
        if _REFERENCE in value:
            value = msgspec.json.decode(get_blob(value[_REFERENCE]), type=dict[str, Any])
    except msgspec.MsgspecError as problem:
        raise IntegrityError(
            f"data of an event is not readable: {problem}",
            code="IL-STO-020",
            remedy="restore the state directory from a backup",
        ) from problem
    return value


def number(
    documents: Sequence[Document],
    *,
    task_id: str,
    version: int,
    last_id: int,
    command_id: str | None,
    at: int,
) -> tuple[StoredEvent, ...]:
    """Give documents the next places: after ``version`` in their task, ``last_id`` over all."""
    return tuple(
        StoredEvent(
            id=last_id + place,
            timestamp=at,
            event_type=document.event.event_type,
            task_id=task_id,
            data=document.value,
            task_version=version + place,
            schema=EVENT_SCHEMA,
            actor=document.event.actor,
            command_id=command_id,
        )
        for place, document in enumerate(documents, start=1)
    )
