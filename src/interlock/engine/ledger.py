"""The tasks in memory: the fold of their events, moved only through ``decide`` and only after the
append is durable.

One lock per task makes commands of one task follow each other; tasks do not wait for each other.
Readers see the state after the last durable append. Whoever waits for a change waits on
``changed``, never on a timer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from interlock.core.commands import Command, Record
from interlock.core.decide import decide
from interlock.core.decision import Decision, Verdict
from interlock.core.events import EnforcementRaised
from interlock.core.evolve import evolve
from interlock.core.model import Mode, WorkflowSpec
from interlock.core.modes import raised
from interlock.core.tasks import TaskState
from interlock.engine.checkpoints import Checkpoints
from interlock.engine.codec import decode, encode
from interlock.errors import NotFoundError
from interlock.ports.clock import Clock
from interlock.ports.store import Store, StoredEvent

__all__ = ["Ledger"]

T = TypeVar("T")


class Ledger:
    """All tasks of one store.

    Args:
        store: where events go; its blocking calls run on one thread of the ledger's own.
        clock: gives the time that events carry.
        workflows: digest → definition; tasks are pinned to theirs.
        checkpoints: states that were kept; by default those of the store, sealed with no key.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        workflows: dict[str, WorkflowSpec],
        *,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.store = store
        self.workflows = workflows
        self._clock = clock
        self._checkpoints = checkpoints or Checkpoints(store)
        self._kept_at: dict[str, int] = {}
        self._states: dict[str, TaskState] = {}
        self._task_of: dict[str, str] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._news = asyncio.Condition()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def run(self, function: Callable[[], T]) -> T:
        """Run a blocking call of the store on its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def load(self) -> None:
        """Fold everything that is stored, each task from its newest checkpoint on."""
        for task_id in await self.run(self.store.task_ids):
            await self._fold(task_id)

    async def _fold(self, task_id: str) -> TaskState:
        found = await self.run(lambda: self._checkpoints.find(task_id))
        state = found.state
        for event in found.tail:
            state = evolve(state, decode(event))
        if found.at:
            self._kept_at[task_id] = found.at
        return self._keep(state)

    async def raise_enforcement(self, setting: Mode, origin: str) -> None:
        """Bind open tasks as hard as the server's setting says, where that is stricter.

        A lower setting is for new tasks only.
        """
        for state in self.states():
            found = raised(state.enforcement, setting, origin)
            if found != state.enforcement and not state.status.is_final:
                command = Record(event=EnforcementRaised(enforcement=found))
                await self.apply(state.task_id, command, actor="server")

    def _keep(self, state: TaskState) -> TaskState:
        self._states[state.task_id] = state
        for session_id in (state.session_id, *(r.session_id for r in state.reviewers)):
            if session_id:
                self._task_of[session_id] = state.task_id
        return state

    def state(self, task_id: str) -> TaskState:
        """The task as of its last event.

        Raises:
            NotFoundError: no such task.
        """
        try:
            return self._states[task_id]
        except KeyError:
            raise NotFoundError(
                f"there is no task {task_id!r}", code="IL-ENG-010", remedy="interlock task list"
            ) from None

    def of_session(self, session_id: str) -> TaskState:
        """The task that a session works or worked for.

        Raises:
            NotFoundError: the session was never given a task.
        """
        if (task_id := self._task_of.get(session_id)) is None:
            raise NotFoundError(
                f"session {session_id!r} has no task", code="IL-ENG-011", remedy="End the session."
            )
        return self.state(task_id)

    def has_session(self, session_id: str, task_id: str) -> bool:
        """Whether a session works or worked for a task."""
        return self._task_of.get(session_id) == task_id

    def states(self) -> tuple[TaskState, ...]:
        """Every task, oldest first."""
        return tuple(self._states.values())

    def workflow(self, state: TaskState) -> WorkflowSpec:
        """The definition that the task is pinned to."""
        return self.workflows[state.workflow]

    async def apply(
        self, task_id: str, command: Command, *, actor: str, command_id: str | None = None
    ) -> tuple[Decision, TaskState]:
        """Decide a command and make its events durable before anybody sees their effect.

        Args:
            actor: who asked: ``agent:…``, ``person:…`` or ``server``.
            command_id: a command that was stored before has no second effect.
        """
        async with self._locks[task_id]:
            state = self.state(task_id)
            decision = decide(self.workflow(state), state, command)
            if not decision.accepted and await self._is_stored(task_id, command_id):
                return Decision(verdict=Verdict.ACCEPTED), state
            return decision, await self._commit(state, decision, actor, command_id)

    async def _is_stored(self, task_id: str, command_id: str | None) -> bool:
        """Whether the command has had its effect: a repeated one is not refused for that."""
        if command_id is None:
            return False
        stored = await self.run(lambda: self.store.command(command_id))
        return bool(stored) and stored[0].task_id == task_id

    async def create(
        self, task_id: str, workflow: WorkflowSpec, command: Command, *, actor: str, command_id: str
    ) -> tuple[Decision, TaskState]:
        """Like ``apply`` for a task that does not exist yet."""
        async with self._locks[task_id]:
            state = TaskState(task_id=task_id)
            self._kept_at[task_id] = self._clock.now_us()  # there is nothing yet to be kept
            decision = decide(workflow, state, command)
            return decision, await self._commit(state, decision, actor, command_id)

    async def _commit(
        self, state: TaskState, decision: Decision, actor: str, command_id: str | None
    ) -> TaskState:
        if not decision.events:
            return state
        after = state
        for event in decision.events:
            after = evolve(after, event)
        stored = await self.run(
            lambda: self.store.append(
                state.task_id,
                state.version,
                encode(decision.events, actor),
                command_id=command_id,
                at=self._clock.now_us(),
            )
        )
        if stored[-1].task_version != after.version:
            # The command was stored before (a retry after a crash): the record
            # counts, not this decision.
            return await self._fold(state.task_id)
        self._keep(after)
        self._checkpoint(after, stored[-1])
        await self.announce()
        return after

    def _checkpoint(self, state: TaskState, newest: StoredEvent) -> None:
        """Keep the state if the workflow's interval is over, or the task is; nobody waits for it.

        Every event is a checkpoint of its own: this one only saves the next start some folding.
        """
        workflow = self.workflows.get(state.workflow)
        since = newest.timestamp - self._kept_at.get(state.task_id, 0)
        if workflow is None or not (
            state.status.is_final or since >= workflow.checkpoint_seconds * 1_000_000
        ):
            return
        self._kept_at[state.task_id] = newest.timestamp
        with contextlib.suppress(RuntimeError):  # closed meanwhile: the event is durable
            self._thread.submit(self._checkpoints.keep, state, newest)

    async def announce(self) -> None:
        """Wake everybody who waits for a change."""
        async with self._news:
            self._news.notify_all()

    async def changed(self, holds: Callable[[], bool], *, timeout_s: float | None = None) -> bool:
        """Wait until ``holds``; ``False`` if ``timeout_s`` seconds pass first."""

        async def wait() -> None:
            async with self._news:
                await self._news.wait_for(holds)

        try:
            async with asyncio.timeout(timeout_s):
                await wait()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """End the store's thread."""
        self._thread.shutdown(wait=True)
