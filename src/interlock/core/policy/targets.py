"""The paths of a call against what its tool may touch in the phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from interlock.core.model import PhaseSpec, WorkflowSpec
from interlock.core.policy.arguments import paths_of
from interlock.core.policy.names import READING, WRITING
from interlock.core.policy.paths import constrained, writable
from interlock.core.policy.pathshape import leaves_tree
from interlock.core.policy.permissions import constraint_for
from interlock.core.policy.remedies import elsewhere, shown
from interlock.core.reasons import Reason
from interlock.errors import UsageError

__all__ = ["reasons", "why_not_taken"]

_ORDER: Final = ("path.malformed", "path.forbidden", "path.protected", "path.not_allowed")
# Another phase would not help.
_OWN_REMEDY: Final = frozenset({"path.malformed", "path.protected"})


def reasons(
    workflow: WorkflowSpec, spec: PhaseSpec, tool: str, args: Mapping[str, Any], root: str
) -> Iterator[Reason]:
    """Every reason against the paths of a call.

    Args:
        workflow: the pinned definition.
        spec: the phase.
        tool: canonical name of a permitted tool.
        args: normalised arguments.
        root: where the agent sees the tree.

    Raises:
        UsageError: the call lacks a path or holds one that cannot be read.
        DefinitionError: a path pattern of the phase cannot be compiled.
    """
    if tool in WRITING:
        yield from _written(workflow, spec, tool, _relative(args, root))
        return
    constraint = constraint_for(spec, tool)
    if constraint.allowed_patterns or constraint.forbidden_patterns:
        paths = _relative(args, root)
        if not paths:
            raise UsageError(f"{tool} is limited to some paths here, so a call has to name one")
        rules = constrained(constraint, spec.id, protected=False)
        for path in paths:
            yield from rules.reasons(path.rstrip("/"))
    elif tool in READING:
        for path in _relative(args, root):
            if why := leaves_tree(path):
                yield Reason(
                    rule="path.outside",
                    message=f"{shown(path)} is not inside the tree: {why}.",
                    remedy="Name the file by its path from the root of the tree, like src/app.py.",
                    position=spec.position,
                    facts={"path": path, "phase": spec.id},
                )


def _written(
    workflow: WorkflowSpec, spec: PhaseSpec, tool: str, paths: tuple[str, ...]
) -> Iterator[Reason]:
    if not paths:
        raise UsageError(f"{tool} was called without the path of a file")
    rules = [writable(workflow, spec.id)]
    own = spec.tool_constraints.get(tool)
    if tool != "write_files" and own and (own.allowed_patterns or own.forbidden_patterns):
        rules.append(constrained(own, spec.id))
    for path in paths:
        found = [reason for rule in rules for reason in rule.reasons(path)]
        if not found:
            continue
        against = {reason.rule: reason for reason in reversed(found)}
        for reason in sorted(against.values(), key=_decides_first):
            yield reason if reason.rule in _OWN_REMEDY else _with_way(workflow, spec, path, reason)


def why_not_taken(workflow: WorkflowSpec, spec: PhaseSpec, path: str) -> str | None:
    """Why a change of a path does not land and what to do, without the path; ``None`` if it does.

    Args:
        path: normal relative POSIX path from the tree's root.

    Raises:
        DefinitionError: a path pattern of the phase cannot be compiled.
    """
    reason = writable(workflow, spec.id).why_not(path)
    if reason is None:
        return None
    if reason.rule not in _OWN_REMEDY:
        reason = _with_way(workflow, spec, path, reason)
    return f"{reason.message.removeprefix(f'{shown(path)} ').rstrip('.')} → {reason.remedy}"


def _decides_first(reason: Reason) -> int:
    return _ORDER.index(reason.rule)


def _with_way(workflow: WorkflowSpec, spec: PhaseSpec, path: str, reason: Reason) -> Reason:
    way = elsewhere(
        workflow, spec, lambda other: writable(workflow, other.id).why_not(path) is None
    )
    remedy = " ".join(part for part in (reason.remedy, way) if part)
    return replace(reason, remedy=remedy or "Leave the file as it is.")


def _relative(args: Mapping[str, Any], root: str) -> tuple[str, ...]:
    """The paths of a call from the tree's root; the root itself is no file and left out."""
    found = []
    for path in paths_of(args):
        below = path
        if path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
            below = path[len(root) + 1 :]
        while below.startswith("./"):
            below = below[2:]
        if (below and below != ".") or not path:
            found.append(below)
    return tuple(found)
