"""Sessions as the engine holds them: started, adopted, watched and ended, one record per live
session.

A session is over for the engine when its agent's program has ended or its sandbox is gone,
whichever comes first.
The sandbox is kept until the engine says so: a request of a program that has left already can
still be measured.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from interlock.core.confinement import is_weaker
from interlock.core.tasks import TaskState
from interlock.errors import DeniedError, InterlockError, UnavailableError
from interlock.failpoints import reach
from interlock.ports.doors import Doors
from interlock.ports.runner import (
    AgentCommand,
    NoSupervisorError,
    Runner,
    Session,
    SessionOverError,
    SessionSpec,
)
from interlock.ports.vcs import Repository

__all__ = ["Ending", "Housed", "Housing"]

# A toolhost that is gone takes its sandbox with it; whether the supervisor went too, or which
# status it saw, is known a moment later.
_WORD_S = 30.0
_GRACE_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended.

    Args:
        outcome: ``exited``: the agent's program ended by itself; ``died``: the sandbox went first;
            ``lost``: the supervisor went, and every session with it.
        code: exit status of the program, if it said one.
    """

    outcome: str
    code: int | None = None


@dataclass(slots=True)
class Housed:
    """A live session.

    Args:
        over: resolves with how it ended.
    """

    session: Session
    task_id: str
    over: asyncio.Future[Ending]
    watcher: asyncio.Task[None] | None = field(default=None)

    @property
    def is_lost(self) -> bool:
        """Whether its supervisor is gone, and it with it."""
        return self.session.exited.done() and self.session.exited.result() is None


class Housing:
    """All live sessions.

    Args:
        wake: called whenever a session ended, so that its task looks at it.
    """

    def __init__(
        self,
        runner: Runner,
        repository: Repository,
        doors: Doors,
        wake: Callable[[], None],
    ) -> None:
        self._runner = runner
        self._repository = repository
        self._doors = doors
        self._wake = wake
        self._housed: dict[str, Housed] = {}
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._decided: set[str] = set()

    def get(self, session_id: str) -> Housed | None:
        """The live session of that id."""
        return self._housed.get(session_id)

    def expect(self, session_id: str) -> None:
        """Remember that this server has decided to start a session and may not have done so yet."""
        self._decided.add(session_id)

    def is_expected(self, session_id: str) -> bool:
        """Whether the session can still be had: it is to be started, or it outlived a server."""
        return session_id in self._decided or session_id in self._runner.adopted()

    def held(self) -> frozenset[str]:
        """Sessions that nobody has ended yet, whether they still run or not."""
        return self._runner.held() | frozenset(self._housed)

    async def start(
        self,
        state: TaskState,
        session_id: str,
        agent_id: str,
        program: AgentCommand,
        *,
        prompt: str,
        environment: str,
        read_only: bool,
        confinement: str,
        port: int,
    ) -> Housed:
        """Start a session on the task's tree, or take over the one that survived a server.

        Every step is idempotent by the session's id: a server that crashed between two of them
        carries on where it was.

        Args:
            confinement: level that was recorded for the session.
            port: of the agent's door, where the session has a network of its own.

        Raises:
            DeniedError: the session runs at a weaker one.
            SessionOverError: it died before its program ran.
        """
        if (housed := self._housed.get(session_id)) is not None:
            return housed
        session = self._runner.adopted().get(session_id)
        if session is None:
            commit = await asyncio.to_thread(self._commit, state)
            scratch = await self._runner.make_scratch(commit, session_id)
            reach("house.scratch")
            session = await self._runner.start(
                SessionSpec(
                    session_id=session_id,
                    scratch=scratch,
                    agent=program,
                    agent_id=agent_id,
                    environment=environment,
                    read_only=read_only,
                    ports=(port,),
                    prompt=prompt,
                )
            )
        reach("house.started")
        if is_weaker(session.level.value, confinement):
            await self._runner.end(session_id)
            raise DeniedError(
                f"session {session_id} got {session.level.value}, and {confinement} is on record",
                code="IL-ENG-041",
                remedy="interlock doctor",
            )
        try:
            await session.toolhost.call("thaw")
            await self._doors.open(session)
            reach("house.opened")
            ended = await session.spawn(program)
        except (UnavailableError, OSError):  # no toolhost, or no door any more
            await asyncio.wait({session.exited}, timeout=_WORD_S)
            if session.exited.done() and session.exited.result() is not None:
                raise SessionOverError(f"session {session_id} died as it was started") from None
            raise
        reach("house.spawned")
        housed = Housed(session, state.task_id, asyncio.get_running_loop().create_future())
        housed.watcher = asyncio.create_task(self._watch(housed, ended))
        self._housed[session_id] = housed
        self._decided.discard(session_id)
        return housed

    def _commit(self, state: TaskState) -> str:
        if state.tree == state.base_tree:
            return state.base_commit
        ref = f"refs/interlock/{state.task_id}/{state.epoch}/start"
        return self._repository.keep(state.tree, ref, parent=state.base_commit)

    async def _watch(self, housed: Housed, ended: asyncio.Future[int]) -> None:
        exited = housed.session.exited
        either: set[asyncio.Future[Any]] = {ended, exited}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if ended.done() and not ended.cancelled() and ended.exception() is None:
            ending = Ending("exited", ended.result())
        else:
            await asyncio.wait({exited}, timeout=_WORD_S)
            ending = Ending("lost" if housed.is_lost else "died")
        if not housed.over.done():
            housed.over.set_result(ending)
        self._wake()

    def end(self, session_id: str) -> None:
        """End a session in the background; its program gets a moment to read its last answer.

        Nothing happens if it is being ended.
        """
        if session_id in self._leaving:
            return
        housed = self._housed.pop(session_id, None)
        self._decided.discard(session_id)
        task = asyncio.create_task(self._leave(session_id, housed))
        self._leaving[session_id] = task
        task.add_done_callback(lambda _: self._leaving.pop(session_id, None))

    async def _leave(self, session_id: str, housed: Housed | None) -> None:
        try:
            if housed is not None:
                await asyncio.wait({housed.over}, timeout=_GRACE_S)
            await self._end(session_id)
        except (InterlockError, OSError) as error:
            _log.warning(
                "session_end_failed", extra={"session_id": session_id, "error": str(error)}
            )
        finally:
            await self._doors.close(session_id)
            if housed is not None and housed.watcher is not None:
                housed.watcher.cancel()

    async def _end(self, session_id: str) -> None:
        """End it at the supervisor, also if the connection broke over it."""
        while True:
            try:
                return await self._runner.end(session_id)
            except NoSupervisorError:
                await self._runner.connected(_WORD_S)

    async def settled(self) -> None:
        """Wait until every session that is being ended is gone."""
        while self._leaving:
            await asyncio.gather(*self._leaving.values(), return_exceptions=True)

    def sandbox(self, session_id: str) -> Session:
        """The running sandbox of a session.

        Raises:
            UnavailableError: it is gone.
        """
        housed = self._housed.get(session_id)
        if housed is None or housed.session.exited.done():
            raise UnavailableError(f"session {session_id!r} is gone", code="IL-ENG-040")
        return housed.session
