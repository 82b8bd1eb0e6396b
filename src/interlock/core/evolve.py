"""``evolve(state, event) → state``: the one place where an event changes a task.

Pure, and total over the tables of ``states``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from interlock.core import events as ev
from interlock.core.confinement import weakest
from interlock.core.facts import ReviewVerdict
from interlock.core.states import TaskStatus, next_status
from interlock.core.tasks import Frozen, PendingRequest, ReviewerSession, TaskState
from interlock.core.work import PLAN, Kind, Work

__all__ = ["evolve", "fold"]


def fold(events: Iterable[ev.Event], start: TaskState | None = None) -> TaskState:
    """The state after all ``events``, in order."""
    state = start or TaskState()
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: TaskState, event: ev.Event) -> TaskState:
    """The state after ``event``.

    Raises:
        IllegalTransitionError: the task's status cannot have this event.
    """
    moved = replace(state, status=next_status(state.status, event.type), version=state.version + 1)
    match event:
        case ev.TaskCreated():
            return _created(moved, event)
        case ev.AttemptStarted() | ev.AttemptEnded() | ev.MeasurementLost():
            return _attempt(moved, event)
        case ev.ReviewerStarted() | ev.ReviewerEnded() | ev.VerdictSubmitted():
            return _review(moved, event)
        case ev.ArtifactSubmitted():
            return replace(moved, artifacts={**moved.artifacts, event.artifact: event.digest})
        case ev.EvidenceRecorded():
            return _measured(moved, event)
        case ev.WorkClassified():
            return replace(moved, work=_work(event))
        case ev.BaseMeasured():
            return replace(moved, base=event)
        case ev.TestsFrozen():
            return replace(moved, frozen=_frozen(event))
        case (
            ev.PhaseTransitionRequested()
            | ev.TreeImported()
            | ev.GateBlocked()
            | ev.ApprovalRequested()
            | ev.ApprovalRejected()
        ):
            return _request(moved, event)
        case ev.PhaseChanged():
            return _phase_changed(moved, event)
        case ev.CompletionAccepted():
            return replace(moved, tree=event.tree, last_request=event.request_id)
        case ev.TaskResumed():
            return replace(moved, failures=0, losses=0, returns=0, notices=())
        case ev.TaskCompleted():
            return _ended(replace(moved, commit=event.commit, last_outcome="allowed"))
        case ev.TaskAborted():
            return _aborted(moved, event)
        case ev.GatePassed():
            return replace(moved, overridden=event.reasons)
        case ev.EnforcementRaised():
            return replace(moved, enforcement=event.enforcement)
        case ev.TaskStarted() | ev.ApprovalGiven():
            return moved
        case ev.ToolDenied():
            return _denied(moved, event)
        case ev.BlockerEncountered():
            notice = {"message": event.message, "remedy": event.remedy}
            return replace(moved, notices=(*moved.notices, notice))
        case _:  # pragma: no cover
            assert_never(event)


def _denied(state: TaskState, event: ev.ToolDenied) -> TaskState:
    """A refused document is what blocks its holder now; other denials are only on record."""
    if not event.is_about_a_document or state.status is not TaskStatus.WORKING:
        return state
    reason = {"rule": event.rule, "message": event.message, "remedy": event.remedy}
    return replace(state, blockers=(reason,))


def _created(state: TaskState, event: ev.TaskCreated) -> TaskState:
    return replace(
        state,
        title=event.title,
        description=event.description,
        workflow=event.workflow,
        base_commit=event.base_commit,
        base_tree=event.base_tree,
        tree=event.base_tree,
        branch=event.branch,
        depends_on=event.depends_on,
        capabilities=event.capabilities,
        priority=event.priority,
        phase=event.phase,
        agent=event.agent,
        created_by=event.by,
        enforcement=event.enforcement,
    )


def _attempt(
    state: TaskState, event: ev.AttemptStarted | ev.AttemptEnded | ev.MeasurementLost
) -> TaskState:
    if isinstance(event, ev.AttemptStarted):
        return replace(
            state,
            attempt_id=event.attempt_id,
            attempts=event.number,
            session_id=event.session_id,
            agent_id=event.agent_id,
            authors=tuple(dict.fromkeys((*state.authors, event.agent_id))),
            epoch=event.epoch,
            confinement=event.confinement,
            weakest=weakest((state.weakest, event.confinement)),
            request=None,
        )
    # Whoever held the phase is gone: its token dies with the epoch.
    # What the server lost is not the agent's failure.
    lost = event.outcome == "lost"
    ended = replace(
        _released(state),
        epoch=state.epoch + 1,
        failures=state.failures + (not lost),
        losses=state.losses + lost,
    )
    if isinstance(event, ev.AttemptEnded):
        return ended
    why = {
        "rule": "transition.lost",
        "message": f"the session ended before its tree was taken over: {event.detail}",
        "remedy": "Work on the phase again and request the transition again.",
    }
    return replace(ended, blockers=(why,), last_outcome="blocked")


def _measured(state: TaskState, event: ev.EvidenceRecorded) -> TaskState:
    """What was measured on another tree says nothing any more; as evidence it stays."""
    known = state.measured if state.measured.get("tree") == event.tree else {}
    return replace(
        state,
        evidence={**state.evidence, event.evidence_id: event.digest},
        measured={**known, event.kind: event.digest, "tree": event.tree},
        judged=weakest((state.judged if known else "", event.level)),
    )


def _review(
    state: TaskState, event: ev.ReviewerStarted | ev.ReviewerEnded | ev.VerdictSubmitted
) -> TaskState:
    match event:
        case ev.ReviewerStarted():
            session = ReviewerSession(
                session_id=event.session_id,
                agent_id=event.agent_id,
                role=event.role,
                tree=event.tree,
                epoch=event.epoch,
                confinement=event.confinement,
            )
            return replace(
                state,
                reviewers=(*state.reviewers, session),
                weakest=weakest((state.weakest, event.confinement)),
            )
        case ev.ReviewerEnded():
            ended = tuple(
                replace(r, is_open=False, is_lost=event.outcome == "lost")
                if r.session_id == event.session_id
                else r
                for r in state.reviewers
            )
            return replace(state, reviewers=ended)
        case ev.VerdictSubmitted():
            verdict = ReviewVerdict(
                role=event.role,
                agent_id=event.agent_id,
                session_id=event.session_id,
                tree=event.tree,
                verdict=event.verdict,
                issues=event.issues,
            )
            others = tuple(v for v in state.verdicts if v.role != event.role)
            return replace(state, verdicts=(*others, verdict))


def _work(event: ev.WorkClassified) -> Work:
    return Work(kind=Kind(event.kind), stated=event.stated, why=event.why, notes=event.notes)


def _frozen(event: ev.TestsFrozen) -> Frozen:
    return Frozen(
        tree=event.tree,
        red_tests=event.red_tests,
        new_tests=event.new_tests,
        base_green=event.base_green,
        config=event.config,
        environment=event.environment,
    )


def _request(
    state: TaskState,
    event: ev.PhaseTransitionRequested
    | ev.TreeImported
    | ev.GateBlocked
    | ev.ApprovalRequested
    | ev.ApprovalRejected,
) -> TaskState:
    match event:
        case ev.PhaseTransitionRequested():
            request = PendingRequest(
                request_id=event.request_id,
                source=event.source,
                target=event.target,
                session_id=event.session_id,
                agent_id=event.agent_id,
            )
            return replace(
                state,
                request=request,
                last_request=event.request_id,
                last_session=event.session_id,
                last_outcome="",
                overridden=(),
            )
        case ev.TreeImported():
            assert state.request is not None
            return replace(
                state, request=replace(state.request, tree=event.tree, refused=event.refused)
            )
        case ev.GateBlocked():
            return replace(state, request=None, blockers=event.reasons, last_outcome="blocked")
        case ev.ApprovalRequested():
            assert state.request is not None
            waiting = replace(
                state.request,
                approval_id=event.approval_id,
                gate=event.gate,
                binding=event.binding,
                tree=event.tree,
                leads_to=event.leads_to,
                left_out=event.left_out,
                overridden=event.overridden,
            )
            return replace(state, request=waiting, blockers=event.reasons)
        case ev.ApprovalRejected():
            refusal = {
                "rule": "approval.rejected",
                "message": f"{event.by} rejected gate {event.gate!r}: {event.reason}",
                "remedy": "Change what was rejected and request the transition again.",
            }
            released = _released(state)
            return replace(
                released,
                blockers=(refusal,),
                last_outcome="blocked",
                epoch=state.epoch + 1,
                failures=0,
                losses=0,
            )


def _phase_changed(state: TaskState, event: ev.PhaseChanged) -> TaskState:
    """Verdicts were on a phase's result: forward they stay in the records, back they are void."""
    return replace(
        _released(state),
        artifacts={k: v for k, v in state.artifacts.items() if k in event.kept_artifacts},
        frozen=state.frozen if event.forward or event.keeps_frozen else None,
        verdicts=state.verdicts if event.forward else (),
        reviewers=tuple(replace(r, is_open=False) for r in state.reviewers),
        measured={},
        judged="",
        phase=event.target,
        tree=event.tree,
        epoch=event.epoch,
        attempts=0,
        failures=0,
        losses=0,
        returns=state.returns + (not event.forward),
        blockers=(),
        notices=(),
        last_outcome="allowed",
        trees={**state.trees, event.source: event.tree},
        work=state.work if event.forward or PLAN in event.kept_artifacts else None,
        left_out=event.left_out,
    )


def _aborted(state: TaskState, event: ev.TaskAborted) -> TaskState:
    why = {
        "rule": "task.aborted",
        "message": f"{event.by} ended the task" + (f": {event.reason}" if event.reason else ""),
        "remedy": "interlock task list",
    }
    return replace(_ended(state), blockers=(why,), last_outcome=state.last_outcome or "blocked")


def _released(state: TaskState) -> TaskState:
    return replace(state, attempt_id="", session_id="", agent_id="", request=None)


def _ended(state: TaskState) -> TaskState:
    return replace(_released(state), epoch=state.epoch + 1, blockers=())
