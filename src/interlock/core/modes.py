"""How hard the rules bind for one task, and what a mode below strict lets through. Pure.

A task keeps the modes that it was made with. Gates and tools have one each, because a workflow may
say something stricter of its tools. What is not a rule of the workflow has no mode: identity and
tokens, people's approvals, the import's path policy, the sandbox.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from interlock.core.model import Mode, Position, WorkflowSpec
from interlock.core.policy.names import WRITING
from interlock.core.reasons import ToolDecision

__all__ = ["ALL_STRICT", "InForce", "in_force", "loosened", "raised"]

LOOSENED: Final = frozenset(
    {
        "tool.not_allowed",
        "tool.forbidden",
        "command.forbidden",
        "command.not_allowed",
        "command.opaque",
        "command.redirect",
        "path.forbidden",
        "path.not_allowed",
    }
)
"""Rules of tools that a mode can let a call pass by; every other one holds in every mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The modes of one task, each with the place that it comes from; empty in older records."""

    gates: Mode = Mode.STRICT
    gates_origin: str = ""
    tools: Mode = Mode.STRICT
    tools_origin: str = ""

    @property
    def is_strict(self) -> bool:
        """Whether everything that fails blocks."""
        return self.gates is Mode.STRICT and self.tools is Mode.STRICT

    @property
    def banner(self) -> str:
        """What every surface says of a task whose rules do not all bind; empty if they do."""
        if self.is_strict:
            return ""
        both = (("gates", self.gates, self.gates_origin), ("tools", self.tools, self.tools_origin))
        said = ", ".join(
            f"{what} {mode.value}{f' ({origin})' if origin else ''}" for what, mode, origin in both
        )
        return f"ENFORCEMENT IS NOT STRICT: {said}"


ALL_STRICT: Final = InForce()
"""Of a task whose record says nothing else."""


def in_force(workflow: WorkflowSpec, setting: Mode, origin: str) -> InForce:
    """The modes of a new task: the stricter of what the workflow and the server's setting say.

    Args:
        workflow: the definition that the task is pinned to.
        setting: ``enforcement.mode`` of the server.
        origin: where that was read.
    """
    gates = _written(workflow.mode_position)
    tools = _written(workflow.tool_mode_position or workflow.mode_position)
    of_workflow = InForce(
        gates=workflow.mode, gates_origin=gates, tools=workflow.tool_mode, tools_origin=tools
    )
    return raised(of_workflow, setting, origin)


def raised(known: InForce, setting: Mode, origin: str) -> InForce:
    """The modes under a server whose setting may be stricter; never weaker ones."""
    found = known
    by = f"enforcement.mode of {origin}" if origin != "default" else "enforcement.mode by default"
    if known.gates.stricter(setting) is not known.gates:
        found = replace(found, gates=setting, gates_origin=_over(by, known.gates))
    if known.tools.stricter(setting) is not known.tools:
        found = replace(found, tools=setting, tools_origin=_over(by, known.tools))
    return found


def loosened(decision: ToolDecision, mode: Mode) -> ToolDecision:
    """What becomes of a denied call in a mode: let through in spite of its reasons, or not.

    A call that writes stays denied: what the phase may not write is not taken over in any mode, so
    letting it through would only lose the work later. So does what cannot be carried out.
    """
    if decision.allowed or mode is Mode.STRICT or decision.tool in WRITING:
        return decision
    if any(reason.rule not in LOOSENED for reason in decision.reasons):
        return decision
    return ToolDecision(
        allowed=True,
        tool=decision.tool,
        reasons=(),
        overridden=decision.reasons,
        overridden_by_mode=mode.value,
    )


def _written(position: Position | None) -> str:
    return f"{position.file}:{position.line}" if position else "the workflow"


def _over(by: str, weaker: Mode) -> str:
    return f"{by}, stricter than {weaker.value}"
