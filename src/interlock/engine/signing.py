"""The statement that a commit came out of the workflow: what was judged, signed with the server's
key."""

from __future__ import annotations

import hashlib
import hmac
import json

from interlock.core.tasks import TaskState

__all__ = ["attest", "commit_message"]


def attest(state: TaskState, key: bytes) -> str:
    """HMAC-SHA256, in hex, over task, tree, workflow, environment and the digests of all
    evidence."""
    statement = {
        "task": state.task_id,
        "base": state.base_commit,
        "tree": state.tree,
        "workflow": state.workflow,
        "environment": state.frozen.environment if state.frozen else "",
        "confinement": state.weakest,
        "evidence": dict(state.evidence),
        "artifacts": dict(state.artifacts),
    }
    text = json.dumps(statement, sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()


def commit_message(state: TaskState, attestation: str) -> str:
    """Title, description and the trailers that tie the commit to its task."""
    body = f"{state.title}\n\n{state.description}".strip()
    return (
        f"{body}\n\nInterlock-Task: {state.task_id}\nInterlock-Tree: {state.tree}\n"
        f"Interlock-Confinement: {state.weakest or 'none'}\n"
        f"Interlock-Attestation: {attestation}\n"
    )
