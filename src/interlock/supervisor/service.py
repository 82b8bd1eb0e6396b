"""What a supervisor does for servers: connects for ever, introduces its sessions, answers.

It outlives servers. The worker door is the server's; each new connection begins with everything
that is alive here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from interlock.adapters.confinement import UidRange
from interlock.adapters.runners import wire
from interlock.adapters.runners.channel import Channel
from interlock.errors import InterlockError, InternalError, InvalidInputError
from interlock.ports.confinement import Capability, Level
from interlock.ports.runner import JudgeKind, SessionSpec
from interlock.supervisor.diskwatch import DiskWatch, free_bytes, limits_for
from interlock.supervisor.judge_jobs import JudgeJobs, Measure
from interlock.supervisor.scratch import Scratches
from interlock.supervisor.sessions import LiveSession, Sessions
from interlock.supervisor.threads import in_thread

__all__ = ["MeasureFactory", "Supervisor"]

_log = logging.getLogger(__name__)

# How often a server that is not there is tried again, in seconds.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 1.0
# How long removing scratches may hold up the end; the next supervisor removes the rest.
_LAST_S = 3.0

MeasureFactory = Callable[[Path, UidRange, Level], Measure]


class Supervisor:
    """Everything of one supervisor process, on the running loop.

    Args:
        state: the state directory; it must exist.
        capability: what the server is told; sandboxes are started at its level.
        measure: makes the judge.
    """

    def __init__(self, state: Path, capability: Capability, measure: MeasureFactory) -> None:
        self._loop = asyncio.get_running_loop()
        self._door = state / "run" / "worker.sock"
        self._capability = capability
        uids = UidRange()
        self._scratches = Scratches(state, uids)
        self._jobs = JudgeJobs(measure(state, uids, capability.level))
        self._sessions = Sessions(
            state,
            self._scratches,
            capability.level,
            on_alive=self._tell_alive,
            on_exited=self._tell_exited,
        )
        self._disk = DiskWatch(
            self._sessions.scratches,
            self._sessions.kill,
            partial(free_bytes, state),
            limits_for(free_bytes(state)),
        )
        self._channel: Channel | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve one server after the other until ``stop``; then end every session."""
        watch = asyncio.create_task(self._disk.run())
        pause = _FIRST_PAUSE_S
        while not stop.is_set():
            if await self._serve_one(stop):
                pause = _FIRST_PAUSE_S
            await _within(stop, pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        watch.cancel()
        await self._sessions.end_all()
        await in_thread(self._scratches.settle, _LAST_S)

    async def _serve_one(self, stop: asyncio.Event) -> bool:
        """Connect and serve; whether a server took us."""
        try:
            sock = wire.connect(self._door)
        except OSError:
            return False
        if wire.peer_uid(sock) != os.geteuid():
            sock.close()
            _log.error("%s is served by another user", self._door)
            return False
        gone = asyncio.Event()
        welcome = asyncio.Event()

        def on_message(message: wire.Message, fds: list[int]) -> None:
            wire.close_all(fds)
            match message:
                case wire.Welcome():
                    welcome.set()
                case wire.Request():
                    self._spawn(self._answer(channel, message))
                case wire.Refused(reason):
                    _log.error("the server refuses this supervisor: %s", reason)
                case _:
                    _log.error("the server says %s, which is ours to say", type(message).__name__)

        def on_closed(reason: str) -> None:
            _log.info("the server is gone: %s", reason)
            gone.set()

        channel = Channel(sock, self._loop, on_message=on_message, on_closed=on_closed)
        self._channel = channel
        self._introduce(channel)
        try:
            await _first(gone, stop)
        finally:
            self._channel = None
            channel.close()
        return welcome.is_set()

    def _introduce(self, channel: Channel) -> None:
        channel.send(
            wire.Hello(
                version=wire.VERSION,
                pid=os.getpid(),
                capability=self._capability,
                sessions=(*self._sessions.live, *self._sessions.starting),
            )
        )
        for live in self._sessions.live.values():
            channel.send(live.alive, live.descriptors())
        for session_id, status in self._sessions.over.items():
            channel.send(wire.Exited(session_id=session_id, status=status))

    def _tell_alive(self, live: LiveSession) -> None:
        if self._channel is not None:
            self._channel.send(live.alive, live.descriptors())

    def _tell_exited(self, session_id: str, status: int | None) -> None:
        if self._channel is not None:
            self._channel.send(wire.Exited(session_id=session_id, status=status))

    async def _answer(self, channel: Channel, request: wire.Request) -> None:
        try:
            ok = await self._do(request.op, request.args)
            channel.send(wire.Answer(id=request.id, ok=ok))
        except InterlockError as error:
            channel.send(wire.Answer(id=request.id, problem=error.problem()))
        except Exception as error:
            # A bug must not leave the server waiting; it is logged here and raised there.
            _log.exception("%s failed", request.op)
            problem = InternalError(f"{request.op} failed: {error}", code="IL-SUP-006").problem()
            channel.send(wire.Answer(id=request.id, problem=problem))

    async def _do(self, op: wire.Op, args: Mapping[str, Any]) -> Mapping[str, Any]:
        match op, args:
            case wire.Op.START_SESSION, {"spec": spec}:
                await self._sessions.start(_spec(spec))
                return {}
            case wire.Op.END_SESSION, {"session_id": str(session_id), "grace_s": grace_s}:
                await self._sessions.end(session_id, grace_s=float(grace_s))
                return {}
            case wire.Op.MAKE_SCRATCH, {"session_id": str(session_id), "commit": str(commit)}:
                return {"path": str(await in_thread(self._scratches.make, commit, session_id))}
            case wire.Op.REMOVE_SCRATCH, {"session_id": str(session_id)}:
                await in_thread(self._scratches.remove, session_id)
                return {}
            case wire.Op.JUDGE, {"kind": str(kind), "request": dict(request), **more}:
                owner = str(more.get("owner", ""))
                return await self._jobs.run(JudgeKind(kind), request, owner=owner)
        raise InvalidInputError(f"{op} was asked without its arguments", code="IL-SUP-007")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _within(event: asyncio.Event, seconds: float) -> None:
    """Wait for ``event``, or that long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def _first(*events: asyncio.Event) -> None:
    """Wait for one of ``events``."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


def _spec(plain: object) -> SessionSpec:
    try:
        spec = msgspec.convert(plain, SessionSpec)
    except msgspec.ValidationError as error:
        raise InvalidInputError(f"no specification of a session: {error}") from error
    if not spec.ports:
        raise InvalidInputError("a session needs a port for the agent's door")
    return spec
