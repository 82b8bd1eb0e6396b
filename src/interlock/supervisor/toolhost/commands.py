"""Running one command to its end: output bounded, time bounded, its process group ended with it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from interlock.supervisor.toolhost.beneath import Tree
from interlock.supervisor.toolhost.control import Control
from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["Commands", "environment", "program", "standard_input"]

MAX_CAP = 1 << 20
MAX_SECONDS = 24 * 3600.0
# How long after a command's end its pipe is read, if a background child holds it open.
_GRACE_S = 0.2
_SHELL = next(
    (shell for shell in ("/bin/bash", "/usr/bin/bash") if os.path.exists(shell)), "/bin/sh"
)


class Output:
    """The first and the last half of a stream of any length."""

    def __init__(self, cap: int) -> None:
        self._half = cap // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.size = 0

    def add(self, block: bytes) -> None:
        """Take the next block of the stream."""
        self.size += len(block)
        room = self._half - len(self._head)
        self._head += block[:room]
        self._tail += block[room:]
        # Cut in large steps: moving the tail for each small block would be quadratic.
        if len(self._tail) > 4 * self._half + MAX_CAP:
            del self._tail[: -self._half]

    def text(self) -> tuple[str, int]:
        """The stream as text and how many bytes are left out of the middle."""
        tail = bytes(self._tail[-self._half :]) if self._half else b""
        cut = self.size - len(self._head) - len(tail)
        note = b"\n[... %d bytes cut ...]\n" % cut if cut else b""
        return (bytes(self._head) + note + tail).decode("utf-8", "replace"), cut


class Commands:
    """The operation ``run``; blocks, so it is called in a thread of its own."""

    def __init__(self, tree: Tree, control: Control) -> None:
        self._tree = tree
        self._control = control

    def run(
        self,
        *,
        argv: list[str] | None = None,
        shell: str | None = None,
        seconds: float = 120.0,
        cap: int = 64 << 10,
        cwd: str = ".",
        env: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> dict[str, Any]:
        """Run a command; stdout and stderr are one stream, as on a terminal.

        Args:
            argv: program and arguments; or ``shell``: a text for bash (``sh`` where there is none).
            seconds: time it may take (time spent frozen does not count); then its group is killed.
            cap: bytes of output that are kept, half from the beginning, half from the end; ≤ 1 MiB.
            cwd: directory beneath the root.
            env: variables on top of the session's.
            body: its standard input.

        Returns:
            ``rc`` (negative: the signal that ended it), ``timed_out``, ``output``, ``bytes``
            written in all, ``cut`` bytes not shown, ``seconds`` taken, ``background``: pids that it
            left running outside its process group (they end with the session).
        """
        if not 0 < seconds <= MAX_SECONDS or not 0 <= cap <= MAX_CAP:
            raise Refusal("invalid", f"0 < seconds ≤ {MAX_SECONDS:.0f}, 0 ≤ cap ≤ {MAX_CAP}")
        command = program(argv, shell)
        directory = os.path.join(self._tree.root, self._tree.resolve(cwd))
        known = self._control.strays()
        with standard_input(body) as stdin:
            process = self._control.start(
                command,
                cwd=directory,
                env=environment(env),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,  # not preexec_fn: vfork is kept, and with it the cost
            )
        began = self._control.clock()
        output = Output(cap)
        try:
            timed_out = self._follow(process, output, began + seconds)
        finally:
            # Also what it left in the background; the zombie still holds the group's number.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            code = self._control.reap(process)
        text, cut = output.text()
        return {
            "rc": code,
            "timed_out": timed_out,
            "output": text,
            "bytes": output.size,
            "cut": cut,
            "seconds": round(self._control.clock() - began, 4),
            "background": sorted(self._control.strays() - known),
        }

    def _follow(self, process: subprocess.Popen[bytes], output: Output, deadline: float) -> bool:
        """Collect output until the command and its pipe (or a grace) end; whether time ran out."""
        assert process.stdout is not None  # noqa: S101 - told to Popen above
        poll = select.poll()
        ended = os.pidfd_open(process.pid)
        with process.stdout as pipe:
            waiting = {ended, pipe.fileno()}
            try:
                os.set_blocking(pipe.fileno(), False)
                for descriptor in waiting:
                    poll.register(descriptor, select.POLLIN)
                while waiting and (left := deadline - self._control.clock()) > 0:
                    for ready, _ in poll.poll(min(max(left, 0.02), 60.0) * 1000):
                        if ready == ended:
                            deadline = self._control.clock() + _GRACE_S
                        elif _drain(ready, output):
                            continue
                        waiting.remove(ready)
                        poll.unregister(ready)
            finally:
                os.close(ended)
        return ended in waiting


def program(argv: list[str] | None, shell: str | None) -> list[str]:
    """The argument vector that is meant; exactly one of the two is given."""
    if (argv is None) == (shell is None):
        raise Refusal("invalid", "either argv or shell")
    command = [_SHELL, "-c", shell] if shell is not None else list(argv or ())
    if not command or any("\0" in word for word in command):
        raise Refusal("invalid", "argv is not empty and its words have no NUL")
    return command


def environment(extra: dict[str, str] | None) -> dict[str, str]:
    """The session's variables with some on top."""
    if any(
        "\0" in name + value or "=" in name or not name for name, value in (extra or {}).items()
    ):
        raise Refusal(
            "invalid", "a variable's name is not empty, has no '=', and nothing has a NUL"
        )
    return {**os.environ, **(extra or {})}


@contextmanager
def standard_input(body: bytes) -> Iterator[int]:
    """A file that a child reads ``body`` from: no thread has to feed it, nothing is on disk."""
    if not body:
        yield subprocess.DEVNULL
        return
    descriptor = os.memfd_create("stdin", os.MFD_CLOEXEC)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(descriptor, view) :]
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _drain(descriptor: int, output: Output) -> bool:
    """Read what is there; false at the end of the stream."""
    try:
        block = os.read(descriptor, 1 << 18)
    except BlockingIOError:
        return True
    output.add(block)
    return bool(block)
