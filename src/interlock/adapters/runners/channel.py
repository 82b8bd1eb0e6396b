"""One connection of the worker door on a running loop: messages and descriptors, in order."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from interlock.adapters.runners import wire

__all__ = ["Channel"]

# The kernel's own limit of descriptors in one message.
_MAX_FDS = 253


class Channel:
    """A connected SOCK_SEQPACKET socket.

    Args:
        sock: non-blocking, becomes the channel's own.
        on_message: called with each message and the descriptors beside it, now the callee's.
        on_closed: called once when the other side is gone or says something that is no message.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        *,
        on_message: Callable[[wire.Message, list[int]], None],
        on_closed: Callable[[str], None],
    ) -> None:
        self._sock = sock
        self._loop = loop
        self._on_message = on_message
        self._on_closed = on_closed
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._closed = False
        loop.add_reader(sock, self._readable)

    def send(self, message: wire.Message, fds: Sequence[int] = ()) -> None:
        """Send, now or when there is room; ``fds`` stay the caller's. Quiet once closed."""
        if self._closed:
            return
        packet, body = wire.pack(message)
        own = [os.dup(fd) for fd in fds]
        self._waiting.append((packet, own if body is None else [body, *own]))
        if len(self._waiting) == 1:
            self._writable()

    def close(self) -> None:
        """Drop the connection; ``on_closed`` is not called."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        for _, fds in self._waiting:
            wire.close_all(fds)
        self._waiting.clear()

    def _writable(self) -> None:
        while self._waiting:
            packet, fds = self._waiting[0]
            try:
                socket.send_fds(self._sock, [packet], fds)
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self._sock, self._writable)
                return
            except OSError as error:
                self._fail(f"cannot send: {error.strerror}")
                return
            self._waiting.popleft()
            wire.close_all(fds)
        self._loop.remove_writer(self._sock)

    def _readable(self) -> None:
        try:
            packet, fds, flags, _ = socket.recv_fds(
                self._sock, wire.PACKET_BYTES, _MAX_FDS, socket.MSG_CMSG_CLOEXEC
            )
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(f"cannot receive: {error.strerror}")
            return
        if not packet:
            wire.close_all(fds)
            self._fail("the other side closed the connection")
            return
        try:
            if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise ValueError("a packet came incomplete")
            message = wire.unpack(packet, fds)
        except ValueError as error:
            wire.close_all(fds)
            self._fail(str(error))
            return
        self._on_message(message, fds)

    def _fail(self, reason: str) -> None:
        if not self._closed:
            self.close()
            self._on_closed(reason)
