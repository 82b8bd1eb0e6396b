"""A session as the server holds it: its sockets, its toolhost, its end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from interlock.adapters.runners import wire
from interlock.adapters.toolhost.client import ToolhostClient
from interlock.adapters.toolhost.errors import ToolError
from interlock.errors import UnavailableError
from interlock.ports.confinement import Level
from interlock.ports.runner import AgentCommand

__all__ = ["WorkerSession"]

# The first program of a toolhost; nothing but the agent is ever spawned.
_AGENT = "p1"
# One call's share of waiting for the agent, in seconds, and what it may take to come back.
_ROUND_S, _SLACK_S = 300.0, 30.0


class WorkerSession:
    """Implements ``ports.runner.Session``.

    Args:
        alive: what the supervisor says of it.
        fds: descriptors that came beside; they become this session's own.
    """

    def __init__(
        self, alive: wire.Alive, fds: Sequence[int], loop: asyncio.AbstractEventLoop
    ) -> None:
        sockets = [socket.socket(fileno=fd) for fd in fds]
        for sock in sockets:
            sock.setblocking(False)
        self.session_id = alive.session_id
        self.level: Level = alive.level
        self.workdir = alive.workdir
        self.doors = tuple(sockets[:-1])
        self.toolhost = ToolhostClient(sockets[-1], loop)
        self.exited: asyncio.Future[int | None] = loop.create_future()
        self._loop = loop
        self._env = dict(alive.env)
        self._agent: asyncio.Task[int] | None = None

    @property
    def door(self) -> socket.socket:
        """The listener of the agent's door."""
        return self.doors[0]

    async def spawn(self, command: AgentCommand) -> asyncio.Future[int]:
        """Start the agent's program, once however often it is asked for.

        Raises:
            InterlockError: the program cannot be started.
        """
        if self._agent is None:
            if not await self._is_spawned():
                await self.toolhost.call(
                    "spawn",
                    call_id=f"{self.session_id}:agent",
                    argv=list(command.argv),
                    env={**command.env, **self._env},
                )
            self._agent = self._loop.create_task(self._status_of_agent())
        return self._agent

    def over(self, status: int | None) -> None:
        """The supervisor says that the session is over; its absence says so without a status."""
        if not self.exited.done():
            self.exited.set_result(status)

    def close(self) -> None:
        """Have no more to do with the session. May be called again."""
        if self._agent is not None:
            self._agent.cancel()
        self.toolhost.close()
        for door in self.doors:
            door.close()

    async def _is_spawned(self) -> bool:
        """Whether an earlier server did it; the toolhost forgets call ids after a while."""
        try:
            await self.toolhost.call("wait", handle=_AGENT, seconds=0)
        except ToolError as error:
            if error.kind != "unknown_handle":
                raise
            return False
        return True

    async def _status_of_agent(self) -> int:
        while True:
            reply = await self.toolhost.call(
                "wait", handle=_AGENT, seconds=_ROUND_S, timeout_s=_ROUND_S + _SLACK_S
            )
            match reply.ok.get("rc"):
                case int(status):
                    return status if status >= 0 else 128 - status
                case None:
                    continue
                case _:
                    raise UnavailableError(
                        f"the toolhost of {self.session_id} gives no exit status",
                        code="IL-WRK-002",
                        remedy="the session is not to be believed: end it",
                    )
