"""``decide(workflow, state, command) → Decision``: what is allowed, what happens next, and why.
Pure.

A refusal is a decision like any other: no events, and reasons that say what to do. Nothing here
passes because
something is missing; the last line is always a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.commands import Anchor
from interlock.core.explain import render
from interlock.core.gates.evaluate import evaluate_leaving
from interlock.core.model import PhaseSpec, WorkflowSpec
from interlock.core.reasons import GateResult, GateStatus, Reason
from interlock.core.states import TaskStatus
from interlock.core.tasks import PendingRequest, TaskState

__all__ = ["SERVER_BUILT", "Decision", "Verdict", "decide"]

SERVER_BUILT = frozenset({"review_report"})
"""Artifacts that the server makes out of what it measured; nobody hands them in."""


class Verdict(StrEnum):
    """What becomes of a command."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Outcome of a command: events to append and reasons to show.

    There is no list of effects: what has to be done follows from the state alone, so that a shell
    that
    crashed between an event and its effect does it when it comes back.
    """

    verdict: Verdict
    events: tuple[ev.Event, ...] = ()
    reasons: tuple[Reason, ...] = field(default=())
    gate: GateResult | None = None

    @property
    def accepted(self) -> bool:
        """Whether the command has an effect."""
        return self.verdict is Verdict.ACCEPTED


def decide(workflow: WorkflowSpec, state: TaskState, command: cmd.Command) -> Decision:
    """What becomes of ``command`` for a task in ``state`` under ``workflow``."""
    if state.status.is_final:
        return _refused("task.final", f"the task is {state.status.value}", "interlock task list")
    match command:
        case cmd.Create():
            return _create(workflow, state, command)
        case cmd.StartAttempt():
            return _start_attempt(state, command)
        case cmd.EndAttempt():
            return _end_attempt(state, command)
        case cmd.StartReviewer():
            return _start_reviewer(state, command)
        case cmd.EndReviewer():
            return _end_reviewer(state, command)
        case cmd.SubmitArtifact():
            return _submit_artifact(workflow, state, command)
        case cmd.SubmitVerdict():
            return _submit_verdict(state, command)
        case cmd.RequestTransition():
            return _request_transition(workflow, state, command)
        case cmd.TakeOver():
            return _take_over(state, command)
        case cmd.Conclude():
            return _conclude(workflow, state, command)
        case cmd.Approve():
            return _approve(workflow, state, command)
        case cmd.Reject():
            return _reject(state, command)
        case cmd.Complete():
            return _complete(state, command)
        case cmd.Abort():
            return _abort(state, command)
        case cmd.Resume():
            return _resume(state, command)
        case cmd.Record():
            return _record(command)
        case _:  # pragma: no cover
            assert_never(command)


def _accepted(*events: ev.Event) -> Decision:
    return Decision(verdict=Verdict.ACCEPTED, events=events)


def _refused(rule: str, message: str, remedy: str) -> Decision:
    reason = Reason(rule=rule, message=message, remedy=remedy)
    return Decision(verdict=Verdict.REFUSED, reasons=(reason,))


def _wrong_status(state: TaskState, wanted: TaskStatus) -> Decision:
    return _refused(
        "task.status",
        f"the task is {state.status.value}, not {wanted.value}",
        f"interlock show {state.task_id}",
    )


def _record(command: cmd.Record) -> Decision:
    return _accepted(command.event)


def _create(workflow: WorkflowSpec, state: TaskState, command: cmd.Create) -> Decision:
    if state.status is not TaskStatus.NEW:
        return _wrong_status(state, TaskStatus.NEW)
    created = ev.TaskCreated(
        title=command.title,
        description=command.description,
        workflow=workflow.digest,
        base_commit=command.base_commit,
        base_tree=command.base_tree,
        branch=command.branch,
        phase=workflow.start.id,
        depends_on=command.depends_on,
        capabilities=command.capabilities,
        priority=command.priority,
        agent=command.agent,
    )
    return _accepted(created)


def _start_attempt(state: TaskState, command: cmd.StartAttempt) -> Decision:
    if state.status is not TaskStatus.READY:
        return _wrong_status(state, TaskStatus.READY)
    started = ev.AttemptStarted(
        attempt_id=command.attempt_id,
        session_id=command.session_id,
        agent_id=command.agent_id,
        number=state.attempts + 1,
        phase=state.phase,
        epoch=state.epoch + 1,
        tree=state.tree,
        confinement=command.confinement,
    )
    if state.epoch == 0:
        return _accepted(started, ev.TaskStarted(agent_id=command.agent_id))
    return _accepted(started)


def _end_attempt(state: TaskState, command: cmd.EndAttempt) -> Decision:
    """A session that is not the holder's ends without a trace: its phase was left long ago."""
    if state.session_id != command.session_id:
        return _accepted()
    if state.status is TaskStatus.WORKING:
        ended = ev.AttemptEnded(
            attempt_id=state.attempt_id,
            outcome=command.outcome,
            exit_code=command.exit_code,
            detail=command.detail,
        )
        return _accepted(ended)
    if state.status is TaskStatus.MEASURING and state.request and not state.request.tree:
        lost = ev.MeasurementLost(request_id=state.request.request_id, detail=command.detail)
        return _accepted(lost)
    return _accepted()


def _start_reviewer(state: TaskState, command: cmd.StartReviewer) -> Decision:
    if command.agent_id == state.author:
        return _refused(
            "review.author",
            f"{command.agent_id} wrote the change and cannot review it",
            "Start the review under an identity of its own.",
        )
    started = ev.ReviewerStarted(
        session_id=command.session_id,
        agent_id=command.agent_id,
        role=command.role,
        tree=state.tree,
        epoch=state.epoch,
        confinement=command.confinement,
    )
    return _accepted(started)


def _end_reviewer(state: TaskState, command: cmd.EndReviewer) -> Decision:
    if not any(r.session_id == command.session_id and r.is_open for r in state.reviewers):
        return _accepted()
    return _accepted(
        ev.ReviewerEnded(
            session_id=command.session_id, exit_code=command.exit_code, detail=command.detail
        )
    )


def _submit_artifact(
    workflow: WorkflowSpec, state: TaskState, command: cmd.SubmitArtifact
) -> Decision:
    if refusal := _not_holder(state, command.session_id):
        return refusal
    phase = _phase(workflow, state)
    wanted = [a.type for a in phase.required_artifacts if a.type not in SERVER_BUILT]
    if command.artifact not in wanted:
        return _refused(
            "artifact.not_wanted",
            f"phase {phase.id} does not take {command.artifact!r}",
            f"Hand in one of: {', '.join(wanted) or 'nothing in this phase'}.",
        )
    return _accepted(
        ev.ArtifactSubmitted(
            artifact=command.artifact,
            digest=command.digest,
            phase=phase.id,
            session_id=command.session_id,
        )
    )


def _submit_verdict(state: TaskState, command: cmd.SubmitVerdict) -> Decision:
    session = next((r for r in state.reviewers if r.session_id == command.session_id), None)
    if session is None or not session.is_open:
        return _refused(
            "review.session",
            "only an open review session of this task hands in a verdict",
            "Leave the verdict to the reviewers that the server started.",
        )
    if session.role != command.role or session.agent_id == state.author:
        return _refused(
            "review.role",
            f"this session reviews as {session.role}, not as {command.role}",
            f"Hand in review_verdict with role {session.role}.",
        )
    if command.tree != state.tree:
        return _refused(
            "review.tree",
            f"the verdict is on {command.tree}, the tree under review is {state.tree}",
            "Review the tree that the task shows and name its oid.",
        )
    return _accepted(
        ev.VerdictSubmitted(
            role=session.role,
            agent_id=session.agent_id,
            session_id=session.session_id,
            tree=command.tree,
            verdict=command.verdict,
            issues=command.issues,
        )
    )


def _request_transition(
    workflow: WorkflowSpec, state: TaskState, command: cmd.RequestTransition
) -> Decision:
    if refusal := _not_holder(state, command.session_id):
        return refusal
    if command.current_phase != state.phase:
        return _refused(
            "transition.phase",
            f"the task is in {state.phase}, not in {command.current_phase}",
            f"Request the transition with current_phase {state.phase}.",
        )
    finishes = workflow.is_terminal(state.phase) and command.target_phase == state.phase
    if not finishes and workflow.edge(state.phase, command.target_phase) is None:
        targets = [t.target for t in workflow.transitions if t.source == state.phase]
        return _refused(
            "transition.edge",
            f"no transition leads from {state.phase} to {command.target_phase}",
            f"Request one of: {', '.join(targets) or state.phase}.",
        )
    requested = ev.PhaseTransitionRequested(
        request_id=command.request_id,
        source=state.phase,
        target=command.target_phase,
        session_id=state.session_id,
        agent_id=state.agent_id,
    )
    return _accepted(requested)


def _take_over(state: TaskState, command: cmd.TakeOver) -> Decision:
    if (request := _pending(state, command.request_id)) is None or request.tree:
        return _refused("transition.stale", "no such request waits for an import", "")
    return _accepted(
        ev.TreeImported(
            request_id=command.request_id,
            tree=command.tree,
            changed=tuple(change.path for change in command.changes),
            refused=command.refused,
            ignored=command.ignored,
        )
    )


def _conclude(workflow: WorkflowSpec, state: TaskState, command: cmd.Conclude) -> Decision:
    request = _pending(state, command.request_id)
    if request is None or not request.tree or request.tree != command.facts.tree:
        return _refused("transition.stale", "no such request waits for a decision", "")
    phase = _phase(workflow, state)
    edge = workflow.edge(request.source, request.target)
    if edge is not None and edge.gate is None and not _is_forward(workflow, request):
        return _accepted(_changed(workflow, state, request, command.anchor))
    gate = phase.gate(edge.gate) if edge is not None and edge.gate is not None else None
    outcome = evaluate_leaving(phase, gate, command.facts)
    match outcome.status:
        case GateStatus.BLOCKED:
            return _blocked(request, outcome)
        case GateStatus.AWAITING_APPROVAL:
            return _ask(request, outcome, command)
        case GateStatus.PASSED:
            return _passed(workflow, state, request, outcome, command)


def _blocked(request: PendingRequest, outcome: GateResult) -> Decision:
    blocked = ev.GateBlocked(
        gate=outcome.gate,
        request_id=request.request_id,
        tree=request.tree,
        reasons=tuple(render(reason) for reason in outcome.blockers),
        checks=_summary(outcome),
    )
    return Decision(
        verdict=Verdict.ACCEPTED, events=(blocked,), reasons=outcome.blockers, gate=outcome
    )


def _ask(request: PendingRequest, outcome: GateResult, command: cmd.Conclude) -> Decision:
    asked = ev.ApprovalRequested(
        approval_id=command.approval_id,
        gate=outcome.gate,
        request_id=request.request_id,
        tree=request.tree,
        target=request.target,
        binding=command.facts.binding,
        reasons=tuple(render(reason) for reason in outcome.blockers),
    )
    return Decision(
        verdict=Verdict.ACCEPTED,
        events=(asked,),
        reasons=outcome.blockers,
        gate=outcome,
    )


def _passed(
    workflow: WorkflowSpec,
    state: TaskState,
    request: PendingRequest,
    outcome: GateResult,
    command: cmd.Conclude,
) -> Decision:
    events: list[ev.Event] = []
    red = command.facts.red
    if red is not None and red.red is not None and red.base is not None:
        events.append(_freeze(command))
    if outcome.gate:
        events.append(ev.GatePassed(gate=outcome.gate, tree=request.tree, checks=_summary(outcome)))
    if request.source == request.target:
        events.append(ev.CompletionAccepted(request_id=request.request_id, tree=request.tree))
    else:
        events.append(_changed(workflow, state, request, command.anchor))
    return Decision(verdict=Verdict.ACCEPTED, events=tuple(events), gate=outcome)


def _freeze(command: cmd.Conclude) -> ev.TestsFrozen:
    red = command.facts.red
    assert red is not None
    assert red.red is not None
    assert red.base is not None
    collected = red.red.ids
    return ev.TestsFrozen(
        tree=command.facts.tree,
        red_tests=tuple(i for i in red.new_tests if i in collected),
        new_tests=red.new_tests,
        base_green=tuple(
            test.id
            for test in red.base.tests
            if test.outcome.value == "passed" and test.id not in set(red.new_tests)
        ),
        config=red.config,
        environment=red.environment,
    )


def _approve(workflow: WorkflowSpec, state: TaskState, command: cmd.Approve) -> Decision:
    if (refusal := _not_waiting(state, command)) is not None:
        return refusal
    request, approval = state.request, command.approval
    assert request is not None
    given = ev.ApprovalGiven(
        approval_id=approval.id,
        gate=approval.gate,
        by=approval.by,
        binding=approval.binding,
        strength=approval.strength,
        reason=approval.reason,
    )
    return _accepted(
        given,
        ev.GatePassed(gate=approval.gate, tree=request.tree),
        _changed(workflow, state, request, command.anchor),
    )


def _reject(state: TaskState, command: cmd.Reject) -> Decision:
    if (refusal := _not_waiting(state, command)) is not None:
        return refusal
    approval = command.approval
    rejected = ev.ApprovalRejected(
        approval_id=approval.id, gate=approval.gate, by=approval.by, reason=approval.reason
    )
    return _accepted(rejected)


def _not_waiting(state: TaskState, command: cmd.Approve | cmd.Reject) -> Decision | None:
    request, approval = state.request, command.approval
    if state.status is not TaskStatus.AWAITING_APPROVAL or request is None:
        return _wrong_status(state, TaskStatus.AWAITING_APPROVAL)
    if approval.gate != request.gate:
        return _refused(
            "approval.gate",
            f"gate {request.gate} waits, not {approval.gate}",
            f"interlock approve {state.task_id} {request.gate}",
        )
    if approval.binding != request.binding:
        return _refused(
            "approval.stale",
            "what was shown for approval is not what waits now",
            f"interlock why {state.task_id}",
        )
    return None


def _complete(state: TaskState, command: cmd.Complete) -> Decision:
    if state.status is not TaskStatus.LANDING:
        return _wrong_status(state, TaskStatus.LANDING)
    return _accepted(
        ev.TaskCompleted(
            commit=command.commit,
            branch=state.branch,
            tree=state.tree,
            audit_seq=command.anchor[0],
            audit_head=command.anchor[1],
        )
    )


def _abort(state: TaskState, command: cmd.Abort) -> Decision:
    if state.status in (TaskStatus.NEW, TaskStatus.LANDING):
        return _wrong_status(state, TaskStatus.READY)
    return _accepted(ev.TaskAborted(by=command.by, reason=command.reason))


def _resume(state: TaskState, command: cmd.Resume) -> Decision:
    if state.status is not TaskStatus.READY:
        return _wrong_status(state, TaskStatus.READY)
    return _accepted(ev.TaskResumed(by=command.by))


def _not_holder(state: TaskState, session_id: str) -> Decision | None:
    if state.status is TaskStatus.WORKING and state.session_id == session_id:
        return None
    if state.status is TaskStatus.MEASURING and state.session_id == session_id:
        return _refused(
            "transition.pending",
            "a transition of this task is being measured",
            "Wait for the answer to the pending transition.",
        )
    return _refused(
        "attempt.holder",
        "this session does not hold the task's present phase",
        "Claim the task again, or end the session.",
    )


def _pending(state: TaskState, request_id: str) -> PendingRequest | None:
    if state.status is not TaskStatus.MEASURING or state.request is None:
        return None
    return state.request if state.request.request_id == request_id else None


def _phase(workflow: WorkflowSpec, state: TaskState) -> PhaseSpec:
    phase = workflow.phase(state.phase)
    assert phase is not None, "a task is pinned to the workflow that has its phase"
    return phase


def _is_forward(workflow: WorkflowSpec, request: PendingRequest) -> bool:
    return workflow.rank(request.target) > workflow.rank(request.source)


def _changed(
    workflow: WorkflowSpec, state: TaskState, request: PendingRequest, anchor: Anchor
) -> ev.PhaseChanged:
    """Going back drops what the target phase and every later one handed in or measured."""
    rank = workflow.rank(request.target)
    earlier = [phase for phase in workflow.phases if workflow.rank(phase.id) < rank]
    kept = tuple(a.type for phase in earlier for a in phase.required_artifacts)
    frozen_at = _freezing_rank(workflow)
    return ev.PhaseChanged(
        source=request.source,
        target=request.target,
        tree=request.tree,
        epoch=state.epoch + 1,
        request_id=request.request_id,
        forward=_is_forward(workflow, request),
        keeps_frozen=frozen_at is not None and frozen_at < rank,
        kept_artifacts=kept,
        audit_seq=anchor[0],
        audit_head=anchor[1],
    )


def _freezing_rank(workflow: WorkflowSpec) -> int | None:
    ranks = [
        workflow.rank(phase.id)
        for phase in workflow.phases
        for gate in phase.gates
        for check in gate.checks
        if check.check == "tests_are_failing"
    ]
    return min(ranks, default=None)


def _summary(outcome: GateResult) -> dict[str, str]:
    return {check.check: check.outcome.value for check in outcome.checks}
