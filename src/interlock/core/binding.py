"""What an approval is bound to: change any of it and the approval is void."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

__all__ = ["binding"]


def binding(
    *,
    task_id: str,
    gate: str,
    tree: str,
    artifacts: Mapping[str, str],
    workflow: str,
    environment: str,
) -> str:
    """sha256 over everything the approver saw.

    Args:
        task_id: the task.
        gate: id of the gate.
        tree: oid that was judged.
        artifacts: type → blob digest.
        workflow: digest of the definition.
        environment: digest of the judge's environment, empty if none was used.
    """
    seen = [task_id, gate, tree, dict(artifacts), workflow, environment]
    text = json.dumps(seen, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
