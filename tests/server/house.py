"""Both doors over the engine in memory, asked without a socket: what a client would see of them."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.engine.bench import OPEN_PLAN, SCOPE, Bench

from interlock.server.doors.agent import agent_door
from interlock.server.doors.keys import Keys
from interlock.server.doors.logins import Logins
from interlock.server.doors.people import AT_SOCKET, PeopleDoor, people_door
from interlock.server.doors.requests import SESSION
from interlock.server.guards import ASGIApp, Guard
from interlock.server.passphrase import Passphrase, set_passphrase

PASSPHRASE = "correct horse"
OPEN = {"plan_document": OPEN_PLAN, "scope_definition": SCOPE}
"""Artifacts of a plan that a person has to look at."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    reads: int = 0
    """How often the application asked for a part of the request's body."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_problem(self) -> bool:
        """The one shape of errors, whole and consistent."""
        keys = {"type", "title", "status", "detail", "code", "remedy", "retryable", "context"}
        return (
            self.headers["content-type"] == "application/problem+json"
            and set(self.json) == keys
            and self.json["status"] == self.status
            and self.json["type"] == f"urn:interlock:error:{self.json['code']}"
            and bool(self.json["detail"])
        )


@dataclass
class Client:
    """Calls of one application."""

    app: ASGIApp
    extra: dict[str, Any] = field(default_factory=dict)
    """Put into every scope, as a listener does."""

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        host: str | None = "127.0.0.1:8000",
        query: str = "",
        chunks: Iterable[bytes] | None = None,
    ) -> Answer:
        data = body if isinstance(body, bytes) else b"" if body is None else _encoded(body)
        sending = [data] if chunks is None else list(chunks)
        given = [*headers]
        if host is not None:
            given.insert(0, ("host", host))
        if token is not None:
            given.append(("authorization", f"Bearer {token}"))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 40000),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given],
            **self.extra,
        }
        sent: list[Any] = []
        reads = 0

        async def receive() -> dict[str, Any]:
            nonlocal reads
            reads += 1
            if not sending:
                return {"type": "http.disconnect"}
            chunk = sending.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(sending)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        got = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        parts = b"".join(m.get("body", b"") for m in sent[1:])
        return Answer(sent[0]["status"], got, parts, reads)


def _encoded(body: object) -> bytes:
    return json.dumps(body).encode()


@cache
def _record() -> bytes:
    """The passphrase's file, made once: making it takes a tenth of a second on purpose."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "passphrase.json"
        set_passphrase(file, PASSPHRASE)
        return file.read_bytes()


class Desk:
    """A desk of recipes at which nothing is built."""

    def __init__(self) -> None:
        self.trusted_by: list[str] = []

    async def shown(self) -> dict[str, Any]:
        """A recipe of nothing."""
        known = bool(self.trusted_by)
        more = {"proposed": False, "why": {}, "notes": [], "commands": [], "secrets": {}}
        return {"digest": "d", "environment": {"setup": []}, "trusted": known, **more}

    async def trust(self, by: str, _seen: str) -> dict[str, Any]:
        """Remember who asked."""
        self.trusted_by.append(by)
        return {"digest": "d", "environment": {"setup": []}}

    async def environments(self) -> dict[str, Any]:
        """None."""
        return {"environments": [], "present": ""}

    async def build(self, _newer_than: float, _wait_s: float) -> dict[str, Any]:
        """At once."""
        return {"building": False, "digest": "d"}

    async def prune(self) -> dict[str, Any]:
        """Nothing."""
        return {"removed": []}


class House(Bench):
    """The engine in memory with both doors in front of it."""

    def __init__(self, place: Path) -> None:
        super().__init__()
        file = place / "passphrase.json"
        file.write_bytes(_record())
        self.passphrase = Passphrase(file, self.clock)
        self.desk = Desk()
        self._guards: dict[str, Guard] = {}

    async def open(self) -> None:
        """Start the engine and put the doors in front of it."""
        await self.start()

        keys = Keys(self.now.ledger)
        door = PeopleDoor(
            self.now.people,
            self.passphrase,
            Logins(self.clock),
            self.new_id,
            keys,
            recipes=self.desk,
            about=lambda: {"level": "none"},
        )
        self._guards = {
            "agent": agent_door(self.now.service, self.new_id, keys),
            "people": people_door(door),
        }

    def guard(self, door: str) -> Guard:
        return self._guards[door]

    def agent(self, session_id: str) -> Client:
        """A client inside a session."""
        return Client(self._guards["agent"], {SESSION: session_id})

    @property
    def trusted_by(self) -> list[str]:
        """Who trusted the recipe."""
        return self.desk.trusted_by

    @property
    def owner(self) -> Client:
        """A client at the Unix socket."""
        return Client(self._guards["people"], {AT_SOCKET: True})

    @property
    def network(self) -> Client:
        """A client at the loopback port: a browser, a program, or an agent without a sandbox."""
        return Client(self._guards["people"])

    async def login(self) -> str:
        """A login's token."""
        made = await self.network.ask("POST", "/api/v1/session", {"passphrase": PASSPHRASE})
        return str(made.json["session"])

    async def working(self) -> tuple[str, Client, str]:
        """A task in PLAN with its session: task id, client inside, token."""
        task_id = await self.create()
        session = await self.session(task_id)
        client = self.agent(session.session_id)
        claimed = await client.ask("POST", "/api/v1/tasks/claim", {"agent_id": "a"})
        return task_id, client, str(claimed.json["phase_token"])

    async def waiting(self) -> str:
        """A task whose plan waits for a person."""
        task_id = await self.create()
        await self.ask(task_id, documents=OPEN)
        await self.reaches(task_id, status="awaiting_approval")
        return task_id


def at_house(place: Path, story: Callable[[House], Awaitable[None]]) -> None:
    """Tell a story at a house that is open."""

    async def tell() -> None:
        house = House(place)
        await house.open()
        try:
            await story(house)
        finally:
            await house.close()

    asyncio.run(tell())
