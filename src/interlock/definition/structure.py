"""What shows only when phases and transitions are seen together: is there a way in and out?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from interlock.core.model import PhaseSpec, Position, TransitionSpec, WorkflowSpec
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.names_in_checks import check_names

__all__ = ["check_structure"]


def check_structure(workflow: WorkflowSpec, findings: Findings) -> None:
    """Report phases that cannot be reached or left, gates that guard nothing, open ways forward."""
    start = workflow.phases[0]
    forward = _edges((t.source, t.target) for t in workflow.transitions)
    backward = _edges((t.target, t.source) for t in workflow.transitions)
    ends = [phase.id for phase in workflow.phases if workflow.is_terminal(phase.id)]
    reached = _closure([start.id], forward)
    finishing = _closure(ends, backward)
    if len(workflow.phases) > 1 and start.id not in forward:
        findings.error(
            Code.DEAD_END,
            f"A task starts in '{start.id}', the first phase, and no transition leads out of it",
            _at(start),
            help="Put the phase that work starts with first.",
        )
        return
    for phase in workflow.phases:
        if phase.id not in reached:
            findings.error(
                Code.UNREACHABLE,
                f"No way leads from '{start.id}' to the phase '{phase.id}'",
                _at(phase),
                help="Add a transition to it, or take the phase out.",
            )
        elif phase.id not in finishing:
            findings.error(
                Code.DEAD_END,
                f"From the phase '{phase.id}' no way leads to an end of the workflow",
                _at(phase),
                help="A phase without a transition out of it is an end.",
            )
        _check_gates(phase, workflow, findings)
    for edge in workflow.transitions:
        _check_guard(edge, workflow, findings)
    check_names(workflow, findings)


def _check_gates(phase: PhaseSpec, workflow: WorkflowSpec, findings: Findings) -> None:
    used = {t.gate for t in workflow.transitions if t.source == phase.id}
    for gate in phase.gates:
        if gate.id not in used:
            findings.error(
                Code.GATE_UNUSED,
                f"The gate '{gate.id}' guards nothing: no transition out of '{phase.id}' names it",
                gate.position or _at(phase),
                help=f"Add 'gate: {gate.id}' to the transition that it is meant for.",
            )


def _check_guard(edge: TransitionSpec, workflow: WorkflowSpec, findings: Findings) -> None:
    if edge.gate is None and workflow.rank(edge.target) > workflow.rank(edge.source):
        findings.warning(
            Code.UNGUARDED,
            f"No gate guards the way forward from '{edge.source}' to '{edge.target}'",
            edge.position or _at(workflow.start),
            help="Name one of the gates of the phase it leaves with 'gate:'.",
        )


def _edges(pairs: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source, target in pairs:
        found.setdefault(source, []).append(target)
    return found


def _closure(start: Iterable[str], edges: Mapping[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        phase = waiting.pop()
        if phase not in seen:
            seen.add(phase)
            waiting.extend(edges.get(phase, ()))
    return seen


def _at(phase: PhaseSpec) -> Position:
    return phase.position or Position("", 1, 1)
