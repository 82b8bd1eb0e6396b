"""A server of the wire's shape: real HTTP over a real socket, answers as a test gives them."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from interlock.errors import InterlockError

CLAIM = "/api/v1/tasks/claim"
TRANSITION = "/api/v1/tasks/transition"
EXECUTE = "/api/v1/tools/execute"

TASK = {
    "task_id": "task_1",
    "role": "author",
    "tree": "1" * 40,
    "base_commit": "2" * 40,
    "title": "Add slugify",
}


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.headers.get("idempotency-key", "")

    @property
    def token(self) -> str:
        """Its bearer token."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


Answer = tuple[int, Any] | InterlockError | str
"""Status and document; an error, sent as problem; ``reset``: the connection breaks off."""


@dataclass
class Double:
    """Answers in order per route, the last one again and again; remembers what it was asked."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    connections: list[socket.socket] = field(default_factory=list)
    answers: dict[str, deque[Answer | Callable[[Seen], Answer]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.on(CLAIM, claimed())

    def on(self, path: str, *answers: Answer | Callable[[Seen], Answer]) -> None:
        """What the route answers from now on."""
        self.answers[path] = deque(answers)

    def of(self, path: str) -> list[Seen]:
        """Requests of a route, without their query."""
        return [seen for seen in self.seen if seen.path.partition("?")[0] == path]

    def answer(self, seen: Seen) -> Answer:
        """The next answer to a request."""
        self.seen.append(seen)
        queue = self.answers.get(seen.path.partition("?")[0])
        if not queue:
            return 404, {"title": "NotFoundError", "code": "IL-DOR-404", "detail": "not here"}
        given = queue.popleft() if len(queue) > 1 else queue[0]
        return given(seen) if callable(given) else given


def claimed(phase: str = "PLAN", token: str = "token-1", **task: Any) -> tuple[int, Any]:
    """The answer to a claim."""
    return 200, {"task": {**TASK, **task}, "phase": {"id": phase}, "phase_token": token}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        text = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = text
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.double.answer(Seen(self.command, self.path, headers, body))
        if isinstance(answer, str):
            # With data unread on our side the kernel sends a reset, not an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.close_connection = True
            return
        if isinstance(answer, InterlockError):
            answer = answer.http_status, answer.problem()
        status, document = answer
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def address_string(self) -> str:
        return "client"


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    double: Double

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection: a server that dies takes its connections along."""
        self.double.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about."""


class _UnixServer(_Server):
    address_family = socket.AF_UNIX
    allow_reuse_address = False


@contextmanager
def serving(double: Double, *, port: int = 0, path: Path | None = None) -> Iterator[Double]:
    """Serve the double at a loopback port or a Unix socket until the block is left."""
    server: _Server
    if path is not None:
        server = _UnixServer(str(path), _Handler)  # type: ignore[arg-type]  # a path, for AF_UNIX
        double.url = f"unix:{path}"
    else:
        server = _Server(("127.0.0.1", port), _Handler)
        double.url = f"http://127.0.0.1:{server.server_address[1]}"
    server.double = double
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        for connection in double.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join()


def free_port() -> int:
    """A port that nobody listens at just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
