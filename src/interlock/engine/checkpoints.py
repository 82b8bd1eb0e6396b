"""States of tasks kept beside their events, so that a start folds only what came after.

Events stay the truth. A checkpoint is believed only if this server sealed it, exactly this code
would fold to it, and the event that it ends with is still the one that stands there; anything else
is passed over, and everything is folded.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from interlock.core.tasks import TaskState
from interlock.engine.codec import plain, typed
from interlock.errors import InterlockError
from interlock.ports.store import EVENT_SCHEMA, Store, StoredEvent

__all__ = ["Checkpoints", "Found", "fold_digest"]

_FOLDING = ("core/**/*.py", "engine/codec.py", "engine/upcasters.py")
_PAGE = 500
_log = logging.getLogger(__name__)


class Found(NamedTuple):
    """Where a fold begins: a state, the events after it, and when it was kept (0: never)."""

    state: TaskState
    tail: Sequence[StoredEvent]
    at: int


class Checkpoints:
    """Of one store.

    Args:
        key: of the server; a checkpoint under another one is foreign.
    """

    def __init__(self, store: Store, key: bytes = b"") -> None:
        self._store = store
        self._key = hmac.digest(key or b"none", b"interlock checkpoint", "sha256")

    def keep(self, state: TaskState, newest: StoredEvent) -> None:
        """Keep a state; one that cannot be kept costs time at the next start and nothing else.

        Args:
            newest: the event that the state ends with.
        """
        body = {
            "fold": fold_digest(),
            "task_id": state.task_id,
            "event": newest.id,
            "digest": _fingerprint(newest),
            "at": newest.timestamp,
            "state": plain(state),
        }
        try:
            text = json.dumps(body)
            sealed = json.dumps({"seal": self._seal(text), "body": text})
            self._store.set_setting(_name(state.task_id), sealed)
        except (InterlockError, TypeError, ValueError) as error:
            _log.warning("checkpoint_not_kept", extra={"task_id": state.task_id}, exc_info=error)

    def find(self, task_id: str) -> Found:
        """The newest state that can be believed, with what happened since."""
        if (body := self._read(task_id)) is not None:
            events = self._from(task_id, body["event"])
            if events and _fingerprint(events[0]) == body["digest"]:
                try:
                    state = typed(body["state"], TaskState)
                except InterlockError:
                    state = TaskState(task_id=task_id)
                if state.version == events[0].task_version:
                    return Found(state, events[1:], body["at"])
        return Found(TaskState(task_id=task_id), self._store.task_events(task_id), 0)

    def _read(self, task_id: str) -> dict[str, Any] | None:
        """What is sealed by this server, made by this code and about this task."""
        kept = self._store.setting(_name(task_id))
        try:
            document = json.loads(kept or "null")
            text = document["body"]
            if not hmac.compare_digest(self._seal(text), document["seal"]):
                return None
            body: dict[str, Any] = json.loads(text)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        ours = body["fold"] == fold_digest() and body["task_id"] == task_id
        return body if ours else None

    def _seal(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _from(self, task_id: str, event_id: int) -> list[StoredEvent]:
        """The event of that id, if it is the task's, and all after it."""
        found: list[StoredEvent] = []
        cursor = event_id - 1
        while page := self._store.events_after(cursor, task_id=task_id, limit=_PAGE):
            found += page
            cursor = page[-1].id
        return found if found and found[0].id == event_id else []


@cache
def fold_digest() -> str:
    """Digest of everything that makes a state out of events: a change of it folds anew."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256(f"{EVENT_SCHEMA}".encode())
    for pattern in _FOLDING:
        for path in sorted(root.glob(pattern)):
            digest.update(f"\0{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _fingerprint(event: StoredEvent) -> str:
    text = json.dumps(plain(event), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _name(task_id: str) -> str:
    return f"checkpoint.{task_id}"
