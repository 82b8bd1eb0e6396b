"""The verdict on a call with every rule that has a say in it, each at its line.

``core.policy.tools.decide`` tells an agent why not; whoever writes the rules also wants to see why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from interlock.core.model import PhaseSpec, ToolConstraint, WorkflowSpec
from interlock.core.policy import shell
from interlock.core.policy.arguments import command_of, normalize_args, paths_of
from interlock.core.policy.names import COMMANDS, KIN, PROTOCOL, WRITING
from interlock.core.policy.paths import constrained
from interlock.core.policy.permissions import constraint_for
from interlock.core.policy.remedies import shown
from interlock.core.policy.tools import decide
from interlock.core.reasons import Reason
from interlock.definition.deciding import Places

__all__ = ["Verdict", "verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may be made in a phase. ``rules`` allow it, or stand against it."""

    phase: str
    tool: str
    args: Mapping[str, Any]
    allowed: bool
    rules: tuple[Reason, ...]


def verdict(
    workflow: WorkflowSpec, places: Places, phase: PhaseSpec, tool: str, args: Mapping[str, Any]
) -> Verdict:
    """Decide as for an agent, and place each rule at the very line that it comes from."""
    decision = decide(workflow, phase.id, tool, args)
    found = decision.reasons or tuple(_allowing(phase, decision.tool, normalize_args(tool, args)))
    placed = tuple(replace(reason, position=places.deciding(reason)) for reason in found)
    return Verdict(phase.id, decision.tool, args, decision.allowed, placed)


def _allowing(phase: PhaseSpec, tool: str, args: Mapping[str, Any]) -> Iterator[Reason]:
    """The rules that let a call through: the list that has the tool, what fits of its limits."""
    yield _tool_allowed(phase, tool)
    if tool in COMMANDS:
        yield from _commands_allowed(constraint_for(phase, "bash" if tool == "run" else tool), args)
        return
    binding = phase.tool_constraints.get("write_files") if tool in WRITING else None
    constraint = binding or constraint_for(phase, tool)
    for path in paths_of(args):
        for text in constraint.allowed_patterns:
            alone = constrained(ToolConstraint(allowed_patterns=(text,)), phase.id)
            if alone.why_not(path) is None:
                yield _fits("path", path, text, constraint)


def _commands_allowed(constraint: ToolConstraint, args: Mapping[str, Any]) -> Iterator[Reason]:
    """Entries that cover the line by themselves, or without which it would be denied."""
    command = command_of(args)
    if command is None:
        return
    line = command if isinstance(command, str) else " ".join(command)
    allowed = constraint.allowed_commands
    for text in allowed:
        others = tuple(other for other in allowed if other != text)
        covers = not shell.reasons(command, ToolConstraint(allowed_commands=(text,)))
        if covers or (others and shell.reasons(command, ToolConstraint(allowed_commands=others))):
            yield _fits("command", line, text, constraint)


def _tool_allowed(phase: PhaseSpec, tool: str) -> Reason:
    name: str | None = tool
    while name and name not in phase.allowed_tools:
        name = KIN.get(name)
    if name:
        message = f"{name} is among the tools of {phase.id}."
        if name != tool:
            message = f"{tool} goes with {name}, which is among the tools of {phase.id}."
    else:
        assert tool in PROTOCOL  # noqa: S101 - there is no other way to be permitted
        message = f"{tool} is the server's own and allowed in every phase."
    facts = {"tool": name or tool, "phase": phase.id}
    position = phase.position if name else None
    return Reason(rule="tool.allowed", message=message, position=position, facts=facts)


def _fits(what: str, call: str, text: str, constraint: ToolConstraint) -> Reason:
    return Reason(
        rule=f"{what}.allowed",
        message=f"'{text}' allows {shown(call)}.",
        position=constraint.position,
        facts={what: call, "allowed": text},
    )
