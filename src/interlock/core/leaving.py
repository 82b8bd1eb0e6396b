"""Leaving a phase: asked for, taken over, measured, concluded.

The tree that was imported for a request is the one that is judged, approved, carried into the next
phase and landed. Facts that were collected on anything else than the present state are stale.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.binding import binding
from interlock.core.causes import told
from interlock.core.decision import Decision, accepted, refused
from interlock.core.explain import render
from interlock.core.facts import GateFacts
from interlock.core.freezing import freeze
from interlock.core.gates.evaluate import evaluate_leaving
from interlock.core.gates.red import freezes
from interlock.core.handins import not_holder
from interlock.core.model import GateSpec, Mode, PhaseSpec, WorkflowSpec
from interlock.core.phases import is_forward, phase_changed
from interlock.core.reasons import GateResult, GateStatus, Reason
from interlock.core.skipping import due, left_out_at, onward
from interlock.core.states import TaskStatus
from interlock.core.tasks import PendingRequest, TaskState
from interlock.core.work import PLAN, not_allowed, settled

__all__ = [
    "conclude",
    "outcome_of_leaving",
    "refuse_import",
    "request_transition",
    "take_over",
]

# No gate follows the terminal phase: what was changed in it was never judged. In no mode: what
# lands is what was judged, whatever the judgement was.
_UNGUARDED = Reason(
    rule="completion.changed",
    message="files were changed after the last gate, and what nobody judged does not land",
    remedy="Undo what this phase changed; changes belong in a phase that a gate follows.",
)
_STALE_REMEDY = "Measure the pending request again."


def request_transition(
    workflow: WorkflowSpec, state: TaskState, command: cmd.RequestTransition
) -> Decision:
    """The holder wants to go on, back, or, in the terminal phase, to be done."""
    if refusal := not_holder(state, command.session_id):
        return refusal
    if command.current_phase != state.phase:
        return refused(
            "transition.phase",
            f"the task is in {state.phase}, not in {command.current_phase}",
            f"Request the transition with current_phase {state.phase}.",
        )
    finishes = workflow.is_terminal(state.phase) and command.target_phase == state.phase
    if not finishes and workflow.edge(state.phase, command.target_phase) is None:
        targets = [t.target for t in workflow.transitions if t.source == state.phase]
        return refused(
            "transition.edge",
            f"no transition leads from {state.phase} to {command.target_phase}",
            f"Request one of: {', '.join(targets) or state.phase}.",
        )
    return accepted(
        ev.PhaseTransitionRequested(
            request_id=command.request_id,
            source=state.phase,
            target=command.target_phase,
            session_id=state.session_id,
            agent_id=state.agent_id,
        )
    )


def take_over(state: TaskState, command: cmd.TakeOver) -> Decision:
    """The scratch was imported, once for each request."""
    if (request := _pending(state, command.request_id)) is None or request.tree:
        return refused(
            "transition.stale",
            "no such request waits for an import",
            f"interlock show {state.task_id}",
        )
    return accepted(
        ev.TreeImported(
            request_id=command.request_id,
            tree=command.tree,
            changed=tuple(change.path for change in command.changes),
            refused=command.refused,
            ignored=command.ignored,
        )
    )


def refuse_import(state: TaskState, command: cmd.RefuseImport) -> Decision:
    """The scratch cannot be taken over as it is: the agent is told, and may mend it."""
    if (request := _pending(state, command.request_id)) is None or request.tree:
        return refused(
            "transition.stale",
            "no such request waits for an import",
            f"interlock show {state.task_id}",
        )
    reason = Reason(rule="import.refused", message=command.message, remedy=command.remedy)
    blocked = ev.GateBlocked(
        gate="",
        request_id=request.request_id,
        tree="",
        reasons=(render(reason, state.task_id),),
    )
    return accepted(blocked, reasons=(reason,))


def conclude(workflow: WorkflowSpec, state: TaskState, command: cmd.Conclude) -> Decision:
    """Everything the gate wants was measured: the way is open, shut, or a person's to open."""
    request = _pending(state, command.request_id)
    if request is None or not request.tree:
        return refused("transition.stale", "no such request waits for a decision", _STALE_REMEDY)
    edge = workflow.edge(request.source, request.target)
    if edge is not None and edge.gate is None and not is_forward(workflow, request):
        return accepted(phase_changed(workflow, state, request, command.anchor))
    phase = workflow.phase(request.source)
    assert phase is not None, "a request names a phase of the workflow that its task is pinned to"
    gate = phase.gate(edge.gate) if edge is not None and edge.gate is not None else None
    if not _is_present(state, request, gate, command.facts):
        return refused(
            "transition.stale",
            "the facts were collected on another state of the task",
            _STALE_REMEDY,
        )
    onwards = is_forward(workflow, request) or workflow.is_terminal(phase.id)
    outcome = outcome_of_leaving(workflow, state, phase, gate, command.facts, onwards=onwards)
    if onwards:
        request = _led_on(workflow, request, phase, gate, command.facts)
    decision = _decided(workflow, state, request, gate, outcome, command)
    classified = _classified(workflow, state, request, command.facts)
    return replace(decision, events=(*classified, *decision.events))


def _decided(
    workflow: WorkflowSpec,
    state: TaskState,
    request: PendingRequest,
    gate: GateSpec | None,
    outcome: GateResult,
    command: cmd.Conclude,
) -> Decision:
    match outcome.status:
        case GateStatus.BLOCKED:
            return _blocked(state, request, outcome)
        case GateStatus.AWAITING_APPROVAL:
            return _ask(state, request, gate, outcome, command)
        case GateStatus.PASSED:
            return _passed(workflow, state, request, gate, outcome, command)


def outcome_of_leaving(
    workflow: WorkflowSpec,
    state: TaskState,
    phase: PhaseSpec,
    gate: GateSpec | None,
    facts: GateFacts,
    *,
    onwards: bool = True,
) -> GateResult:
    """The way out of a phase with all that keeps it shut: artifacts, gate, and, if it leads
    onwards, what was left out before and applies by now."""
    mode = state.enforcement.gates
    outcome = evaluate_leaving(phase, gate, facts, mode)
    found: list[Reason] = []
    if onwards:
        found += due(workflow, state.left_out, phase.id, facts.named)
        work = settled(workflow.work_types, facts.artifacts.get(PLAN), facts.work, state.work)
        found += not_allowed(workflow.work_types, work)
    if found and mode is not Mode.STRICT:
        outcome = replace(outcome, overridden=(*outcome.overridden, *found))
        found = []
    is_end = workflow.is_terminal(phase.id) and phase is not workflow.start
    if is_end and facts.tree != state.tree:
        found.append(_UNGUARDED)
    if not found:
        return outcome
    return replace(outcome, status=GateStatus.BLOCKED, missing=(*outcome.missing, *found))


def _led_on(
    workflow: WorkflowSpec,
    request: PendingRequest,
    phase: PhaseSpec,
    gate: GateSpec | None,
    facts: GateFacts,
) -> PendingRequest:
    """The request with where it really leads."""
    target, passed_by = onward(workflow, request.target, facts.named)
    left_out = (*left_out_at(phase, gate, facts.named), *passed_by)
    return replace(request, leads_to=target, left_out=left_out)


def _classified(
    workflow: WorkflowSpec, state: TaskState, request: PendingRequest, facts: GateFacts
) -> tuple[ev.WorkClassified, ...]:
    """The kind of work, where the plan states one and it is not on record as it is now."""
    work = settled(workflow.work_types, facts.artifacts.get(PLAN), facts.work, state.work)
    if work == state.work or (state.work is None and not work.stated):
        return ()
    return (
        ev.WorkClassified(
            kind=work.kind.value,
            stated=work.stated,
            why=work.why,
            tree=request.tree,
            notes=work.notes,
        ),
    )


def _pending(state: TaskState, request_id: str) -> PendingRequest | None:
    if state.status is not TaskStatus.MEASURING or state.request is None:
        return None
    return state.request if state.request.request_id == request_id else None


def _is_present(
    state: TaskState, request: PendingRequest, gate: GateSpec | None, facts: GateFacts
) -> bool:
    """Whether the facts are those of this request and nothing came in since.

    The binding stands for the artifacts that were read: their digests are in it.
    """
    seen = binding(
        state,
        gate=gate.id if gate else "",
        tree=request.tree,
        red=facts.red,
        green=facts.green,
    )
    return (facts.tree, facts.base_tree, facts.authors, facts.verdicts, facts.binding) == (
        request.tree,
        state.base_tree,
        state.authors,
        state.verdicts,
        seen,
    )


def _blocked(state: TaskState, request: PendingRequest, outcome: GateResult) -> Decision:
    blocked = ev.GateBlocked(
        gate=outcome.gate,
        request_id=request.request_id,
        tree=request.tree,
        reasons=told(outcome, state.task_id),
        checks=_summary(outcome),
    )
    return accepted(blocked, reasons=outcome.blockers, gate=outcome)


def _ask(
    state: TaskState,
    request: PendingRequest,
    gate: GateSpec | None,
    outcome: GateResult,
    command: cmd.Conclude,
) -> Decision:
    overridden = _overridden(state, outcome)
    blockers = told(outcome, state.task_id)
    asked = ev.ApprovalRequested(
        approval_id=command.approval_id,
        gate=outcome.gate,
        request_id=request.request_id,
        tree=request.tree,
        target=request.target,
        binding=command.facts.binding,
        reasons=(*overridden, *blockers),
        leads_to=request.leads_to,
        left_out=request.left_out,
        overridden=overridden,
    )
    # Frozen now: when the person says yes, the measurement is not at hand any more.
    return accepted(*_frozen(gate, command.facts), asked, reasons=outcome.blockers, gate=outcome)


def _passed(
    workflow: WorkflowSpec,
    state: TaskState,
    request: PendingRequest,
    gate: GateSpec | None,
    outcome: GateResult,
    command: cmd.Conclude,
) -> Decision:
    events: list[ev.Event] = [*_frozen(gate, command.facts)]
    if outcome.approved_by:
        events.append(
            ev.ApprovalGiven(
                approval_id=command.approval_id,
                gate=outcome.gate,
                by=outcome.approved_by,
                binding=command.facts.binding,
                strength=outcome.approved_by,
                confinement=state.confinement,
                judged=state.judged_at(request.tree),
            )
        )
    if outcome.gate or outcome.overridden:
        events.append(
            ev.GatePassed(
                gate=outcome.gate,
                tree=request.tree,
                checks=_summary(outcome),
                overridden_by_mode=state.enforcement.gates.value if outcome.overridden else "",
                reasons=_overridden(state, outcome),
            )
        )
    if workflow.is_terminal(request.source):
        events.append(ev.CompletionAccepted(request_id=request.request_id, tree=request.tree))
    else:
        events.append(phase_changed(workflow, state, request, command.anchor))
    return accepted(*events, gate=outcome)


def _frozen(gate: GateSpec | None, facts: GateFacts) -> tuple[ev.TestsFrozen, ...]:
    """The tests that RED pins, if this is the gate that measures it."""
    if gate is None or not freezes(gate) or facts.red is None:
        return ()
    frozen = freeze(facts.red, facts.tree)
    return (frozen,) if frozen else ()


def _overridden(state: TaskState, outcome: GateResult) -> tuple[dict[str, Any], ...]:
    return tuple(render(reason, state.task_id) for reason in outcome.overridden)


def _summary(outcome: GateResult) -> dict[str, str]:
    return {check.check: check.outcome.value for check in outcome.checks}
