"""Where the server itself leads a task: through a gate that says ``auto_advance``.

The sign that a phase is done is not the last document, after which an agent may still write, and
never time: it is that the agent's program ended well with every document handed in. The server asks
then as the agent would have, once in each attempt; the gate is measured like any other.
"""

from __future__ import annotations

from interlock.core import commands as cmd
from interlock.core.gates.catalog import SERVER_BUILT
from interlock.core.model import WorkflowSpec
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState

__all__ = ["onward"]


def onward(workflow: WorkflowSpec, state: TaskState) -> cmd.RequestTransition | None:
    """What the server asks for a holder whose program has ended well; ``None`` if nothing.

    Of several ways with such a gate it is the one that is declared first.
    """
    phase = workflow.phase(state.phase)
    request_id = f"req_auto_{state.attempt_id}"
    if phase is None or state.status is not TaskStatus.WORKING or state.last_request == request_id:
        return None
    asked = {artifact.type for artifact in phase.required_artifacts}
    if asked - SERVER_BUILT - set(state.artifacts):
        return None
    for edge in workflow.transitions:
        gate = phase.gate(edge.gate) if edge.source == phase.id and edge.gate else None
        if gate is not None and gate.auto_advance:
            return cmd.RequestTransition(
                request_id=request_id,
                session_id=state.session_id,
                current_phase=state.phase,
                target_phase=edge.target,
            )
    return None
