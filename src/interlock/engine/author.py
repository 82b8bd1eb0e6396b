"""The author's side of a task: the session that holds the phase, from its start to its end."""

from __future__ import annotations

from typing import Any

from interlock.core import commands as cmd
from interlock.core.advance import onward
from interlock.core.policy.paths import writable
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState
from interlock.engine.housing import Ending
from interlock.engine.means import Means
from interlock.engine.programs import Programs
from interlock.engine.prompts import author_prompt
from interlock.ports.runner import SessionOverError

__all__ = ["Author", "Needed"]

Needed = frozenset[tuple[str, bool]]

MAX_LOSSES = 20
"""So often a phase is begun again without a person, however its sessions were lost."""


class Author:
    """Keeps the author's session of a task running."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def open_dependencies(self, state: TaskState) -> Needed:
        """Tasks that have to be complete before this one begins and are not, each with whether it
        never will be."""
        statuses = {other: self._means.ledger.state(other).status for other in state.depends_on}
        return frozenset(
            (other, status is TaskStatus.ABORTED)
            for other, status in statuses.items()
            if status is not TaskStatus.COMPLETED
        )

    async def begin(self, state: TaskState) -> bool:
        """Start the next attempt, if there is a program, nothing is awaited and it may be tried."""
        programs = Programs.of(state.agent)
        needed = self.open_dependencies(state)
        for other in sorted(other for other, is_aborted in needed if is_aborted):
            why = f"task {other}, which has to be complete first, was aborted"
            await self._means.tell(state, why, f"interlock abort {state.task_id}")
        if programs.author is None or needed or state.failures >= programs.max_attempts:
            return False
        if why := _is_going_nowhere(state, programs):
            await self._means.tell(state, why, f"interlock run --task {state.task_id}")
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
        """Keep the session running; ``True`` if it was found to be over.

        A program that ended well with everything handed in is done with its phase: where the gate
        says so, the server asks for the next one, before the sandbox is let go.
        """
        house = self._means.housing.get(state.session_id)
        if house is None:
            return await self.house(state)
        if not house.over.done():
            return False
        ending = house.over.result()
        if ending == Ending("exited", 0) and not house.session.exited.done():
            asked = onward(self._means.phase(state)[0], state)
            if asked is not None:
                await self._means.apply(state, asked)
                return True
        await self.end(state, ending)
        return True

    async def house(self, state: TaskState) -> bool:
        """Start the session or take it over; ``True`` if it cannot be had any more."""
        if not self._means.housing.is_expected(state.session_id):
            # A server before us recorded the attempt; its session is gone or never was.
            await self.end(state, Ending("lost"))
            return True
        workflow, phase = self._means.phase(state)
        program = Programs.of(state.agent).author
        if program is None:
            return False
        try:
            await self._means.housing.start(
                state,
                state.session_id,
                state.agent_id,
                program,
                prompt=author_prompt(workflow, state, await self._documents(state)),
                environment=await self._means.environment(state),
                read_only=not writable(workflow, phase.id).allowed,
                confinement=state.confinement,
                port=workflow.sdk.port,
            )
        except SessionOverError:
            await self.end(state, Ending("died"))
            return True
        return False

    async def _documents(self, state: TaskState) -> dict[str, Any]:
        read = self._means.gatekeeper.document
        return {name: await read(digest) for name, digest in state.artifacts.items()}

    async def end(self, state: TaskState, ending: Ending) -> None:
        """Put down that the session is over, and how; what is left of it is taken away."""
        self._means.housing.end(state.session_id)
        ended = cmd.EndAttempt(
            session_id=state.session_id,
            outcome=ending.outcome,
            exit_code=ending.code,
            detail=_in_words(state, ending),
        )
        await self._means.apply(state, ended)


def _is_going_nowhere(state: TaskState, programs: Programs) -> str:
    """Why the phase is not begun again by itself; empty if it is."""
    if state.losses >= MAX_LOSSES:
        return (
            f"phase {state.phase} was begun {state.losses} times and each time the server or "
            "supervisor ended over it"
        )
    if state.returns > programs.max_returns:
        return f"the task has gone back to an earlier phase {state.returns} times"
    return ""


def _in_words(state: TaskState, ending: Ending) -> str:
    if ending.outcome != "lost":
        return f"the session {ending.outcome} in phase {state.phase}"
    return (
        f"the session ended with the supervisor or server that held it; phase {state.phase} "
        f"starts again from its tree {state.tree[:12]}"
    )
