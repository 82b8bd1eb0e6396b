"""The reviewers of a task: a session for each role that the phase asks for, on the present tree."""

from __future__ import annotations

from interlock.core import commands as cmd
from interlock.core.gates.review import roles_of
from interlock.core.tasks import PendingRequest, ReviewerSession, TaskState
from interlock.engine.housing import Ending, Housed
from interlock.engine.means import Means
from interlock.engine.programs import Programs
from interlock.engine.prompts import reviewer_prompt
from interlock.ports.runner import AgentCommand, SessionOverError

__all__ = ["Reviewers"]

MAX_SESSIONS = 2
"""How often a role's session on one tree may end without a verdict."""


class Reviewers:
    """Keeps the review sessions of a task running."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def are_awaited(self, state: TaskState, request: PendingRequest) -> bool:
        """Whether a verdict is still to come: from an open session, or from one to be started.

        Only a way out whose gate reads verdicts waits for them; the ways back are always open.
        """
        workflow, phase = self._means.phase(state)
        edge = workflow.edge(request.source, request.target)
        gate = phase.gate(edge.gate) if edge is not None and edge.gate is not None else None
        if gate is None:
            return False
        programs = Programs.of(state.agent)
        done = {v.role for v in state.verdicts if v.tree == state.tree}
        for role in set(roles_of(gate)) - done:
            here = [r for r in state.reviewers if r.role == role and r.tree == state.tree]
            tried = sum(not reviewer.is_lost for reviewer in here)
            can_try = programs.reviewer(role) is not None and tried < MAX_SESSIONS
            if can_try or any(r.is_open for r in here):
                return True
        return False

    async def keep(self, state: TaskState) -> bool:
        """Start, watch and end review sessions; ``True`` if anything changed."""
        moved = False
        programs = Programs.of(state.agent)
        done = {v.role for v in state.verdicts if v.tree == state.tree}
        for role in roles_of(self._means.phase(state)[1]):
            here = [r for r in state.reviewers if r.role == role and r.tree == state.tree]
            for reviewer in here:
                if reviewer.is_open and await self._house(state, reviewer.session_id):
                    moved = True
            is_open = any(r.is_open for r in here)
            program = programs.reviewer(role)
            tried = sum(not reviewer.is_lost for reviewer in here)
            if program and role not in done and not is_open and tried < MAX_SESSIONS:
                await self._start(state, role)
                moved = True
        return moved

    async def _start(self, state: TaskState, role: str) -> None:
        session_id = self._means.new_id("ses")
        self._means.housing.expect(session_id)
        start = cmd.StartReviewer(
            session_id=session_id,
            agent_id=f"reviewer-{role}-{state.task_id}",
            role=role,
            confinement=self._means.runner.capability().level.value,
        )
        await self._means.apply(state, start)

    async def _house(self, state: TaskState, session_id: str) -> bool:
        """Keep a review session running; ``True`` if it was found to be over."""
        reviewer = next(r for r in state.reviewers if r.session_id == session_id)
        house = self._means.housing.get(session_id)
        ending = Ending("lost")
        try:
            if house is None and self._means.housing.is_expected(session_id):
                house = await self._start_session(state, reviewer)
        except SessionOverError:
            ending = Ending("died")
        if house is not None and not house.over.done():
            return False
        if house is not None:
            ending = house.over.result()
        self._means.housing.end(session_id)
        ended = cmd.EndReviewer(
            session_id=session_id,
            outcome=ending.outcome,
            exit_code=ending.code,
            detail=f"the review session {ending.outcome}",
        )
        await self._means.apply(state, ended)
        return True

    async def _start_session(self, state: TaskState, reviewer: ReviewerSession) -> Housed | None:
        program: AgentCommand | None = Programs.of(state.agent).reviewer(reviewer.role)
        if program is None:
            return None
        workflow = self._means.ledger.workflow(state)
        return await self._means.housing.start(
            state,
            reviewer.session_id,
            reviewer.agent_id,
            program,
            prompt=reviewer_prompt(workflow, state, reviewer.role),
            environment=await self._means.environment(state),
            read_only=True,
            confinement=reviewer.confinement,
            port=workflow.sdk.port,
        )
