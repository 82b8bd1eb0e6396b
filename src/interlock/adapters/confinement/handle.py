"""The live handle on one sandbox: talks to its launcher, and cleans up if that one is lost."""

from __future__ import annotations

import array
import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from types import TracebackType
from typing import Any, Self

from interlock.adapters.confinement import leftovers, uids
from interlock.errors import UnavailableError, UsageError
from interlock.ports.confinement import Level, SandboxSpec

__all__ = ["LaunchedSandbox"]

_LOST = -9
_START_S, _END_S = 30.0, 20.0
_SO_NETNS_COOKIE = 71
_MAX_DESCRIPTORS = 253  # SCM_MAX_FD


class LaunchedSandbox:
    """A ``ports.confinement.Sandbox`` behind a launcher process. Safe to use from many threads."""

    def __init__(
        self,
        level: Level,
        spec: SandboxSpec,
        process: subprocess.Popen[bytes],
        control: socket.socket,
        listeners: list[socket.socket],
        name: str,
    ) -> None:
        self.level = level
        self.pid = process.pid
        self.listeners = tuple(listeners)
        self.cgroup = ""
        self._spec, self._process, self._control = spec, process, control
        self._name = name
        self._buffer, self._received = b"", list[int]()
        self._first: int | None = None
        self._status: int | None = None
        self._lock = threading.RLock()

    def begin(self) -> None:
        """Take the listeners and wait until the program runs.

        Raises:
            UnavailableError: it could not be set up (IL-CNF-004).
        """
        try:
            deadline = time.monotonic() + _START_S
            while True:
                match self._next(deadline):
                    case {"listeners": _}:
                        self.listeners = tuple(socket.socket(fileno=fd) for fd in self._take())
                    case {"prepared": facts}:
                        (self._first,) = self._take()
                        self.cgroup = facts["cgroup"]
                        self._check_listeners()
                    case {"started": _}:
                        return
                    case {"error": why}:
                        raise _failed(why)
                    case _:
                        raise _failed("its launcher was lost")
        except BaseException:
            self.close()
            raise

    def port(self, inner: int) -> int:
        """The port the program must use for ``inner``."""
        if inner not in self._spec.ports:
            raise UsageError(f"port {inner} is not one of the sandbox's", code="IL-CNF-001")
        if self.level is Level.FULL:
            return inner
        number: int = self.listeners[self._spec.ports.index(inner)].getsockname()[1]
        return number

    def fileno(self) -> int:
        """Readable when the sandbox has ended."""
        return self._control.fileno()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Exit status of the program, or ``None`` if it still runs after ``timeout_s`` seconds."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while self._status is None and self._readable(deadline):
            with self._lock:
                if self._status is None:
                    self._finish()
        return self._status

    def kill(self) -> None:
        """End everything inside and return when it has ended."""
        if self._status is not None:
            return
        with contextlib.suppress(OSError):  # the launcher is gone: it needs not be told
            self._control.shutdown(socket.SHUT_WR)
        if self.wait(_END_S) is None:
            self._process.kill()
            self.wait(_END_S)

    def close(self) -> None:
        """``kill``, then close the listeners and give everything back."""
        self.kill()
        with self._lock:
            for listener in self.listeners:
                listener.close()
            self._control.close()
            for descriptor in self._take():
                os.close(descriptor)
            if self._first is not None:
                os.close(self._first)
                self._first = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _finish(self) -> None:
        """Take the launcher's last word, or do what it could not."""
        message = self._next(time.monotonic() + _END_S)
        self._process.wait()
        if message is not None and "status" in message:
            self._status = int(message["status"])
            return
        self._end_orphans()
        self._status = _LOST

    def _end_orphans(self) -> None:
        """The launcher was lost: the kernel ends what it started; see to it that it does."""
        if self._first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            select.select([self._first], [], [], _END_S)
        if self.level is not Level.FULL and self._spec.uid is not None and os.getuid() == 0:
            uids.end(self._spec.uid)
        leftovers.take_back(self._name)

    def _readable(self, deadline: float | None) -> bool:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        return bool(poll.poll(None if left is None else left * 1000))

    def _next(self, deadline: float) -> dict[str, Any] | None:
        """The launcher's next message, or None if it is lost or silent."""
        while b"\n" not in self._buffer:
            if not self._readable(deadline):
                return None
            size = socket.CMSG_SPACE(_MAX_DESCRIPTORS * array.array("i").itemsize)
            try:
                data, ancillary, _, _ = self._control.recvmsg(65536, size, socket.MSG_CMSG_CLOEXEC)
            except ConnectionResetError:
                return None
            for _, _, rights in ancillary:
                received = array.array("i")
                received.frombytes(rights[: len(rights) - len(rights) % received.itemsize])
                self._received += received
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _take(self) -> list[int]:
        received, self._received = self._received, []
        return received

    def _check_listeners(self) -> None:
        """What was handed out must be what was asked for, and not of the host's network."""
        if len(self.listeners) != len(self._spec.ports):
            raise _failed("a listener is missing")
        if self.level is not Level.FULL:
            return
        with socket.socket() as ours:
            host = _network(ours)
        for listener, port in zip(self.listeners, self._spec.ports, strict=True):
            if listener.getsockname() != ("127.0.0.1", port) or _network(listener) == host:
                raise _failed(f"the listener for port {port} is not the sandbox's")


def _network(sock: socket.socket) -> int:
    """Number of the network namespace that a socket belongs to."""
    cookie = sock.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
    return int(struct.unpack("=Q", cookie)[0])


def _failed(why: str) -> UnavailableError:
    return UnavailableError(
        f"the sandbox could not be started: {why}",
        code="IL-CNF-004",
        remedy="interlock doctor",
    )
