"""The author's side of a task: the session that holds the phase, from its start to its end."""

from __future__ import annotations

from typing import Any

from interlock.core import commands as cmd
from interlock.core.policy.paths import writable
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState
from interlock.engine.means import Means
from interlock.engine.programs import Programs
from interlock.engine.prompts import author_prompt

__all__ = ["Author"]


class Author:
    """Keeps the author's session of a task running."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def open_dependencies(self, state: TaskState) -> frozenset[str]:
        """Tasks that have to be complete before this one begins, and are not."""
        return frozenset(
            other
            for other in state.depends_on
            if self._means.ledger.state(other).status is not TaskStatus.COMPLETED
        )

    async def begin(self, state: TaskState) -> bool:
        """Start the next attempt, if there is a program, nothing is awaited and it may be tried."""
        programs = Programs.of(state.agent)
        if programs.author is None or self.open_dependencies(state):
            return False
        if state.failures >= programs.max_attempts:
            return False
        session_id = self._means.new_id("ses")
        self._means.housing.expect(session_id)
        start = cmd.StartAttempt(
            attempt_id=self._means.new_id("att"),
            session_id=session_id,
            agent_id=f"author-{state.task_id}",
            confinement=self._means.runner.capability().level.value,
        )
        return await self._means.apply(state, start)

    async def work(self, state: TaskState) -> bool:
        """Keep the session running; ``True`` if it was found to be over."""
        house = self._means.housing.get(state.session_id)
        if house is None:
            return await self.house(state)
        if not house.over.done():
            return False
        code = house.over.result()
        await self.end(state, "exited" if code is not None else "died", code)
        return True

    async def house(self, state: TaskState) -> bool:
        """Start the session or take it over; ``True`` if it cannot be had any more."""
        if not self._means.housing.is_expected(state.session_id):
            # A server before us recorded the attempt; its session is gone or never was.
            self._means.housing.end(state.session_id)
            await self.end(state, "lost", None)
            return True
        workflow, phase = self._means.phase(state)
        program = Programs.of(state.agent).author
        if program is None:
            return False
        await self._means.housing.start(
            state,
            state.session_id,
            state.agent_id,
            program,
            prompt=author_prompt(workflow, state, await self._documents(state)),
            environment=await self._means.environment(state),
            read_only=not writable(workflow, phase.id).allowed,
        )
        return False

    async def _documents(self, state: TaskState) -> dict[str, Any]:
        read = self._means.gatekeeper.document
        return {name: await read(digest) for name, digest in state.artifacts.items()}

    async def end(self, state: TaskState, outcome: str, code: int | None) -> None:
        """Put down that the session is over: ``exited`` by itself, ``died``, or ``lost`` by us."""
        ended = cmd.EndAttempt(
            session_id=state.session_id,
            outcome=outcome,
            exit_code=code,
            detail=f"the session {outcome} in phase {state.phase}",
        )
        await self._means.apply(state, ended)
