"""Whether a phase permits a tool at all: forbidden wins, allowed is a list, all else is denied."""

from __future__ import annotations

from typing import Final

from interlock.core.model import PhaseSpec, ToolConstraint
from interlock.core.policy.names import KIN, PROTOCOL

__all__ = ["constraint_for", "forbidden_by", "permitted"]

_FREE: Final = ToolConstraint()


def forbidden_by(phase: PhaseSpec, tool: str) -> str | None:
    """The entry of ``forbidden_tools`` that holds for a tool: its own or its nearest kin's.

    Args:
        phase: the phase.
        tool: canonical name.
    """
    if tool in phase.forbidden_tools:
        return tool
    if tool in phase.allowed_tools:
        return None
    kin = KIN.get(tool)
    return forbidden_by(phase, kin) if kin else None


def permitted(phase: PhaseSpec, tool: str) -> bool:
    """Whether the phase lets the canonical tool be used, before any constraint."""
    if forbidden_by(phase, tool):
        return False
    if tool in phase.allowed_tools or tool in PROTOCOL:
        return True
    kin = KIN.get(tool)
    return kin is not None and permitted(phase, kin)


def constraint_for(phase: PhaseSpec, tool: str) -> ToolConstraint:
    """The constraint that binds a tool: its own, its nearest kin's, or an empty one."""
    own = phase.tool_constraints.get(tool)
    if own is not None:
        return own
    kin = KIN.get(tool)
    return constraint_for(phase, kin) if kin else _FREE
