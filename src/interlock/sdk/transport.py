"""Sending calls over TCP or a Unix socket, with one connection kept open and bounded repetition.

A call is repeated, under the same idempotency key, when the connection broke or the server was
not ready: a server
that was restarted in between answers what it answered before, or does the work once.
"""

from __future__ import annotations

import http.client
import random
import socket
import time
from urllib.parse import urlsplit

from interlock.errors import UnavailableError, UsageError
from interlock.sdk.exchange import Call, Reply
from interlock.unixpath import within_limit

__all__ = ["Transport"]

_BROKEN = (OSError, http.client.HTTPException)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; the Host names us, not a machine."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("interlock", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        with within_limit(self._path) as name:
            self.sock.connect(name)


class Transport:
    """One connection to one server.

    Args:
        url: ``http://127.0.0.1:8000`` or ``unix:/path/to/socket``.
        patience_s: seconds over which a call is repeated while nobody answers.
        timeout_s: seconds that one answer may take.
    """

    def __init__(self, url: str, *, patience_s: float = 60.0, timeout_s: float = 660.0) -> None:
        self._url = url
        self._patience_s = patience_s
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._url.startswith("unix:"):
            path = self._url.removeprefix("unix:").removeprefix("//")
            return _UnixConnection(path, self._timeout_s)
        parts = urlsplit(self._url)
        if parts.scheme != "http" or not parts.hostname:
            raise UsageError(
                f"{self._url!r} is no address of a server",
                code="IL-SDK-003",
                remedy="Use http://127.0.0.1:PORT or unix:/path/to/socket.",
            )
        # Not "localhost": [::1] at the same port may be somebody else's.
        host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
        connection = http.client.HTTPConnection(host, parts.port or 80, timeout=self._timeout_s)
        return connection

    def send(self, call: Call) -> Reply:
        """Send a call and read its reply.

        Raises:
            UnavailableError: nobody answered within the patience.
        """
        deadline = time.monotonic() + self._patience_s
        pause = _FIRST_PAUSE_S
        while True:
            try:
                reply = self._once(call)
                if reply.status != 503:
                    return reply
                problem = "the server is not ready"
            except _BROKEN as error:
                self.close()
                reply, problem = None, f"{type(error).__name__}: {error}"
            if time.monotonic() + pause > deadline:
                if reply is not None:
                    return reply
                raise UnavailableError(
                    f"no answer from {self._url} ({problem})",
                    code="IL-SDK-001",
                    remedy="interlock up",
                )
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _once(self, call: Call) -> Reply:
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        connection.request(call.method, call.path, body=call.body, headers=dict(call.headers))
        if connection.sock is not None and connection.sock.family != socket.AF_UNIX:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        response = connection.getresponse()
        reply = Reply(status=response.status, body=response.read())
        if response.will_close:
            self.close()
        return reply

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
