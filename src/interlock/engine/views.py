"""A task as people and agents see it: plain JSON, full ids, and for everything that waits the
command that helps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.core.explain import runnable
from interlock.core.model import PhaseSpec, WorkflowSpec
from interlock.core.modes import InForce
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState
from interlock.core.work import FEATURE
from interlock.engine.codec import plain
from interlock.engine.history import History

__all__ = ["condensed", "enforcement_view", "phase_view", "task_view", "waiting_for"]

_ERRORS = ("error", "fatal", "e: ")
_MAX_ERRORS = 3


def condensed(message: str) -> str:
    """A message with a program's output below it: its first line and at most three that say what
    went wrong."""
    first, *output = [line for line in message.split("\n") if line.strip()] or [""]
    errors = [line for line in output if line.strip().lower().startswith(_ERRORS)]
    return "\n".join([first, *(f"  {line}" for line in (errors or output)[-_MAX_ERRORS:])])


def task_view(
    state: TaskState,
    *,
    is_held: bool = False,
    aborted: str = "",
    history: History | None = None,
    gate: str = "",
) -> dict[str, Any]:
    """One task.

    Args:
        is_held: a dependency is not complete.
        aborted: a dependency that never will be.
        history: its past, where its state alone does not say what it waits for.
        gate: what is being measured for the pending request.
    """
    # What an earlier release stored knows no ids.
    blockers = [
        {**b, "remedy": runnable(str(b.get("remedy", "")), state.task_id)}
        for b in plain(state.blockers)
    ]
    notices = [{**n, "message": condensed(str(n["message"]))} for n in plain(state.notices)]
    return {
        "task_id": state.task_id,
        "title": state.title,
        "description": state.description,
        "created_by": state.created_by,
        "status": state.status.value,
        "phase": state.phase,
        "epoch": state.epoch,
        "version": state.version,
        "branch": state.branch,
        "commit": state.commit,
        "base_commit": state.base_commit,
        "tree": state.tree,
        "workflow": state.workflow,
        "enforcement": enforcement_view(state.enforcement),
        "depends_on": list(state.depends_on),
        "attempts": state.attempts,
        "failures": state.failures,
        "agent_id": state.agent_id,
        "session_id": state.session_id,
        "confinement": state.confinement,
        "judged": state.judged,
        "weakest_confinement": state.weakest,
        "artifacts": dict(state.artifacts),
        "evidence": dict(state.evidence),
        "base": plain(state.base),
        "work": plain(state.work or FEATURE),
        "left_out": [{**plain(item), "what": str(item)} for item in state.left_out],
        "reviewers": plain(state.reviewers),
        "verdicts": plain(state.verdicts),
        "blockers": blockers,
        "overridden": plain(state.overridden),
        "notices": notices,
        "refused": dict(state.request.refused) if state.request else {},
        "trees": dict(state.trees),
        "waiting_for": waiting_for(
            state, is_held=is_held, aborted=aborted, history=history, gate=gate
        ),
    }


def enforcement_view(found: InForce) -> dict[str, Any]:
    """How hard a task's rules bind, where that is written, and what is said if it is not all."""
    return {**plain(found), "is_strict": found.is_strict, "banner": found.banner}


def waiting_for(
    state: TaskState,
    *,
    is_held: bool = False,
    aborted: str = "",
    history: History | None = None,
    gate: str = "",
) -> dict[str, str]:
    """Who has to do something next, and the command for it; arguments as of ``task_view``."""
    show = f"interlock show {state.task_id}"
    past = history or History()
    if past.is_stuck and state.notices and not state.status.is_final:
        notice = state.notices[-1]
        what = condensed(str(notice["message"])).split("\n")[0]
        return {"who": "a person", "what": what, "command": str(notice["remedy"] or show)}
    match state.status:
        case TaskStatus.AWAITING_APPROVAL if state.request is not None:
            return {
                "who": "a person",
                "what": f"approval of gate {state.request.gate}",
                "command": f"interlock approve {state.task_id} {state.request.gate}",
            }
        case TaskStatus.COMPLETED:
            return {"who": "", "what": "", "command": f"git log -1 {state.branch}"}
        case TaskStatus.ABORTED:
            return {"who": "", "what": "", "command": "interlock task list"}
        case TaskStatus.MEASURING:
            what = f"measuring gate {gate}" if gate else "judging the request"
            return {"who": "the server", "what": what, "command": show}
        case TaskStatus.WORKING:
            return {"who": "the agent", "what": f"phase {state.phase}", "command": show}
    if aborted:
        what = f"task {aborted}, which has to be complete first, was aborted"
        return {"who": "a person", "what": what, "command": f"interlock abort {state.task_id}"}
    if is_held:
        return {"who": "other tasks", "what": "dependencies", "command": "interlock task list"}
    if state.failures:
        return {
            "who": "a person",
            "what": str(past.ended or f"the agent ended without leaving {state.phase}"),
            "command": f"interlock run --task {state.task_id}",
        }
    if state.agent.get("author") is None:
        return {"who": "an agent", "what": "its claim, no program was given", "command": show}
    return {"who": "the server", "what": "starting a session", "command": show}


def phase_view(workflow: WorkflowSpec, phase: PhaseSpec) -> Mapping[str, Any]:
    """What an agent has to know of its phase."""
    return {
        "id": phase.id,
        "name": phase.name,
        "description": phase.description,
        "allowed_tools": list(phase.allowed_tools),
        "forbidden_tools": list(phase.forbidden_tools),
        "tool_constraints": plain(phase.tool_constraints),
        "required_artifacts": [
            {"type": a.type, "schema": a.schema, "description": a.description}
            for a in phase.required_artifacts
        ],
        "gates": [
            {
                "id": gate.id,
                "type": gate.type.value,
                "auto_advance": gate.auto_advance,
                "checks": [{"check": c.check, "severity": c.severity.value} for c in gate.checks],
            }
            for gate in phase.gates
        ],
        "transitions": [
            {"target": t.target, "gate": t.gate}
            for t in workflow.transitions
            if t.source == phase.id
        ],
        "is_terminal": workflow.is_terminal(phase.id),
    }
