"""The sessions that this supervisor owns: started once, watched, ended, and gone with it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from interlock.adapters import confinement
from interlock.adapters.judge.built import Held
from interlock.adapters.runners import wire
from interlock.adapters.toolhost.client import socket_pair
from interlock.errors import ConflictError, InterlockError, UnavailableError
from interlock.failpoints import reach
from interlock.ports.confinement import Level, Sandbox
from interlock.ports.runner import SessionSpec
from interlock.supervisor import composition
from interlock.supervisor.output import OutputLog
from interlock.supervisor.scratch import Scratches, check_id
from interlock.supervisor.threads import in_thread

__all__ = ["LiveSession", "Sessions"]

_log = logging.getLogger(__name__)
_KILLED = -9


@dataclass(slots=True, kw_only=True)
class LiveSession:
    """A running sandbox with our duplicates of every socket that leads into it, and a hold on the
    environment that it uses.

    While they are held nothing inside can take over the door's port, whatever becomes of the
    server.
    """

    spec: SessionSpec
    sandbox: Sandbox
    toolhost: socket.socket
    log: OutputLog
    alive: wire.Alive
    held: Held | None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def descriptors(self) -> list[int]:
        """What travels beside ``alive``."""
        return [sock.fileno() for sock in (*self.sandbox.listeners, self.toolhost)]


class Sessions:
    """All sessions, by id.

    Args:
        state: the state directory; ``sessions/`` in it holds logs and prompts.
        level: what sandboxes are started at.
        on_alive: called on the loop when a session runs.
        on_exited: called on the loop when one is over, with its exit status: ``None`` if it ends
            because all do, or was never there.
    """

    def __init__(
        self,
        state: Path,
        scratches: Scratches,
        level: Level,
        *,
        on_alive: Callable[[LiveSession], None],
        on_exited: Callable[[str, int | None], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._state = state
        self._root = state / "sessions"
        self._scratches = scratches
        self._level = level
        self._on_alive = on_alive
        self._on_exited = on_exited
        self._starting: dict[str, tuple[SessionSpec, asyncio.Task[LiveSession]]] = {}
        self._finishing: set[asyncio.Task[None]] = set()
        self._is_over = False
        self.live: dict[str, LiveSession] = {}
        self.over: dict[str, int | None] = {}
        self._root.mkdir(mode=0o711, exist_ok=True)
        for left in self._root.iterdir():
            if left.is_dir():
                scratches.discard(left)

    async def start(self, spec: SessionSpec) -> LiveSession:
        """Start a session, or give the one of that id.

        Raises:
            ConflictError: it was started with another spec, or is over and not yet ended.
            InterlockError: it cannot be started.
        """
        check_id(spec.session_id)
        if self._is_over:
            raise UnavailableError("the supervisor is ending", code="IL-SUP-009")
        if spec.session_id in self.over:
            raise ConflictError(
                f"session {spec.session_id} is over",
                code=wire.SESSION_OVER,
                remedy="end it, then start another one",
            )
        if spec.session_id in self.live:
            return _same(spec, self.live[spec.session_id].spec, self.live[spec.session_id])
        if spec.session_id not in self._starting:
            task = asyncio.create_task(self._start(spec))
            self._starting[spec.session_id] = (spec, task)
        first, task = self._starting[spec.session_id]
        # Shielded: the server that asked may be gone, the next one finds the session.
        return _same(spec, first, await asyncio.shield(task))

    async def end(self, session_id: str, *, grace_s: float) -> None:
        """End a session and forget it; its scratch goes with it."""
        check_id(session_id)
        if session_id in self._starting:
            await asyncio.wait([self._starting[session_id][1]])
        live = self.live.get(session_id)
        if live is not None:
            # The toolhost takes the end of its socket as the order to leave, and all go with it.
            _hang_up(live.toolhost)
            try:
                await asyncio.wait_for(live.ended.wait(), grace_s)
            except TimeoutError:
                await in_thread(live.sandbox.kill)
                await live.ended.wait()
        self.over.pop(session_id, None)
        self._scratches.discard(self._root / session_id)
        await in_thread(self._scratches.remove, session_id)

    @property
    def starting(self) -> tuple[str, ...]:
        """Sessions that are just being started; the outcome of each is told."""
        return tuple(self._starting)

    def scratches(self) -> dict[str, Path]:
        """Live sessions with the directory of their tree."""
        return {key: Path(live.spec.scratch) for key, live in self.live.items()}

    def kill(self, session_id: str) -> None:
        """End a session's programs at once; it is over, and its asker is told so."""
        if (live := self.live.get(session_id)) is not None:
            live.sandbox.kill()

    async def end_all(self) -> None:
        """End every session at once, without grace; that is nothing that any of them did."""
        self._is_over = True
        if starting := [task for _, task in self._starting.values()]:
            await asyncio.wait(starting)
        await asyncio.gather(*(self.end(session_id, grace_s=0) for session_id in list(self.live)))

    async def _start(self, spec: SessionSpec) -> LiveSession:
        log = OutputLog(self._root / f"{spec.session_id}.log", self._loop)
        try:
            live = await in_thread(self._launch, spec, log)
        except BaseException:
            log.close()
            # Its asker gets the error; a server that came meanwhile waits for it to run or not.
            self._on_exited(spec.session_id, None)
            raise
        finally:
            del self._starting[spec.session_id]
        reach("session.launched")
        log.start()
        self.live[spec.session_id] = live
        self._loop.add_reader(live.sandbox.fileno(), self._readable, live)
        self._on_alive(live)
        return live

    def _launch(self, spec: SessionSpec, log: OutputLog) -> LiveSession:
        own = self._root / spec.session_id
        own.mkdir(mode=0o755, exist_ok=True)
        (own / composition.PROMPT).write_text(spec.prompt, encoding="utf-8")
        held = Held(Path(spec.environment)) if spec.environment else None
        ours, theirs = socket_pair()
        try:
            with theirs:
                composed = composition.compose(
                    spec,
                    state=self._state,
                    own=own,
                    socket_fd=theirs.fileno(),
                    uid=self._scratches.uid(spec.session_id) if spec.uid is None else spec.uid,
                    level=self._level,
                )
                reach("session.launch")
                sandbox = confinement.start(
                    composed, self._level, stdout=log.write_end, stderr=log.write_end
                )
        except BaseException:
            ours.close()
            if held is not None:
                held.close()
            raise
        alive = wire.Alive(
            session_id=spec.session_id,
            level=sandbox.level,
            workdir=composition.workdir(composed, sandbox.level),
            doors=len(sandbox.listeners),
            env=composition.agent_environment(spec, composed, sandbox),
        )
        return LiveSession(
            spec=spec, sandbox=sandbox, toolhost=ours, log=log, alive=alive, held=held
        )

    def _readable(self, live: LiveSession) -> None:
        self._loop.remove_reader(live.sandbox.fileno())
        task = asyncio.create_task(self._finish(live))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish(self, live: LiveSession) -> None:
        session_id = live.spec.session_id
        try:
            status = await in_thread(_closed, live.sandbox)
        except (InterlockError, OSError):
            # Something inside does not end: its uid and its files must not go to anybody else.
            _log.exception("session %s does not end", session_id)
            self._scratches.abandon(session_id)
            status = _KILLED
        if self._is_over:
            status = None
        live.toolhost.close()
        live.log.close()
        if live.held is not None:
            live.held.close()
        del self.live[session_id]
        self.over[session_id] = status
        live.ended.set()
        self._on_exited(session_id, status)
        self._scratches.discard(self._root / session_id)


def _closed(sandbox: Sandbox) -> int | None:
    """Exit status of a sandbox that has ended; takes back what it used."""
    status = sandbox.wait(0)
    sandbox.close()
    return status


def _same(asked: SessionSpec, started: SessionSpec, live: LiveSession) -> LiveSession:
    if asked != started:
        raise ConflictError(
            f"session {asked.session_id} runs already, with another specification",
            code="IL-SUP-004",
            remedy="use a new session id",
        )
    return live


def _hang_up(toolhost: socket.socket) -> None:
    try:
        toolhost.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        # Its other end is closed: what was to be reached is reached.
        _log.debug("the toolhost hung up first: %s", error)
