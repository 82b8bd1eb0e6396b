"""What events of earlier releases have to become: the one place that knows their shapes.

A field with a default needs nothing. Any other change of the shape of ``data`` raises
``ports.store.EVENT_SCHEMA`` by one and adds the function that brings an event of the schema before
to the new one. Nothing is ever taken away here: histories of every release are replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from interlock.errors import IntegrityError
from interlock.ports.store import EVENT_SCHEMA, StoredEvent

__all__ = ["UPCASTERS", "upcast"]

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {}
"""(event type, schema) → ``data`` of that schema as the next one has it; none: it is the same."""


def upcast(
    event: StoredEvent,
    *,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    newest: int = EVENT_SCHEMA,
) -> dict[str, Any]:
    """``data`` of a stored event in the shape of the newest schema.

    Raises:
        IntegrityError: the event is of a newer release (``IL-ENG-003``).
    """
    if event.schema > newest:
        raise IntegrityError(
            f"event {event.id} has schema {event.schema}, this program knows {newest}",
            code="IL-ENG-003",
            remedy="install the version of interlock that wrote it, or a newer one",
        )
    data = dict(event.data)
    for schema in range(event.schema, newest):
        if step := upcasters.get((event.event_type, schema)):
            data = step(data)
    return data
