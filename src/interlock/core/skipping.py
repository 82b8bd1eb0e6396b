"""What a false condition leaves out: phases on the way, gates, checks; and that it stays left out
only as long as the condition stays false.

A phase is passed by on what is known when the one before it is left. Later the diff may say
otherwise: then nothing goes forward any more until the phase that was left out is gone through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from interlock.core.conditions import holds
from interlock.core.events import LeftOut
from interlock.core.model import CheckSpec, GateSpec, PhaseSpec, Severity, WorkflowSpec
from interlock.core.reasons import Reason

__all__ = ["due", "left_out_at", "onward"]


def onward(
    workflow: WorkflowSpec, target: str, named: Mapping[str, Any]
) -> tuple[str, tuple[LeftOut, ...]]:
    """Where a way forward to ``target`` really leads, and the phases that it passes by."""
    skipped: list[LeftOut] = []
    while (phase := workflow.phase(target)) is not None and phase.when:
        answer = holds(phase.when, named)
        following = _next(workflow, phase)
        if answer.holds is not False or following is None:
            break
        skipped.append(LeftOut(phase=phase.id, when=phase.when, why=answer.why))
        target = following
    return target, tuple(skipped)


def _next(workflow: WorkflowSpec, phase: PhaseSpec) -> str | None:
    """The phase behind another: on its first edge forward, so that this comes to an end."""
    rank = workflow.rank(phase.id)
    ways = (t.target for t in workflow.transitions if t.source == phase.id)
    return next((target for target in ways if workflow.rank(target) > rank), None)


def left_out_at(
    phase: PhaseSpec, gate: GateSpec | None, named: Mapping[str, Any]
) -> tuple[LeftOut, ...]:
    """What does not apply on the way out of a phase and would block if it did."""
    if gate is None:
        return ()
    answer = holds(gate.when, named)
    if answer.holds is False:
        return (LeftOut(phase=phase.id, gate=gate.id, when=gate.when, why=answer.why),)
    return tuple(
        LeftOut(phase=phase.id, gate=gate.id, check=check.check, when=check.when, why=said.why)
        for check in gate.checks
        if check.severity is Severity.BLOCKING
        and check.when
        and (said := holds(check.when, named)).holds is False
    )


def due(
    workflow: WorkflowSpec, left_out: tuple[LeftOut, ...], source: str, named: Mapping[str, Any]
) -> Iterator[Reason]:
    """Why the way forward from ``source`` is shut: what was left out before it applies by now."""
    rank = workflow.rank(source)
    for item in left_out:
        if workflow.rank(item.phase) >= rank or (answer := holds(item.when, named)).holds is False:
            continue
        spec = _spec(workflow, item)
        now = f"now {answer.why}" if answer.holds else f"now that cannot be told: {answer.why}"
        yield Reason(
            rule="phase.left_out",
            message=f"{item} was left out because {item.why}; {now}, so it applies",
            remedy=_remedy(workflow, source, item),
            position=spec.position if spec else None,
            facts={"phase": item.phase, "when": item.when},
        )


def _spec(workflow: WorkflowSpec, item: LeftOut) -> PhaseSpec | GateSpec | CheckSpec | None:
    phase = workflow.phase(item.phase)
    gate = phase.gate(item.gate) if phase and item.gate else None
    checks = gate.checks if gate else ()
    return next((c for c in checks if c.check == item.check), None) or gate or phase


def _remedy(workflow: WorkflowSpec, source: str, item: LeftOut) -> str:
    back = [
        t.target
        for t in workflow.transitions
        if t.source == source and workflow.rank(t.target) < workflow.rank(source)
    ]
    if item.phase in back:
        return f"Request the transition to {item.phase} and do its part first."
    if back:
        return f"Go back to {item.phase}: request the transition to {back[0]} first."
    return "interlock abort TASK; then start again with a plan that says what is to be done."
