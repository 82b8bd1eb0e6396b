"""Words for an agent that was told no: what was refused, and where in the workflow it is right."""

from __future__ import annotations

from collections.abc import Callable

from interlock.core.gates.catalog import SERVER_BUILT
from interlock.core.model import PhaseSpec, WorkflowSpec

__all__ = ["elsewhere", "shown"]


def elsewhere(workflow: WorkflowSpec, phase: PhaseSpec, fits: Callable[[PhaseSpec], bool]) -> str:
    """How to get to a phase where it fits: by one transition if possible, else which phases do.

    Args:
        workflow: the pinned definition.
        phase: where the task is.
        fits: whether the denied thing is right in a phase.

    Returns:
        A sentence that ends with the next action, or an empty text if it fits nowhere.
    """
    suited = [other for other in workflow.phases if other.id != phase.id and fits(other)]
    for other in suited:
        if edge := workflow.edge(phase.id, other.id):
            step = f"client.request_transition('{other.id}')"
            if edge.gate is None:
                return f"That is work for {other.id}. Go there: {step}"
            types = [a.type for a in phase.required_artifacts if a.type not in SERVER_BUILT]
            documents = ", {" + ", ".join(f"'{name}': …" for name in types) + "}" if types else ""
            step = f"client.request_transition('{other.id}'{documents})"
            return f"That is work for {other.id}. When {phase.id} is done: {step}"
    if suited:
        names = ", ".join(other.id for other in suited)
        return f"That is work for {names}. See the way there: interlock why TASK"
    return ""


def shown(text: str, length: int = 120) -> str:
    """A text of an agent, safe and short enough for a message."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= length else text[: length - 1] + "…"
