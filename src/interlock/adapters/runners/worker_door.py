"""The server's end of the worker door: a ``Runner`` that asks whichever supervisor is connected.

One supervisor at a time. What it says of sessions is kept by session id over its connections: a
supervisor that comes back without a session says that the session is over.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from interlock.adapters.runners import wire
from interlock.adapters.runners.channel import Channel
from interlock.adapters.runners.session import WorkerSession
from interlock.errors import ConflictError, InternalError, from_problem
from interlock.ports.confinement import Capability
from interlock.ports.runner import (
    JudgeKind,
    NoSupervisorError,
    Session,
    SessionOverError,
    SessionSpec,
)

__all__ = ["WorkerDoor"]


class WorkerDoor:
    """Listens from construction to ``close``; used on ``loop`` only.

    Args:
        path: the door's socket, in a directory that only this user can enter.
    """

    def __init__(self, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._sessions: dict[str, WorkerSession] = {}
        self._over: set[str] = set()
        self._channels: set[Channel] = set()
        self._supervisor: Channel | None = None
        self._capability: Capability | None = None
        self._awaited: set[str] = set()
        self._connected = asyncio.Event()
        self._listener = wire.listen(path)
        loop.add_reader(self._listener, self._accept)

    # -- Runner ------------------------------------------------------------------------------

    async def start(self, spec: SessionSpec) -> Session:
        """Start a session, or give the running one of that id."""
        try:
            await self._ask(wire.Op.START_SESSION, spec=msgspec.to_builtins(spec))
        except ConflictError as error:
            if error.code == wire.SESSION_OVER:
                raise _over(spec.session_id) from None
            raise
        session = self._sessions.get(spec.session_id)
        if session is None or session.exited.done():
            raise _over(spec.session_id)
        return session

    async def end(self, session_id: str, *, grace_s: float = 1.0) -> None:
        """End a session and remove its scratch."""
        await self._ask(wire.Op.END_SESSION, session_id=session_id, grace_s=grace_s)
        self._over.discard(session_id)
        session = self._sessions.pop(session_id, None)
        if session is not None:
            session.over(None)
            session.close()

    def adopted(self) -> Mapping[str, Session]:
        """Sessions that are alive, by id."""
        return {
            session_id: session
            for session_id, session in self._sessions.items()
            if not session.exited.done()
        }

    def held(self) -> frozenset[str]:
        """Sessions that were not ended yet, alive or over by themselves."""
        return frozenset(self._over.union(self.adopted()))

    async def judge(
        self, kind: JudgeKind, request: Mapping[str, Any], *, owner: str = ""
    ) -> Mapping[str, Any]:
        """Measure; the same request joins its running or finished job."""
        asked = {"kind": JudgeKind(kind).value, "request": dict(request), "owner": owner}
        return await self._ask(wire.Op.JUDGE, **asked)

    async def make_scratch(self, commit: str, session_id: str) -> str:
        """Clone ``commit`` for a session: its host path."""
        answer = await self._ask(wire.Op.MAKE_SCRATCH, commit=commit, session_id=session_id)
        return str(answer["path"])

    async def remove_scratch(self, session_id: str) -> None:
        """Remove the scratch of a session that was never started."""
        await self._ask(wire.Op.REMOVE_SCRATCH, session_id=session_id)

    def capability(self) -> Capability:
        """What the supervisor found by trying."""
        if self._capability is None:
            raise _no_supervisor()
        return self._capability

    # -- the door itself ---------------------------------------------------------------------

    async def connected(self, timeout_s: float) -> None:
        """Wait until a supervisor is there and all its sessions are adopted."""
        try:
            await asyncio.wait_for(self._connected.wait(), timeout_s)
        except TimeoutError:
            raise _no_supervisor() from None

    def close(self) -> None:
        """Stop listening and let go of the supervisor; sessions stay alive there."""
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for channel in list(self._channels):
            self._drop(channel)
        for session in self._sessions.values():
            session.close()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        # The socket's mode keeps others out; this holds whatever its directory looks like.
        if wire.peer_uid(sock) != os.geteuid():
            sock.close()
            return
        self._begin(sock)

    def _begin(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        channel = Channel(
            sock,
            self._loop,
            on_message=lambda message, fds: self._on_message(channel, message, fds),
            on_closed=lambda reason: self._drop(channel),
        )
        self._channels.add(channel)

    def _on_message(self, channel: Channel, message: wire.Message, fds: list[int]) -> None:
        match message:
            case wire.Hello() if self._supervisor is None and message.version == wire.VERSION:
                wire.close_all(fds)
                self._welcome(channel, message)
            case wire.Hello():
                wire.close_all(fds)
                why = (
                    "another supervisor is connected"
                    if self._supervisor is not None
                    else f"it speaks version {message.version}, the server {wire.VERSION}"
                )
                channel.send(wire.Refused(reason=why))
                self._drop(channel)
            case wire.Alive() if channel is self._supervisor and len(fds) == message.doors + 1:
                self._adopt(message, fds)
            case wire.Exited() if channel is self._supervisor:
                wire.close_all(fds)
                self._exited(message)
            case wire.Answer() if channel is self._supervisor:
                wire.close_all(fds)
                self._answered(message)
            case _:
                wire.close_all(fds)
                self._drop(channel)

    def _welcome(self, channel: Channel, hello: wire.Hello) -> None:
        self._supervisor = channel
        self._capability = hello.capability
        self._awaited = set(hello.sessions)
        self._over.clear()
        channel.send(wire.Welcome())
        for session_id, session in self._sessions.items():
            if session_id not in self._awaited:
                session.over(None)
        self._check_complete()

    def _adopt(self, alive: wire.Alive, fds: list[int]) -> None:
        known = self._sessions.get(alive.session_id)
        if known is not None and not known.exited.done():
            # The same session over a second connection: the sockets that are in use stay.
            wire.close_all(fds)
        else:
            if known is not None:
                known.close()
            session = WorkerSession(alive, fds, self._loop)
            session.toolhost.closed.add_done_callback(lambda _: self._check_lost())
            self._sessions[alive.session_id] = session
        self._over.discard(alive.session_id)
        self._awaited.discard(alive.session_id)
        self._check_complete()

    def _exited(self, message: wire.Exited) -> None:
        if (session := self._sessions.get(message.session_id)) is not None:
            session.over(message.status)
        self._over.add(message.session_id)
        self._awaited.discard(message.session_id)
        self._check_complete()

    def _check_lost(self) -> None:
        """Without a supervisor to say so, a session is over when its first program is."""
        if self._supervisor is None:
            for session in self._sessions.values():
                if session.toolhost.closed.done():
                    session.over(None)

    def _check_complete(self) -> None:
        if not self._awaited:
            self._connected.set()

    async def _ask(self, op: wire.Op, **args: Any) -> Mapping[str, Any]:
        if self._supervisor is None:
            raise _no_supervisor()
        number = next(self._ids)
        answer: asyncio.Future[Mapping[str, Any]] = self._loop.create_future()
        self._pending[number] = answer
        try:
            self._supervisor.send(wire.Request(id=number, op=op, args=args))
            return await answer
        finally:
            self._pending.pop(number, None)

    def _answered(self, answer: wire.Answer) -> None:
        pending = self._pending.get(answer.id)
        if pending is None or pending.done():
            return
        if answer.ok is not None:
            pending.set_result(answer.ok)
        elif answer.problem is not None:
            pending.set_exception(from_problem(answer.problem))
        else:
            pending.set_exception(InternalError("the supervisor answered nothing"))

    def _drop(self, channel: Channel) -> None:
        """A connection is gone, or is not worth keeping."""
        channel.close()
        self._channels.discard(channel)
        if channel is not self._supervisor:
            return
        self._supervisor = self._capability = None
        self._connected.clear()
        for pending in self._pending.values():
            if not pending.done():
                pending.set_exception(_no_supervisor())
        self._check_lost()


def _over(session_id: str) -> SessionOverError:
    return SessionOverError(
        f"session {session_id} was over as soon as it was started",
        remedy=f"read its output: sessions/{session_id}.log in the state directory",
    )


def _no_supervisor() -> NoSupervisorError:
    return NoSupervisorError("no supervisor is connected", remedy="interlock up")
