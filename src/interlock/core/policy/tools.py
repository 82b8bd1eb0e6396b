"""The verdict on one tool call: is it known, permitted in the phase, within its constraints.

Deny by default. A call that cannot be read is denied like one that is forbidden; every denial says
by which rule, where that rule is written, what was looked at and what to do instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from interlock.core.model import PhaseSpec, ToolConstraint, WorkflowSpec
from interlock.core.policy import shell, targets
from interlock.core.policy.arguments import command_of, normalize_args, stdin_of
from interlock.core.policy.names import CANONICAL, COMMANDS, canonical
from interlock.core.policy.permissions import constraint_for, forbidden_by, permitted
from interlock.core.policy.remedies import elsewhere, shown
from interlock.core.reasons import Reason, ToolDecision
from interlock.errors import UsageError

__all__ = ["canonical", "decide", "normalize_args"]

ROOT: Final = "/w"
"""Where a session sees its tree."""

_PYTHON: Final = ("python", "python3")
_RUNNERS: Final[dict[str, tuple[str, ...]]] = {
    "pytest": ("pytest", *(f"{python} -m pytest" for python in _PYTHON)),
    "unittest": tuple(f"{python} -m unittest" for python in _PYTHON),
    "go": ("go test",),
    "node": ("node --test", "npm test", "pnpm test", "yarn test"),
    "vitest": ("vitest", "npx vitest", "npm test", "pnpm test", "yarn test"),
    "jest": ("jest", "npx jest", "npm test", "pnpm test", "yarn test"),
    "cargo": ("cargo test", "cargo nextest run"),
}
_SHOWN: Final = 64
_FREE: Final = ToolConstraint()


def decide(
    workflow: WorkflowSpec, phase: str, tool: str, args: Mapping[str, Any], *, root: str = ROOT
) -> ToolDecision:
    """Whether an agent in a phase may make a call.

    Args:
        workflow: the pinned definition.
        phase: id of the phase the task is in (from the server's state, never from the agent).
        tool: name as it was sent, canonical or a program's own.
        args: arguments as they were sent.
        root: where the agent sees the tree; paths below it are made relative.

    Returns:
        The decision with every reason against the call, the deciding one first.

    Raises:
        DefinitionError: a path pattern of the phase cannot be compiled.
    """
    spec = workflow.phase(phase)
    if spec is None:
        return _denied(tool, _unknown_phase(workflow, phase))
    name = canonical(tool, workflow.extra_tools)
    if name is None:
        return _denied(tool, _unknown_tool(spec, tool))
    if not permitted(spec, name):
        return _denied(name, _not_permitted(workflow, spec, name))
    try:
        known = normalize_args(tool, args)
        found = (
            *targets.reasons(workflow, spec, name, known, root),
            *_commands(workflow, spec, name, known),
        )
    except UsageError as error:
        return _denied(name, _malformed(spec, name, error))
    return ToolDecision(allowed=False, tool=name, reasons=found) if found else _allowed(name)


# -- permission --------------------------------------------------------------------------------


def _unknown_phase(workflow: WorkflowSpec, phase: str) -> Reason:
    return Reason(
        rule="phase.unknown",
        message=f"The workflow {workflow.name} has no phase {shown(phase)}.",
        remedy="See where the task is: interlock why TASK",
        facts={"phase": phase, "phases": [known.id for known in workflow.phases]},
    )


def _unknown_tool(spec: PhaseSpec, tool: str) -> Reason:
    close = get_close_matches(tool[:_SHOWN], [*CANONICAL, *spec.allowed_tools], 1)
    usable = ", ".join(spec.allowed_tools) or "none"
    hint = f"Did you mean {close[0]}? " if close else ""
    return Reason(
        rule="tool.unknown",
        message=f"{shown(tool)} is not a tool that this workflow knows; unknown tools are denied.",
        remedy=f"{hint}Use one of: {usable}.",
        position=spec.position,
        facts={"tool": tool, "phase": spec.id},
    )


def _not_permitted(workflow: WorkflowSpec, spec: PhaseSpec, tool: str) -> Reason:
    by = forbidden_by(spec, tool)
    usable = ", ".join(spec.allowed_tools) or "none"
    remedy = elsewhere(workflow, spec, lambda other: permitted(other, tool))
    if by:
        rule, what = "tool.forbidden", f"forbidden in {spec.id}"
        if by != tool:
            what += f", because {by} is"
    else:
        rule, what = "tool.not_allowed", f"not among the tools of {spec.id}"
    return Reason(
        rule=rule,
        message=f"{tool} is {what}.",
        remedy=remedy or f"Use one of: {usable}.",
        position=spec.position,
        facts={
            "tool": tool,
            "phase": spec.id,
            "allowed_tools": list(spec.allowed_tools),
            "forbidden_tools": list(spec.forbidden_tools),
        },
    )


# -- commands ----------------------------------------------------------------------------------


def _commands(
    workflow: WorkflowSpec, spec: PhaseSpec, tool: str, args: Mapping[str, Any]
) -> Iterator[Reason]:
    constraint = _command_constraint(workflow, spec, tool)
    limited = bool(constraint.allowed_commands or constraint.forbidden_commands)
    if tool not in COMMANDS and not limited:
        return
    command, typed = command_of(args), stdin_of(args)
    if command is not None:
        yield from shell.reasons(command, constraint)
    elif typed is None and (tool == "bash" or tool not in COMMANDS):
        raise UsageError(f"{tool} was called without a command")
    if typed and limited:
        yield Reason(
            rule="command.opaque",
            message="Nobody knows what a running program does with what is typed into it.",
            remedy="Start the command by itself, in a call of its own.",
            position=constraint.position,
            facts={"phase": spec.id},
        )


def _command_constraint(workflow: WorkflowSpec, spec: PhaseSpec, tool: str) -> ToolConstraint:
    if tool not in COMMANDS:
        # Looking at a shell's output starts nothing, so bash's own lists are not for its kin.
        return spec.tool_constraints.get(tool, _FREE)
    own = constraint_for(spec, tool)
    if own.allowed_commands or own.forbidden_commands:
        return own
    if tool == "run":
        # Free commands by another name are bound like free commands.
        return constraint_for(spec, "bash")
    if tool == "run_tests":
        runner = workflow.environment.runner if workflow.environment else ""
        forms = _RUNNERS.get(runner) or tuple(
            dict.fromkeys(form for known in _RUNNERS.values() for form in known)
        )
        return ToolConstraint(allowed_commands=forms, position=spec.position)
    return own


# -- common ------------------------------------------------------------------------------------


def _malformed(spec: PhaseSpec, tool: str, error: UsageError) -> Reason:
    return Reason(
        rule="args.malformed",
        message=f"The call of {tool} cannot be read: {error.message}.",
        remedy=error.remedy or f"Send the call again with every argument that {tool} needs.",
        position=spec.position,
        facts={"tool": tool, "phase": spec.id},
    )


@lru_cache(maxsize=256)
def _allowed(tool: str) -> ToolDecision:
    return ToolDecision(allowed=True, tool=tool, reasons=())


def _denied(tool: str, reason: Reason) -> ToolDecision:
    return ToolDecision(allowed=False, tool=tool, reasons=(reason,))
