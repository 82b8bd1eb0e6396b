"""Everything that is known about a task, in one document: events, artifacts, measurements,
decisions, anchors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from interlock.core.events import (
    AttemptStarted,
    BaseMeasured,
    EvidenceRecorded,
    ReviewerStarted,
)
from interlock.core.tasks import TaskState
from interlock.engine.codec import plain
from interlock.engine.ledger import Ledger
from interlock.engine.views import enforcement_view
from interlock.ports.audit import AuditPort
from interlock.ports.store import StoredEvent

__all__ = ["bundle"]


async def bundle(ledger: Ledger, audit: AuditPort, state: TaskState) -> dict[str, Any]:
    """The evidence of one task; digests are sha256 of the documents beside them."""
    stored = await ledger.run(lambda: ledger.store.task_events(state.task_id))
    # All that was ever handed in or measured, also what a later document has replaced.
    digests = {str(event.data["digest"]) for event in stored if "digest" in event.data}
    documents = {digest: await _document(ledger, digest) for digest in sorted(digests)}
    return {
        "task_id": state.task_id,
        "title": state.title,
        "status": state.status.value,
        "workflow": state.workflow,
        "base_commit": state.base_commit,
        "tree": state.tree,
        "commit": state.commit,
        "enforcement": enforcement_view(state.enforcement),
        "confinement": state.weakest,
        "sessions": [_session(event) for event in stored if event.event_type in _SESSIONS],
        "measurements": [_measurement(e) for e in stored if e.event_type in _MEASURED],
        "artifacts": dict(state.artifacts),
        "evidence": dict(state.evidence),
        "verdicts": plain(state.verdicts),
        "events": [plain(event) for event in stored],
        "documents": documents,
        "audit": plain(audit.heads),
    }


_SESSIONS = {AttemptStarted.type.value: "author", ReviewerStarted.type.value: "reviewer"}


def _session(event: StoredEvent) -> dict[str, Any]:
    """Who worked or looked, on what, and how confined."""
    data = event.data
    return {
        "session_id": data["session_id"],
        "agent_id": data["agent_id"],
        "role": data.get("role", _SESSIONS[event.event_type]),
        "tree": data["tree"],
        "level": data.get("confinement", ""),
    }


_MEASURED = {EvidenceRecorded.type.value, BaseMeasured.type.value}


def _measurement(event: StoredEvent) -> dict[str, Any]:
    """What was run on which tree, and how confined."""
    data = event.data
    found = {"kind": data.get("kind", "base"), "digest": data["digest"], "tree": data["tree"]}
    return {**found, "level": data.get("level", "")}


async def _document(ledger: Ledger, digest: str) -> Mapping[str, Any]:
    data = await ledger.run(lambda: ledger.store.get_blob(digest))
    document: Mapping[str, Any] = json.loads(data)
    return document
