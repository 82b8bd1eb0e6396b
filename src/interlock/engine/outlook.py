"""What people see of tasks: where each is, what it waits for and why, what needs their word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from interlock.core.approvals import needed_strength
from interlock.core.events import Event
from interlock.core.facts import GreenFacts, RedFacts
from interlock.core.gates.evaluate import needs
from interlock.core.gates.kind import Needs
from interlock.core.leaving import outcome_of_leaving
from interlock.core.model import TransitionSpec, WorkflowSpec
from interlock.core.states import GATE, GatePlace, TaskStatus
from interlock.core.tasks import TaskState
from interlock.core.way_out import way_out
from interlock.engine.codec import decode, plain, typed
from interlock.engine.gatekeeper import Gatekeeper
from interlock.engine.history import History, is_question
from interlock.engine.ledger import Ledger
from interlock.engine.since import Since
from interlock.engine.views import enforcement_view, task_view

__all__ = ["Outlook", "SessionLog"]

SessionLog = Callable[[str], tuple[str, tuple[str, ...]]]
"""Session id → path of its log and its last lines."""


class Outlook:
    """Reads, and changes nothing.

    Args:
        session_log: what a session printed.
        level: confinement that sessions get here.
    """

    def __init__(
        self,
        ledger: Ledger,
        gatekeeper: Gatekeeper,
        session_log: SessionLog,
        level: Callable[[], str],
    ) -> None:
        self._ledger = ledger
        self._gatekeeper = gatekeeper
        self._session_log = session_log
        self._level = level

    def view(self, state: TaskState, history: History | None = None) -> dict[str, Any]:
        """A task as its state alone tells it, or together with its history."""
        needed = {other: self._ledger.state(other).status for other in state.depends_on}
        return task_view(
            state,
            is_held=any(status is not TaskStatus.COMPLETED for status in needed.values()),
            aborted=next((t for t, s in needed.items() if s is TaskStatus.ABORTED), ""),
            history=history,
            gate=self._measured_gate(state),
        )

    def _measured_gate(self, state: TaskState) -> str:
        """The gate of the pending request, if tests have to run for it."""
        if state.request is None or state.status is not TaskStatus.MEASURING:
            return ""
        workflow = self._ledger.workflow(state)
        phase, edge = workflow.phase(state.phase), _way_out(workflow, state)
        gate = phase.gate(edge.gate) if phase and edge and edge.gate else None
        return gate.id if gate and needs(gate) & {Needs.RED, Needs.GREEN} else ""

    async def _told(self, state: TaskState) -> list[tuple[Event, int]]:
        stored = await self._ledger.run(lambda: self._ledger.store.task_events(state.task_id))
        return [(decode(event), event.timestamp) for event in stored]

    async def _history(self, state: TaskState) -> History:
        return History.of(state.task_id, (event for event, _ in await self._told(state)))

    async def _shown(self, state: TaskState) -> dict[str, Any]:
        """The view of a task, with how its last attempt ended if that is what stopped it."""
        if state.status.is_final or not (state.failures or state.notices):
            return self.view(state)
        history = await self._history(state)
        view = self.view(state, history)
        if (ended := history.ended) is None or not state.failures:
            return view
        log, lines = await asyncio.to_thread(self._session_log, ended.session_id)
        view["last_attempt"] = {**plain(ended), "log": log, "last_lines": list(lines)}
        said = "".join(["; it printed last:", *(f"\n      {line}" for line in lines)])
        again = f"interlock run --task {state.task_id}"
        notice = {
            "message": str(ended) + (said if lines else ""),
            "remedy": f"less {log}" if log else again,
        }
        view["notices"] = [*view["notices"], notice]
        return view

    async def tasks(self) -> list[Mapping[str, Any]]:
        """Every task, oldest first."""
        return [await self._shown(state) for state in self._ledger.states()]

    async def task(self, task_id: str) -> Mapping[str, Any]:
        """One task."""
        return await self._shown(self._ledger.state(task_id))

    async def why(self, task_id: str) -> Mapping[str, Any]:
        """Why the task is where it is: its way out as gate → check → fact, and what is missing.

        Between two requests it is the last one as it was judged: ``request`` names its tree and
        attempt and whether its work is still there.
        """
        state = seen = self._ledger.state(task_id)
        answer: dict[str, Any] = {"task": await self._shown(state), "gate": None, "request": None}
        workflow = self._ledger.workflow(state)
        phase = workflow.phase(state.phase)
        if phase is None or state.status.is_final:
            return answer
        told = await self._told(state)
        history = History.of(task_id, (event for event, _ in told))
        asked = history.asked if state.request is None else None
        if asked is not None and asked.state.request is not None:
            seen = asked.state
            answer["request"] = {
                "tree": asked.state.request.tree,
                "attempt": seen.attempts,
                "is_kept": asked.is_kept,
            }
        edge = _way_out(workflow, seen)
        gate = phase.gate(edge.gate) if edge and edge.gate else None
        tree = (seen.request.tree if seen.request else "") or seen.measured.get("tree")
        red = await self._gatekeeper.newest(seen, Needs.RED)
        green = await self._gatekeeper.newest(seen, Needs.GREEN)
        facts = await self._gatekeeper.facts(
            seen,
            tree or seen.tree,
            gate,
            typed(red["facts"], RedFacts) if red else None,
            typed(green["facts"], GreenFacts) if green else None,
            await self._gatekeeper.newest_work(seen),
        )
        way = way_out(
            phase,
            gate,
            outcome_of_leaving(workflow, seen, phase, gate, facts),
            task_id=task_id,
            target=edge.target if edge else phase.id,
            is_asked=seen.request is not None,
        )
        answer["gate"] = Since.of(told).filled(way)
        return answer

    async def inbox(self) -> list[Mapping[str, Any]]:
        """What waits for a person: ``kind`` is ``approval``, ``attempt``, ``notice`` or
        ``question``; an approval comes with everything that it would be bound to."""
        found: list[Mapping[str, Any]] = []
        for state in self._ledger.states():
            if GATE.get(state.status) is GatePlace.ASKED:
                found.append(await self._approvable(state))
            elif not state.status.is_final:
                found += await self._asking(state)
        return found

    async def _asking(self, state: TaskState) -> list[Mapping[str, Any]]:
        view = await self._shown(state)
        about = {key: view[key] for key in ("task_id", "title", "phase", "enforcement")}
        questions = [n for n in view["notices"] if is_question(str(n["message"]))]
        items: list[Mapping[str, Any]] = [
            {**about, "kind": "question", "what": n["message"], "command": n["remedy"]}
            for n in questions
        ]
        waiting = view["waiting_for"]
        if waiting["who"] == "a person":
            kind = "attempt" if waiting["command"].startswith("interlock run") else "notice"
            details = [n["message"] for n in view["notices"] if n not in questions]
            items.append(
                {
                    **about,
                    "kind": kind,
                    "what": details[-1] if details else waiting["what"],
                    "command": waiting["command"],
                }
            )
        return items

    async def _approvable(self, state: TaskState) -> Mapping[str, Any]:
        assert state.request is not None, "a task that awaits approval has its request"
        gate = state.request.gate
        documents = {
            name: await self._gatekeeper.document(digest)
            for name, digest in state.artifacts.items()
        }
        history = await self._history(state)
        approve = f"interlock approve {state.task_id} {gate}"
        return {
            "kind": "approval",
            "task_id": state.task_id,
            "title": state.title,
            "phase": state.phase,
            "enforcement": enforcement_view(state.enforcement),
            "what": f"approval of gate {gate}",
            "command": approve,
            "target": state.request.target,
            "gate": gate,
            "approval_id": state.request.approval_id,
            "binding": state.request.binding,
            "tree": state.request.tree,
            "confinement": state.confinement,
            "judged": state.judged_at(state.request.tree),
            "strength": needed_strength(self._ledger.workflow(state), state, self._level()).value,
            "created_by": state.created_by,
            "reasons": self.view(state)["blockers"],
            "rejected_before": [
                {"by": by, "reason": reason}
                for rejected, by, reason in history.rejections
                if rejected == gate
            ],
            "artifacts": documents,
            "approve": approve,
            "reject": f"interlock reject {state.task_id} {gate} --reason '…'",
        }


def _way_out(workflow: WorkflowSpec, state: TaskState) -> TransitionSpec | None:
    if state.request is not None:
        return workflow.edge(state.request.source, state.request.target)
    rank = workflow.rank(state.phase)
    return next(
        (
            t
            for t in workflow.transitions
            if t.source == state.phase and workflow.rank(t.target) > rank
        ),
        None,
    )
