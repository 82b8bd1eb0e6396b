"""What has to be done next for a task, read from its state alone.

One loop per task that is not over. It never remembers what it did: after a crash the same loop,
looking at the same state, does what is missing. Every step is idempotent by the ids in the state;
waiting is on the ledger's changes, never on a clock.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from interlock.core import commands as cmd
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState
from interlock.engine.author import Author, Needed
from interlock.engine.base_checks import BaseChecks
from interlock.engine.means import Means
from interlock.engine.measuring import Measuring
from interlock.engine.reviewers import Reviewers
from interlock.engine.signing import attest, commit_message
from interlock.errors import InterlockError, InternalError
from interlock.ports.runner import NoSupervisorError

__all__ = ["Driver"]

_TRIES_UNNOTICED = 3
"""So often something may fail that time can mend, before a person is told."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 60.0
_SUPERVISOR_S = 30.0
_log = logging.getLogger(__name__)


class Driver:
    """Drives all open tasks."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._author = Author(means)
        self._reviewers = Reviewers(means)
        self._measuring = Measuring(means, self._author, self._reviewers)
        self._base_checks = BaseChecks(means)
        self._loops: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Drive every task that is not over, and end sessions that none of them knows."""
        wanted: set[str] = set()
        for state in self._means.ledger.states():
            wanted |= _sessions_of(state)
            self.watch(state.task_id)
        for session_id in self._means.housing.held() - wanted:
            self._means.housing.end(session_id)

    def watch(self, task_id: str) -> None:
        """Drive one task; quiet if it is driven already."""
        if task_id not in self._loops and not self._means.ledger.state(task_id).status.is_final:
            loop = asyncio.create_task(self._drive(task_id), name=f"drive {task_id}")
            self._loops[task_id] = loop
            loop.add_done_callback(lambda _: self._loops.pop(task_id, None))
            self._base_checks.watch(task_id)

    async def stop(self) -> None:
        """Stop driving; sessions live on and are adopted by the next server."""
        await self._base_checks.stop()
        for loop in tuple(self._loops.values()):
            loop.cancel()
        await asyncio.gather(*self._loops.values(), return_exceptions=True)

    async def _drive(self, task_id: str) -> None:
        failures = 0
        while True:
            state = self._means.ledger.state(task_id)
            ended = self._ended_sessions(state)
            needed = self._author.open_dependencies(state)
            pause: float | None = None
            try:
                if await self._step(state):
                    failures = 0
                    continue
            except Exception as error:
                if isinstance(error, NoSupervisorError) and await self._is_supervisor_back():
                    continue
                failures += 1
                problem = _known(error)
                _log.warning(
                    "step_failed",
                    extra={"task_id": task_id, "code": problem.code},
                    exc_info=error,
                )
                if not problem.retryable or failures == _TRIES_UNNOTICED:
                    await self._means.tell(state, problem.message, problem.remedy)
                    state = self._means.ledger.state(task_id)
                pause = min(_FIRST_PAUSE_S * 2**failures, _LONGEST_PAUSE_S)
            if state.status.is_final:
                await self._means.housing.settled()
                return
            news = partial(self._has_news, state, ended, needed)
            await self._means.ledger.changed(news, timeout_s=pause)

    async def _is_supervisor_back(self) -> bool:
        """Wait for one to come: while none is there nothing was tried that could have failed."""
        try:
            await self._means.runner.connected(_SUPERVISOR_S)
        except NoSupervisorError:
            return False
        return True

    def _has_news(self, seen: TaskState, ended: frozenset[str], needed: Needed) -> bool:
        now = self._means.ledger.state(seen.task_id)
        return (
            now.version != seen.version
            or self._ended_sessions(now) != ended
            or self._author.open_dependencies(now) != needed
        )

    def _ended_sessions(self, state: TaskState) -> frozenset[str]:
        ids = (state.session_id, *(r.session_id for r in state.reviewers if r.is_open))
        houses = {i: self._means.housing.get(i) for i in ids}
        return frozenset(i for i, house in houses.items() if house and house.over.done())

    async def _step(self, state: TaskState) -> bool:
        """Do one thing; ``False`` if there is nothing to do until something changes."""
        self._end_stale(state)
        match state.status:
            case TaskStatus.READY:
                return await self._author.begin(state)
            case TaskStatus.WORKING:
                moved = await self._reviewers.keep(state)
                return await self._author.work(state) or moved
            case TaskStatus.MEASURING:
                moved = await self._reviewers.keep(state)
                return await self._measuring.measure(state) or moved
            case TaskStatus.LANDING:
                return await self._land(state)
            case _:
                return False

    def _end_stale(self, state: TaskState) -> None:
        """End sessions that have no part in the task any more."""
        needed = _sessions_of(state)
        for session_id in self._means.housing.held() - needed:
            if self._means.ledger.has_session(session_id, state.task_id):
                self._means.housing.end(session_id)

    async def _land(self, state: TaskState) -> bool:
        message = commit_message(state, attest(state, self._means.signing_key))
        commit = await asyncio.to_thread(
            self._means.repository.land, state.branch, state.tree, state.base_commit, message
        )
        head = self._means.audit.heads
        await self._means.ledger.apply(
            state.task_id,
            cmd.Complete(commit=commit, anchor=(head.seq, head.head)),
            actor="server",
        )
        return True


def _known(error: Exception) -> InterlockError:
    """A bug of ours stops one step of one task, not the task's loop for good."""
    if isinstance(error, InterlockError):
        return error
    return InternalError(
        f"the server failed: {type(error).__name__}: {error}",
        remedy="See logs/server.log in the state directory.",
    )


def _sessions_of(state: TaskState) -> set[str]:
    """Sessions that the task still has a use for."""
    if state.status.is_final:
        return set()
    needed = {r.session_id for r in state.reviewers if r.is_open and r.tree == state.tree}
    if state.session_id and state.status is not TaskStatus.AWAITING_APPROVAL:
        needed.add(state.session_id)
    return needed
