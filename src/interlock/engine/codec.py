"""Events and facts between their typed records and plain JSON: the one place that knows both
forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from interlock.core.events import EVENT_KINDS, Event, EventType
from interlock.engine.upcasters import upcast
from interlock.errors import IntegrityError
from interlock.ports.store import NewEvent, StoredEvent

__all__ = ["decode", "encode", "plain", "typed"]

T = TypeVar("T")


def plain(record: Any) -> Any:
    """Any record as plain JSON values."""
    return msgspec.to_builtins(record)


def typed(data: Any, kind: type[T]) -> T:
    """Plain JSON values as the record ``kind``.

    Raises:
        IntegrityError: they are not of that shape.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise IntegrityError(
            f"{kind.__name__} expected: {error}",
            code="IL-ENG-001",
            remedy="interlock audit verify",
        ) from error


def encode(events: Iterable[Event], actor: str) -> tuple[NewEvent, ...]:
    """Events as the store takes them."""
    return tuple(NewEvent(event.type.value, plain(event), actor) for event in events)


def decode(stored: StoredEvent) -> Event:
    """A stored event as its record; an unknown type is a newer release's and is refused."""
    try:
        kind = EVENT_KINDS[EventType(stored.event_type)]
    except (KeyError, ValueError) as error:
        raise IntegrityError(
            f"event {stored.id} has the unknown type {stored.event_type!r}",
            code="IL-ENG-002",
            remedy="Start the release that wrote it, or restore a backup.",
        ) from error
    return typed(upcast(stored), kind)
