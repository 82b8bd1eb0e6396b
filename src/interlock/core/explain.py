"""A decision as plain JSON: the one record that API, CLI and agents render."""

from __future__ import annotations

import re
from typing import Any

from interlock.core.model import Mode
from interlock.core.reasons import Reason, ToolDecision

__all__ = ["render", "render_tool", "runnable", "told_of"]

_COMMAND = re.compile(r"\b(interlock [a-z]+) TASK\b")


def runnable(remedy: str, task_id: str) -> str:
    """A remedy whose commands can be run: checks and policy know no task, who shows them does."""
    return _COMMAND.sub(rf"\1 {task_id}", remedy) if task_id else remedy


def render(reason: Reason, task_id: str) -> dict[str, Any]:
    """A reason: rule, message, remedy, the line that decided, the facts looked at.

    Args:
        task_id: the task that its commands are about.
    """
    return {
        "rule": reason.rule,
        "message": reason.message,
        "remedy": runnable(reason.remedy, task_id),
        "position": str(reason.position) if reason.position else "",
        "facts": dict(reason.facts),
    }


def render_tool(decision: ToolDecision, task_id: str = "") -> dict[str, Any]:
    """A tool decision with every reason that matched; the first one decided.

    For the records: what a mode let through is named with the mode, also where only they may say.
    """
    found = {
        "allowed": decision.allowed,
        "tool": decision.tool,
        "reasons": [render(reason, task_id) for reason in decision.reasons],
    }
    if decision.overridden:
        found["would_have_been_denied"] = [render(r, task_id) for r in decision.overridden]
        found["overridden_by_mode"] = decision.overridden_by_mode
    return found


def told_of(decision: ToolDecision, task_id: str = "") -> list[dict[str, Any]]:
    """What an agent is told of a call that only its mode let through; nothing in advisory mode."""
    if decision.overridden_by_mode != Mode.PERMISSIVE:
        return []
    return [render(reason, task_id) for reason in decision.overridden]
