"""The asynchronous end of a toolhost's socket: many calls at once over whole packets.

Everything that arrives comes out of a sandbox and is data to be checked. What does not fit the
format ends the connection, and with it the session: there is no state in which half of an answer is
believed.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import deque
from typing import Any, NamedTuple

from interlock.adapters.toolhost.errors import tool_error
from interlock.errors import InvalidInputError, TooLargeError, UnavailableError
from interlock.supervisor.toolhost.wire import (
    MAX_ANSWER,
    MAX_PACKET,
    Assembler,
    Message,
    WireError,
    packets,
)

__all__ = ["Reply", "ToolhostClient", "argv", "socket_pair"]

SEND_BUFFER = 1 << 20
_PACKETS_PER_TURN = 64
_START = (
    "import sys; sys.path.insert(0, {lib!r}); "
    "from interlock.supervisor.toolhost.main import main; main()"
)


def argv(python: str, lib: str, fd: int, root: str, *, mode: str = "namespace") -> tuple[str, ...]:
    """The command line of a toolhost; all paths as they are where it runs.

    Args:
        python: the interpreter, 3.11 or later.
        lib: the directory that holds the package ``interlock``.
        fd: its end of the socket.
        root: the session's tree.
        mode: ``namespace`` when it has a pid namespace to itself (it refuses to start if not),
            ``tree`` at level ``none``.
    """
    return (python, "-I", "-S", "-c", _START.format(lib=lib), str(fd), root, mode)


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """The host's end and the toolhost's end, with room for whole packets."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return ours, theirs


class Reply(NamedTuple):
    """What an operation answered: its JSON object and the raw bytes after it."""

    ok: dict[str, Any]
    body: bytes


class _Call(NamedTuple):
    op: str
    call_id: str
    future: asyncio.Future[Reply]


class ToolhostClient:
    """One host process's view of one toolhost. All methods are called in the loop's thread.

    Args:
        sock: the host's end; the client owns it from here on (``dup`` it before to keep one).
        loop: the running loop.

    Attributes:
        closed: done as soon as the connection is over, with the reason as its result.
    """

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = sock
        self._loop = loop
        self._assembler = Assembler(limit=MAX_ANSWER)
        self._calls: dict[int, _Call] = {}
        self._outgoing: deque[bytes] = deque()
        # Upper half: this client among all that ever used the socket. Lower half: a counter.
        self._number = secrets.randbits(32) << 32
        self.closed: asyncio.Future[str] = loop.create_future()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        loop.add_reader(sock, self._readable)

    async def call(
        self,
        op: str,
        *,
        call_id: str | None = None,
        body: bytes = b"",
        timeout_s: float | None = 60.0,
        **args: Any,
    ) -> Reply:
        """Have one operation done.

        Args:
            op: its name.
            call_id: the same id again (also by the next server) gives the same outcome, done once;
                without it the call is a new one.
            body: raw bytes for operations that take some.
            timeout_s: seconds to wait for the answer, ``None`` for no limit; what was asked goes on
                in the toolhost all the same, and the same ``call_id`` asks for its outcome.
            args: the operation's own arguments.

        Raises:
            ToolError: the toolhost refused or failed.
            TooLargeError: the request is over the limit of a message.
            UnavailableError: the toolhost is gone or did not answer in time.
        """
        if self.closed.done():
            raise _gone(self.closed.result())
        self._number += 1
        number, name = self._number, call_id or f"c{self._number:016x}"
        try:
            request = list(packets(number, {"op": op, "call": name, "args": args}, body))
        except WireError as problem:
            raise TooLargeError(f"{op}: {problem}", code="IL-TOO-040") from None
        except (TypeError, ValueError) as problem:
            raise InvalidInputError(f"{op}: not JSON: {problem}", code="IL-TOO-041") from None
        call = _Call(op, name, self._loop.create_future())
        self._calls[number] = call
        self._send(request)
        try:
            async with asyncio.timeout(timeout_s):
                return await call.future
        except TimeoutError:
            raise UnavailableError(
                f"{op} did not answer within {timeout_s:g} s",
                code="IL-TOO-042",
                remedy="call again with the same id to get its outcome",
                context={"op": op, "call": name},
            ) from None
        finally:
            self._calls.pop(number, None)
            self._assembler.drop(number)

    def fileno(self) -> int:
        """The socket's descriptor, -1 once closed."""
        return self._socket.fileno()

    def dup(self) -> socket.socket:
        """A duplicate for another process; only one of them may read at a time."""
        return self._socket.dup()

    def close(self, reason: str = "closed by the host") -> None:
        """Give the connection up; calls under way end with ``UnavailableError``. Idempotent."""
        if self.closed.done():
            return
        self.closed.set_result(reason)
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._outgoing.clear()
        for call in self._calls.values():
            if not call.future.done():
                call.future.set_exception(_gone(reason))

    def _send(self, request: list[bytes]) -> None:
        waiting = bool(self._outgoing)
        self._outgoing.extend(request)
        if not waiting:
            self._writable()

    def _writable(self) -> None:
        try:
            while self._outgoing:
                self._socket.send(self._outgoing[0])
                self._outgoing.popleft()
        except BlockingIOError:
            self._loop.add_writer(self._socket, self._writable)
            return
        except OSError as problem:
            self.close(f"the toolhost is gone: {problem}")
            return
        self._loop.remove_writer(self._socket)

    def _readable(self) -> None:
        try:
            # Not until it is empty: other sockets of the loop have their turn, too.
            for _ in range(_PACKETS_PER_TURN):
                packet = self._socket.recv(MAX_PACKET + 1)
                if not packet:
                    self.close("the toolhost is gone")
                    return
                self._take(packet)
        except BlockingIOError:
            return
        except OSError as problem:
            self.close(f"the toolhost is gone: {problem}")
        except WireError as problem:
            self.close(f"the toolhost sent what is no answer: {problem}")

    def _take(self, packet: bytes) -> None:
        # Answers to another server's calls, and to calls given up, are not even put together.
        number = int.from_bytes(packet[:8], "big")
        if len(packet) >= 8 and number not in self._calls:
            return
        message = self._assembler.feed(packet)
        if message is None:
            return
        call = self._calls[message.number]
        if not call.future.done():
            _settle(call, message)


def _settle(call: _Call, message: Message) -> None:
    """Give a call its outcome.

    Raises:
        WireError: the answer is not of the form, or to another call.
    """
    match message.document:
        case {"call": call.call_id, "ok": dict(ok), **rest} if not rest:
            call.future.set_result(Reply(ok, message.body))
        case {"call": call.call_id, "error": str(kind), "message": str(reason), **rest} if not rest:
            call.future.set_exception(tool_error(kind, reason, op=call.op))
        case _:
            raise WireError("neither an outcome nor a refusal of this call")


def _gone(reason: str) -> UnavailableError:
    return UnavailableError(
        f"no toolhost: {reason}",
        code="IL-TOO-043",
        remedy="start the attempt again: its session has ended",
    )
