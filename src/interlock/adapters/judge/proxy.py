"""A proxy that lets a sandbox without network reach a few hosts, and no other."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

__all__ = ["ConnectProxy"]

_HEAD_LIMIT = 16 << 10
_CONNECT_S = 20.0
_IDLE_S = 120.0


class ConnectProxy:
    """Serves ``CONNECT host:port`` on a listener until it is left.

    Args:
        listener: listening socket; closing it stays with the caller.
        allowed: pairs of host (lower case) and port.
    """

    def __init__(self, listener: socket.socket, allowed: Collection[tuple[str, int]]) -> None:
        self._listener = listener
        self._allowed = frozenset(allowed)
        self._stop, self._stopped = socket.socketpair()
        self._refused: dict[str, None] = {}

    @property
    def refused(self) -> tuple[str, ...]:
        """Hosts that were asked for and are not on the list."""
        return tuple(self._refused)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True, name="judge-proxy").start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.close()

    def _accept(self) -> None:
        with self._stopped:
            while self._stopped not in select.select([self._listener, self._stopped], [], [])[0]:
                with suppress(OSError):
                    client, _ = self._listener.accept()
                    threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, ValueError):
            client.settimeout(_CONNECT_S)
            head = _head(client)
            verb, target, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
            host, _, port = target.rpartition(":")
            if verb != "CONNECT" or (host.lower(), int(port)) not in self._allowed:
                self._refused[host.lower() or target] = None
                client.sendall(
                    b"HTTP/1.1 403 not an index of packages\r\nContent-Length: 0\r\n\r\n"
                )
                return
            try:
                server = _connect(host, int(port))
            except OSError:
                client.sendall(b"HTTP/1.1 502 cannot be reached\r\nContent-Length: 0\r\n\r\n")
                return
            with server:
                client.sendall(b"HTTP/1.1 200 connected\r\n\r\n")
                _join(client, server)


def _head(sock: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _HEAD_LIMIT:
        # One byte at a time past the head would be the tunnel's.
        if not (data := sock.recv(1)):
            raise ValueError("closed in the middle of the request")
        head += data
    return head


def _connect(host: str, port: int) -> socket.socket:
    """Directly, or through the proxy that the server itself has to use."""
    upstream = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    if not upstream:
        return socket.create_connection((host, port), _CONNECT_S)
    address = urlsplit(upstream if "//" in upstream else f"//{upstream}")
    server = socket.create_connection((address.hostname or "", address.port or 3128), _CONNECT_S)
    server.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    if b" 200 " not in _head(server).split(b"\r\n", 1)[0] + b" ":
        server.close()
        raise OSError("the upstream proxy refused")
    return server


def _join(one: socket.socket, other: socket.socket) -> None:
    to = {one: other, other: one}
    while ready := select.select([one, other], [], [], _IDLE_S)[0]:
        for sock in ready:
            if not (data := sock.recv(1 << 16)):
                return
            to[sock].sendall(data)
