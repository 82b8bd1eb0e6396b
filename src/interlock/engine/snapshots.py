"""What an agent's snapshot is made of: the parts that ``coordination.state_access`` lists."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState
from interlock.engine.views import task_view

__all__ = ["snapshot_parts", "task_part"]

_SAME_IN_TASK: Final = {
    "task_dependencies": "depends_on",
    "current_phase": "phase",
    "blockers": "blockers",
}
"""Part → the key under which the task itself says the same."""


def snapshot_parts(
    state: TaskState, needed: Sequence[TaskState], wanted: Collection[str] | None
) -> Mapping[str, Any]:
    """The parts of these names.

    Args:
        needed: the task's dependencies.
        wanted: names of parts; ``None``: all.
    """
    parts: dict[str, Any] = {
        "current_phase": state.phase,
        "task_dependencies": [
            {"task_id": s.task_id, "title": s.title, "status": s.status.value} for s in needed
        ],
        "completed_tasks": [s.task_id for s in needed if s.status is TaskStatus.COMPLETED],
        "blockers": [dict(blocker) for blocker in state.blockers],
    }
    return {name: part for name, part in parts.items() if wanted is None or name in wanted}


def task_part(state: TaskState, wanted: Collection[str] | None) -> Mapping[str, Any]:
    """The task, without what it would say of a part that is not wanted."""
    if wanted is None:
        return task_view(state)
    left_out = {key for part, key in _SAME_IN_TASK.items() if part not in wanted}
    return {key: value for key, value in task_view(state).items() if key not in left_out}
