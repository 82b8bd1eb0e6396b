"""The life of a task around its phases: created, tried, tried again, landed, aborted.

An attempt is one session that holds the present phase. A session that is not the holder's any more
ends without a trace: its phase was left long ago.
"""

from __future__ import annotations

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.decision import Decision, accepted, refused, wrong_status
from interlock.core.model import WorkflowSpec
from interlock.core.states import TaskStatus, is_legal
from interlock.core.tasks import TaskState

__all__ = ["abort", "complete", "create", "end_attempt", "record", "resume", "start_attempt"]


def create(workflow: WorkflowSpec, state: TaskState, command: cmd.Create) -> Decision:
    """A task begins, pinned to the workflow and a base."""
    if state.status is not TaskStatus.NEW:
        return wrong_status(state, TaskStatus.NEW)
    return accepted(
        ev.TaskCreated(
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
            by=command.by,
            enforcement=command.enforcement,
        )
    )


def start_attempt(state: TaskState, command: cmd.StartAttempt) -> Decision:
    """A session takes the phase; the epoch goes up."""
    if state.status is not TaskStatus.READY:
        return wrong_status(state, TaskStatus.READY)
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
        return accepted(started, ev.TaskStarted(agent_id=command.agent_id))
    return accepted(started)


def end_attempt(state: TaskState, command: cmd.EndAttempt) -> Decision:
    """The holder's session is over.

    Once its tree was imported the request does not need the session: it is measured to its end.
    """
    if state.session_id != command.session_id:
        return accepted()
    if state.status is TaskStatus.WORKING:
        return accepted(
            ev.AttemptEnded(
                attempt_id=state.attempt_id,
                outcome=command.outcome,
                exit_code=command.exit_code,
                detail=command.detail,
            )
        )
    if state.status is TaskStatus.MEASURING and state.request and not state.request.tree:
        return accepted(
            ev.MeasurementLost(
                request_id=state.request.request_id,
                detail=command.detail,
                outcome=command.outcome,
            )
        )
    return accepted()


def complete(state: TaskState, command: cmd.Complete) -> Decision:
    """The result stands on its branch."""
    if state.status is not TaskStatus.LANDING:
        return wrong_status(state, TaskStatus.LANDING)
    return accepted(
        ev.TaskCompleted(
            commit=command.commit,
            branch=state.branch,
            tree=state.tree,
            audit_seq=command.anchor[0],
            audit_head=command.anchor[1],
            confinement=state.weakest,
        )
    )


def abort(state: TaskState, command: cmd.Abort) -> Decision:
    """A person ends the task; while its commit is being made only if that does not go on."""
    if state.status is TaskStatus.NEW:
        return wrong_status(state, TaskStatus.READY)
    if state.status is TaskStatus.LANDING and not state.notices:
        return refused(
            "task.landing",
            "the task has passed every gate and is being committed",
            f"interlock show {state.task_id}",
        )
    return accepted(ev.TaskAborted(by=command.by, reason=command.reason))


def resume(state: TaskState, command: cmd.Resume) -> Decision:
    """A person lets the phase be tried again."""
    if state.status is not TaskStatus.READY:
        return wrong_status(state, TaskStatus.READY)
    return accepted(ev.TaskResumed(by=command.by))


def record(state: TaskState, command: cmd.Record) -> Decision:
    """Something is put down that moves nothing."""
    if not is_legal(state.status, command.event.type):
        return refused(
            "task.status",
            f"a task that is {state.status.value} has no {command.event.type.value}",
            f"interlock show {state.task_id}",
        )
    return accepted(command.event)
