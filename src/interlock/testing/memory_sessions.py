"""Sessions without processes: files in a dictionary, a program that ends when it is told to.

``MemoryRunner`` stands for the supervisor and its machine: it outlives the server under test, as
the real one does.
"""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from interlock.errors import UnavailableError
from interlock.ports.confinement import Capability, Level
from interlock.ports.runner import AgentCommand, JudgeKind, Session, SessionSpec
from interlock.testing.memory_trees import MemoryTrees

__all__ = ["MemoryDoors", "MemoryRunner", "MemorySession"]

Judge = Callable[[JudgeKind, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Reply:
    ok: Mapping[str, Any]
    body: bytes = b""


class _Toolhost:
    """Operations on the session's files; a call id that was used before gets the same answer."""

    def __init__(self, session: MemorySession) -> None:
        self._session = session
        self._answers: dict[str, _Reply] = {}
        self.calls: list[str] = []

    async def call(
        self,
        op: str,
        *,
        call_id: str | None = None,
        body: bytes = b"",
        timeout_s: float = 60,
        **args: Any,
    ) -> _Reply:
        """Run one operation."""
        if self._session.exited.done():
            raise UnavailableError("the session is gone", code="IL-TST-002")
        if call_id is not None and call_id in self._answers:
            return self._answers[call_id]
        self.calls.append(op)
        reply = self._run(op, body, args)
        if call_id is not None:
            self._answers[call_id] = reply
        return reply

    def _run(self, op: str, body: bytes, args: Mapping[str, Any]) -> _Reply:
        files = self._session.files
        match op:
            case "freeze" | "thaw":
                return _Reply({})
            case "resolve":
                return _Reply({"path": args["path"]})
            case "read":
                return _Reply({"text": files[args["path"]]})
            case "write":
                files[args["path"]] = body.decode()
                return _Reply({"bytes": len(body)})
            case "walk":
                return _Reply({}, json.dumps(files).encode())
            case "revert":
                for entry in args["entries"]:
                    path = base64.b64decode(entry["path"]).decode()
                    files.pop(path, None)
                    if entry["data"] is not None:
                        files[path] = base64.b64decode(entry["data"]).decode()
                return _Reply({})
        raise UnavailableError(f"an in-memory session has no {op}", code="IL-TST-003")


class MemorySession:
    """``ports.runner.Session`` over a dictionary of files.

    Attributes:
        files: the scratch tree.
        spawned: how often the program was really started.
    """

    def __init__(self, spec: SessionSpec, files: dict[str, str], level: Level = Level.NONE) -> None:
        self.spec = spec
        self._level = level
        self.files = files
        self.spawned = 0
        self.host = _Toolhost(self)
        self._program: asyncio.Future[int] | None = None
        self._exited: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    @property
    def session_id(self) -> str:
        """The id it was started with."""
        return self.spec.session_id

    @property
    def level(self) -> Level:
        """What its runner says; nothing is confined."""
        return self._level

    @property
    def door(self) -> socket.socket:
        """There is none: ``MemoryDoors`` do not listen."""
        raise UnavailableError("an in-memory session has no door", code="IL-TST-004")

    @property
    def doors(self) -> tuple[socket.socket, ...]:
        """None."""
        return ()

    @property
    def toolhost(self) -> _Toolhost:
        """The way to its files."""
        return self.host

    @property
    def workdir(self) -> str:
        """Where the tree would be."""
        return "/w"

    @property
    def exited(self) -> asyncio.Future[int | None]:
        """Resolves when the session is over."""
        return self._exited

    async def spawn(self, command: AgentCommand) -> asyncio.Future[int]:
        """Start the program once; it runs until ``leave``."""
        if self._program is None:
            self.spawned += 1
            self._program = asyncio.get_running_loop().create_future()
        return self._program

    def leave(self, code: int = 0) -> None:
        """The agent's program ends; the sandbox stays."""
        if self._program is not None and not self._program.done():
            self._program.set_result(code)

    def die(self, status: int | None = -9) -> None:
        """The sandbox goes, and everything in it; with the supervisor if there is no status."""
        if self._program is not None and not self._program.done():
            self._program.set_exception(UnavailableError("gone", code="IL-TST-002"))
        if not self._exited.done():
            self._exited.set_result(status)


class MemoryDoors:
    """``ports.doors.Doors`` that only remember which are open."""

    def __init__(self) -> None:
        self.open_ids: set[str] = set()

    async def open(self, session: Session) -> None:
        """Note it."""
        self.open_ids.add(session.session_id)

    async def close(self, session_id: str) -> None:
        """Note it."""
        self.open_ids.discard(session_id)


class MemoryRunner:
    """``ports.runner.Runner`` without a supervisor.

    Args:
        judge: what the judge answers.

    Attributes:
        sessions: those alive, by id.
        started: ids in the order they were really started.
        level: what it says that its sessions are confined to.
        given: what they are confined to, if that is something else.
    """

    def __init__(self, trees: MemoryTrees, judge: Judge) -> None:
        self._trees = trees
        self._judge = judge
        self._scratches: dict[str, dict[str, str]] = {}
        self.sessions: dict[str, MemorySession] = {}
        self.started: list[str] = []
        self.judged: list[JudgeKind] = []
        self.level = Level.NONE
        self.given: Level | None = None

    async def connected(self, timeout_s: float) -> None:
        """It always is."""

    async def start(self, spec: SessionSpec) -> MemorySession:
        """Start a session, or give the running one of that id."""
        if spec.session_id not in self.sessions:
            self.started.append(spec.session_id)
            files = self._scratches[spec.scratch]
            level = self.level if self.given is None else self.given
            self.sessions[spec.session_id] = MemorySession(spec, files, level)
        return self.sessions[spec.session_id]

    async def end(self, session_id: str, *, grace_s: float = 1.0) -> None:
        """End a session."""
        if session := self.sessions.pop(session_id, None):
            session.leave(143)
            session.die()

    def adopted(self) -> Mapping[str, Session]:
        """Sessions that are alive."""
        return {i: s for i, s in self.sessions.items() if not s.exited.done()}

    def held(self) -> frozenset[str]:
        """Sessions that were not ended yet."""
        return frozenset(self.sessions)

    async def judge(
        self, kind: JudgeKind, request: Mapping[str, Any], *, owner: str = ""
    ) -> Mapping[str, Any]:
        """Ask the judge that was handed in."""
        self.judged.append(kind)
        return self._judge(kind, request)

    async def make_scratch(self, commit: str, session_id: str) -> str:
        """A copy of a commit's files."""
        return self._scratch(commit, session_id)

    def _scratch(self, commit: str, session_id: str) -> str:
        self._scratches.setdefault(session_id, self._trees.files(commit))
        return session_id

    async def remove_scratch(self, session_id: str) -> None:
        """Forget a copy."""
        self._scratches.pop(session_id, None)

    def capability(self) -> Capability:
        """What it says."""
        return Capability(level=self.level, reasons=("in memory",), uid_drop=False)
