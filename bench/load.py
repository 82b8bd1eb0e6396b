"""A load generator in a process of its own: raw sockets, one thread, nothing that allocates much.

Not wrk, so that pip is enough; it has to be several times as fast as the server it loads, and
`requests` per second of the empty route show that it is. Jobs come as JSON lines on stdin, answers
go as JSON lines to stdout.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

__all__ = ["Generator", "Job", "Load"]

_OK = b"HTTP/1.1 200 "
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One burst.

    Args:
        port: on 127.0.0.1.
        request: the bytes of a whole HTTP request.
        connections: kept alive.
        seconds: how long.
        rate: requests per second at fixed times; 0 means the next as soon as the last is answered.
    """

    port: int
    request: str
    connections: int
    seconds: float
    rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a burst saw; times in milliseconds.

    With a rate they count from when a request was due, so that a stalled server does not hide the
    requests that it kept from being sent.
    """

    per_second: float
    p50: float
    p99: float


class Generator:
    """The process, as a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, job: Job) -> Load:
        """Have one burst done."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the load generator ended; what it said is above")
        return Load(**json.loads(answer))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._process:
            self._process.kill()


def _burst(job: Job) -> Load:
    request = job.request.encode()
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_connection(("127.0.0.1", job.port), _PATIENCE_S))
            for _ in range(job.connections)
        ]
        for sock in sockets:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Every answer to one request is as long as the first: after it nothing is parsed.
        length = max(_first(sock, request) for sock in sockets)
        if job.rate:
            times, took = _paced(job, sockets, request, length)
        else:
            times, took = _flat_out(job, sockets, request, length)
    times.sort()
    return Load(
        per_second=len(times) / took,
        p50=1000 * times[len(times) // 2],
        p99=1000 * times[int(len(times) * 0.99)],
    )


def _first(sock: socket.socket, request: bytes) -> int:
    """Length of the answer to a request, headers included."""
    sock.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _received(sock)
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(_OK):
        raise RuntimeError(answer.decode(errors="replace"))
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    wanted = int(lines[b"content-length"])
    while len(body) < wanted:
        body += _received(sock)
    return len(head) + 4 + wanted


def _received(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise RuntimeError("the server closed a connection")
    return data


class _Client:
    """One connection: what it waits for, and since when."""

    __slots__ = ("left", "since", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.left, self.since = sock, 0, 0.0

    def send(self, request: bytes, length: int, since: float) -> None:
        self.left, self.since = length, since
        self.sock.send(request)

    def receive(self, length: int) -> bool:
        """Take what came; whether the answer is whole."""
        data = _received(self.sock)
        if self.left == length and not data.startswith(_OK):
            raise RuntimeError(data.decode(errors="replace"))
        self.left -= len(data)
        if self.left < 0:
            raise RuntimeError("an answer is longer than the first one")
        return self.left == 0


def _flat_out(
    job: Job, sockets: list[socket.socket], request: bytes, length: int
) -> tuple[list[float], float]:
    clients = {sock.fileno(): _Client(sock) for sock in sockets}
    clock = time.perf_counter
    times: list[float] = []
    with select.epoll() as poll:
        for number in clients:
            poll.register(number, select.EPOLLIN)
        began = now = clock()
        for client in clients.values():
            client.send(request, length, began)
        while (now := clock()) - began < job.seconds:
            for number, _ in poll.poll(_PATIENCE_S):
                client = clients[number]
                if client.receive(length):
                    now = clock()
                    times.append(now - client.since)
                    client.send(request, length, now)
    return times, now - began


def _paced(
    job: Job, sockets: list[socket.socket], request: bytes, length: int
) -> tuple[list[float], float]:
    idle = [_Client(sock) for sock in sockets]
    busy: dict[socket.socket, _Client] = {}
    total, sent = int(job.rate * job.seconds), 0
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < total:
        due = began + sent / job.rate
        while sent < total and idle and time.perf_counter() >= due:
            client = idle.pop()
            client.send(request, length, due)
            busy[client.sock] = client
            sent += 1
            due = began + sent / job.rate
        waits = max(due - time.perf_counter(), 0) if sent < total and idle else _PATIENCE_S
        # select, because the timeout of epoll is in whole milliseconds.
        for sock in select.select(list(busy), (), (), waits)[0]:
            client = busy[sock]
            if client.receive(length):
                times.append(time.perf_counter() - client.since)
                idle.append(busy.pop(sock))
    return times, time.perf_counter() - began


def main() -> None:
    """Do the jobs on stdin until it ends."""
    for line in sys.stdin:
        fields: dict[str, Any] = json.loads(line)
        print(json.dumps(asdict(_burst(Job(**fields)))), flush=True)


if __name__ == "__main__":
    main()
