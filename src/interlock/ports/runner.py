"""Who starts sessions and measures: the engine's view of the supervisor.

A *session* is one sandbox for one attempt of one phase. The runner starts it, hands out the two
sockets that lead into it (the agent's door and the toolhost) and says when it is over. Sessions
outlive the server that asked for them: whoever asks again with the same id gets the same session.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from interlock.errors import UnavailableError
from interlock.ports.confinement import Capability, Level, Limits

__all__ = [
    "AgentCommand",
    "JudgeKind",
    "NoSupervisorError",
    "Runner",
    "Session",
    "SessionOverError",
    "SessionSpec",
    "Toolhost",
    "ToolhostReply",
]


class NoSupervisorError(UnavailableError):
    """No supervisor is connected, or it went away while it was asked; its sessions went with it."""

    default_code = "IL-WRK-004"


class SessionOverError(UnavailableError):
    """The session ended by itself before it was of any use; it can only be ended."""

    default_code = "IL-WRK-003"


class JudgeKind(StrEnum):
    """What the judge can be asked to do."""

    RED = "red"
    GREEN = "green"
    BASE = "base"
    COMMAND = "command"
    STATIC = "static"
    WORK = "work"
    ENVIRONMENT = "environment"
    ENVIRONMENTS = "environments"
    PRUNE = "prune"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCommand:
    """The agent's program as a person configured it.

    Args:
        argv: program and arguments, paths as they are inside the session.
        env: added to the variables that every agent gets, of which INTERLOCK_… stay as they are.
        visible: host paths (a toolchain, a script's directory) that the program needs; they are
            read-only at their own path.
    """

    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    visible: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSpec:
    """Everything a session is made of.

    Args:
        session_id: names the session everywhere; starting the same id twice gives the same session.
        scratch: host path of the tree mounted at ``/w``, as ``Runner.make_scratch`` returned it.
        agent: the agent's program: what it needs is prepared, it is started by ``Session.spawn``.
        agent_id: identity that the program is told in ``INTERLOCK_AGENT_ID``.
        environment: host path of what is mounted read-only at ``/env``; empty: nothing.
        read_only: mount ``/w`` read-only (phases that may not change the tree).
        ports: loopback ports inside whose listeners are passed out; the first is the agent's door.
        prompt: text for the program, put into the file that ``INTERLOCK_PROMPT_FILE`` names.
        uid: host uid to run as; ``None``: the supervisor leases one where it can.
        limits: resources of the session.
    """

    session_id: str
    scratch: str
    agent: AgentCommand = AgentCommand()
    agent_id: str = ""
    environment: str = ""
    read_only: bool = False
    ports: tuple[int, ...] = (8000,)
    prompt: str = ""
    uid: int | None = None
    limits: Limits = field(default_factory=Limits)


class ToolhostReply(Protocol):
    """An answer of the toolhost: JSON values and raw bytes, both untrusted."""

    @property
    def ok(self) -> Mapping[str, Any]:
        """The operation's result."""

    @property
    def body(self) -> bytes:
        """Raw bytes that came with it."""


class Toolhost(Protocol):
    """The program inside the session that does all file and command work."""

    async def call(
        self,
        op: str,
        *,
        call_id: str | None = None,
        body: bytes = b"",
        timeout_s: float = 60,
        **args: Any,
    ) -> ToolhostReply:
        """Run ``op``; a call id that was used before gets the remembered answer.

        Raises:
            UnavailableError: the socket is gone or the time, in seconds, is over.
        """


class Session(Protocol):
    """A running sandbox, seen from the server."""

    @property
    def session_id(self) -> str:
        """The id it was started with."""

    @property
    def level(self) -> Level:
        """How confined it is."""

    @property
    def door(self) -> socket.socket:
        """Listening socket of the agent's door; who serves it has a duplicate of its own."""

    @property
    def doors(self) -> tuple[socket.socket, ...]:
        """All listeners, in the order of ``SessionSpec.ports``."""

    @property
    def toolhost(self) -> Toolhost:
        """The way to files and commands inside."""

    @property
    def workdir(self) -> str:
        """Where the tree is, as programs of the session see it: ``/w`` where mounts are private."""

    @property
    def exited(self) -> asyncio.Future[int | None]:
        """Resolves when the session is over: exit status, ``None`` if it is lost with its
        supervisor."""

    async def spawn(self, command: AgentCommand) -> asyncio.Future[int]:
        """Start the agent's program, once however often it is asked for; serve the door first.

        Returns:
            Its exit status, when it ends: 128 + n if signal n ended it. Fails with
            ``UnavailableError`` if the session ends first.

        Raises:
            InterlockError: the program cannot be started.
        """


class Runner(Protocol):
    """The supervisor. All calls raise ``NoSupervisorError`` while none is connected."""

    async def connected(self, timeout_s: float) -> None:
        """Wait until a supervisor is there and all its sessions are adopted.

        Raises:
            NoSupervisorError: none came within ``timeout_s`` seconds.
        """

    async def start(self, spec: SessionSpec) -> Session:
        """Start a session, or give the running one of that id.

        Raises:
            SessionOverError: it has run, or ended as soon as it was started.
        """

    async def end(self, session_id: str, *, grace_s: float = 1.0) -> None:
        """End a session, close its sockets and remove its scratch; quiet if there is none.

        Args:
            grace_s: seconds that its programs get between being told and being killed.
        """

    def adopted(self) -> Mapping[str, Session]:
        """Sessions that are alive, by id; after a connect also those of an earlier server."""

    def held(self) -> frozenset[str]:
        """Sessions that were not ended yet, whoever asked for them, alive or over by themselves."""

    async def judge(
        self, kind: JudgeKind, request: Mapping[str, Any], *, owner: str = ""
    ) -> Mapping[str, Any]:
        """Measure; plain JSON values in and out. The same request joins its running or done job.

        Args:
            owner: the task it is for, whose jobs run one after the other; empty for nobody's.

        Raises:
            InterlockError: as the judge raised it.
        """

    async def make_scratch(self, commit: str, session_id: str) -> str:
        """Clone ``commit`` for a session: the host path, owned by the session's uid.

        It is removed when the session ends. Asked again for the session it gives the same path.
        """

    async def remove_scratch(self, session_id: str) -> None:
        """Remove the scratch of a session that was never started."""

    def capability(self) -> Capability:
        """What the supervisor found by trying."""
