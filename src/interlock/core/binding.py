"""What an approval is bound to: change any of it and the approval is void."""

from __future__ import annotations

import hashlib
import json

from interlock.core.facts import GreenFacts, RedFacts
from interlock.core.tasks import TaskState

__all__ = ["binding"]


def binding(
    state: TaskState,
    *,
    gate: str,
    tree: str,
    red: RedFacts | None = None,
    green: GreenFacts | None = None,
) -> str:
    """sha256 over everything the approver is shown.

    Args:
        state: gives the task, its artifacts and the workflow it is pinned to.
        gate: id of the gate.
        tree: oid that was judged.
        red, green: what was measured for this gate; they name the environment it was measured in,
            else that of the frozen tests counts.
    """
    measured = green or red
    environment = measured.environment if measured else ""
    if not environment and state.frozen:
        environment = state.frozen.environment
    seen = [state.task_id, gate, tree, dict(state.artifacts), state.workflow, environment]
    text = json.dumps(seen, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
