"""The agent program: a child of the toolhost that lives as long as the session."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from typing import Any

from interlock.supervisor.toolhost.beneath import Tree
from interlock.supervisor.toolhost.commands import environment, program, standard_input
from interlock.supervisor.toolhost.control import Control
from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["Agents"]

_SIGNALS = ("SIGHUP", "SIGINT", "SIGTERM", "SIGKILL")


class Agents:
    """Operations on long-lived programs, by handle; a handle is valid as long as the toolhost."""

    def __init__(self, tree: Tree, control: Control) -> None:
        self._tree = tree
        self._control = control
        self._programs: dict[str, subprocess.Popen[bytes]] = {}

    def spawn(
        self,
        *,
        argv: list[str],
        env: dict[str, str] | None = None,
        cwd: str = ".",
        body: bytes = b"",
    ) -> dict[str, Any]:
        """Start a program in a session of its own; its output is the toolhost's own.

        Args:
            body: its standard input, for what neither arguments nor environment may show.

        Returns:
            ``handle`` and ``pid``.
        """
        command = program(argv, None)
        directory = os.path.join(self._tree.root, self._tree.resolve(cwd))
        with standard_input(body) as stdin:
            process = self._control.start(
                command, cwd=directory, env=environment(env), stdin=stdin, start_new_session=True
            )
        handle = f"p{len(self._programs) + 1}"
        self._programs[handle] = process
        return {"handle": handle, "pid": process.pid}

    def wait(self, *, handle: str, seconds: float | None = None) -> dict[str, Any]:
        """Wait for a program's end, or for ``seconds``; blocks, so it is called in a thread.

        Returns:
            ``rc`` (negative: the signal that ended it), ``None`` while it runs.
        """
        process = self._program(handle)
        if seconds is not None and not 0 <= seconds <= 1e6:
            raise Refusal("invalid", "0 ≤ seconds ≤ 1000000")
        if process.returncode is None and not _ended(process, seconds):
            return {"rc": None}
        return {"rc": self._control.reap(process)}

    def kill(self, *, handle: str, name: str = "SIGTERM") -> dict[str, Any]:
        """Signal a program and its process group: SIGHUP, SIGINT, SIGTERM or SIGKILL."""
        if name not in _SIGNALS:
            raise Refusal("invalid", f"signal is one of {', '.join(_SIGNALS)}")
        process = self._program(handle)
        if process.poll() is None:
            os.killpg(process.pid, signal.Signals[name])
        return {}

    def _program(self, handle: str) -> subprocess.Popen[bytes]:
        try:
            return self._programs[handle]
        except KeyError:
            raise Refusal("unknown_handle", f"no program {handle}") from None


def _ended(process: subprocess.Popen[bytes], seconds: float | None) -> bool:
    """Whether it has ended within that time; leaves taking its status to the caller."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))
    finally:
        os.close(descriptor)
