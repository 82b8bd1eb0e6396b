"""The people's door: everything for people, nothing for agents.

Reading over the Unix socket needs its owner's uid (the kernel tells); over TCP a session token
got by passphrase.
Whatever lets something through, refuses or ends it, asks for the passphrase each time.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from interlock.engine.people import People
from interlock.errors import AuthError, InterlockError, UsageError
from interlock.server.doors.requests import (
    DecisionBody,
    ReasonBody,
    SessionBody,
    TaskBody,
    body_of,
    command_id,
)
from interlock.server.doors.responses import json_response, no_such_route, problem
from interlock.server.passphrase import Passphrase

__all__ = ["OWNER", "people_door"]

OWNER = "interlock.owner"
"""Key of the scope: the request came over the Unix socket from the server's own uid."""

COOKIE = "interlock_session"
MAX_WAIT_S = 25.0
STRENGTH = "passphrase"


class PeopleDoor:
    """Routes of people over one ``People``."""

    def __init__(
        self,
        people: People,
        passphrase: Passphrase,
        new_id: Callable[[str], str],
        *,
        trust: Callable[[str], Awaitable[Any]],
        about: Callable[[], dict[str, Any]],
    ) -> None:
        self._people = people
        self._passphrase = passphrase
        self._new_id = new_id
        self._trust = trust
        self._about = about
        self._sessions: set[str] = set()

    def _require_person(self, request: Request) -> str:
        if request.scope.get(OWNER):
            return "owner"
        token = request.cookies.get(COOKIE) or request.headers.get("authorization", "")[7:]
        if any(secrets.compare_digest(token.encode(), known.encode()) for known in self._sessions):
            return "person"
        raise AuthError(
            "this door is for people: log in with the passphrase",
            code="IL-DOR-020",
            remedy="interlock inbox (over the Unix socket), or POST /api/v1/session",
        )

    async def _ask(self, passphrase: str) -> None:
        """Check the passphrase off the loop: scrypt takes a tenth of a second on purpose."""
        await asyncio.to_thread(self._passphrase.check, passphrase)

    async def login(self, request: Request) -> Response:
        """A session for a browser or a program, by passphrase."""
        body = await body_of(request, SessionBody)
        await self._ask(body.passphrase)
        token = secrets.token_urlsafe(32)
        self._sessions.add(token)
        response = json_response({"session": token}, 201)
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", path="/")
        return response

    async def tasks(self, request: Request) -> Response:
        """Every task."""
        self._require_person(request)
        return json_response({"tasks": await self._people.tasks()})

    async def create(self, request: Request) -> Response:
        """A new task on the repository's present HEAD."""
        by = self._require_person(request)
        body = await body_of(request, TaskBody)
        task = await self._people.create_task(
            title=body.title,
            description=body.description,
            depends_on=body.depends_on,
            capabilities=body.capabilities,
            priority=body.priority,
            agent=body.agent,
            actor=f"person:{by}",
            command_id=command_id(request, self._new_id("cmd")),
        )
        return json_response(task, 201, {"location": f"/api/v1/tasks/{task['task_id']}"})

    async def task(self, request: Request) -> Response:
        """One task."""
        self._require_person(request)
        return json_response(await self._people.task(request.path_params["task_id"]))

    async def why(self, request: Request) -> Response:
        """Why the task is where it is."""
        self._require_person(request)
        return json_response(await self._people.why(request.path_params["task_id"]))

    async def evidence(self, request: Request) -> Response:
        """Everything that is known about a task."""
        self._require_person(request)
        return json_response(await self._people.evidence(request.path_params["task_id"]))

    async def inbox(self, request: Request) -> Response:
        """What waits for a person."""
        self._require_person(request)
        return json_response({"waiting": await self._people.inbox()})

    async def events(self, request: Request) -> Response:
        """Events after a cursor, oldest first."""
        self._require_person(request)
        query = request.query_params
        try:
            after, limit = int(query.get("after", "0")), int(query.get("limit", "500"))
            wait = float(query.get("wait", "0"))
        except ValueError as error:
            raise UsageError(
                "after and limit are whole numbers, wait is in seconds",
                code="IL-DOR-021",
                remedy="GET /api/v1/events?after=0&limit=100&wait=20",
            ) from error
        if after < 0 or not 1 <= limit <= 1000 or not 0 <= wait <= MAX_WAIT_S:
            raise UsageError(
                "after ≥ 0, limit from 1 to 1000, wait from 0 to 25",
                code="IL-DOR-021",
                remedy="GET /api/v1/events?after=0&limit=100&wait=20",
            )
        events = await self._people.events(
            after,
            types=query.getlist("type"),
            task_id=query.get("task"),
            limit=limit,
            wait_s=wait,
        )
        cursor = events[-1]["id"] if events else after
        return json_response({"events": events, "cursor": cursor})

    async def approve(self, request: Request) -> Response:
        """Let a waiting gate through; asks for the passphrase."""
        body = await body_of(request, DecisionBody)
        await self._ask(body.passphrase)
        task = await self._people.approve(
            request.path_params["task_id"],
            request.path_params["gate"],
            by="owner",
            strength=STRENGTH,
            reason=body.reason,
            binding=body.binding,
            command_id=command_id(request, self._new_id("cmd")),
        )
        return json_response(task)

    async def reject(self, request: Request) -> Response:
        """Refuse a waiting gate; asks for the passphrase."""
        body = await body_of(request, DecisionBody)
        await self._ask(body.passphrase)
        task = await self._people.reject(
            request.path_params["task_id"],
            request.path_params["gate"],
            by="owner",
            strength=STRENGTH,
            reason=body.reason,
            binding=body.binding,
            command_id=command_id(request, self._new_id("cmd")),
        )
        return json_response(task)

    async def abort(self, request: Request) -> Response:
        """End a task; asks for the passphrase."""
        body = await body_of(request, ReasonBody)
        await self._ask(body.passphrase)
        task = await self._people.abort(
            request.path_params["task_id"],
            by="owner",
            reason=body.reason,
            command_id=command_id(request, self._new_id("cmd")),
        )
        return json_response(task)

    async def resume(self, request: Request) -> Response:
        """Try a phase again whose session ended by itself; lets nothing through."""
        by = self._require_person(request)
        task = await self._people.resume(
            request.path_params["task_id"],
            by=by,
            command_id=command_id(request, self._new_id("cmd")),
        )
        return json_response(task)

    async def trust(self, request: Request) -> Response:
        """Trust the environment recipe of the present workflow; asks for the passphrase."""
        body = await body_of(request, ReasonBody)
        await self._ask(body.passphrase)
        return json_response(await self._trust(body.reason))

    async def about(self, request: Request) -> Response:
        """What this server is and what this machine can prevent."""
        self._require_person(request)
        return json_response(self._about())

    async def health(self, _request: Request) -> Response:
        """The door is served."""
        return json_response({"status": "ok"})


def people_door(door: PeopleDoor) -> Starlette:
    """The application behind the people's socket and port."""
    v1 = "/api/v1"
    gate = f"{v1}/tasks/{{task_id}}/gates/{{gate}}"
    routes = [
        Route(f"{v1}/session", door.login, methods=["POST"]),
        Route(f"{v1}/tasks", door.tasks, methods=["GET"]),
        Route(f"{v1}/tasks", door.create, methods=["POST"]),
        Route(f"{v1}/tasks/{{task_id}}", door.task, methods=["GET"]),
        Route(f"{v1}/tasks/{{task_id}}/why", door.why, methods=["GET"]),
        Route(f"{v1}/tasks/{{task_id}}/evidence", door.evidence, methods=["GET"]),
        Route(f"{v1}/tasks/{{task_id}}/abort", door.abort, methods=["POST"]),
        Route(f"{v1}/tasks/{{task_id}}/resume", door.resume, methods=["POST"]),
        Route(f"{gate}/approve", door.approve, methods=["POST"]),
        Route(f"{gate}/reject", door.reject, methods=["POST"]),
        Route(f"{v1}/inbox", door.inbox, methods=["GET"]),
        Route(f"{v1}/events", door.events, methods=["GET"]),
        Route(f"{v1}/trust", door.trust, methods=["POST"]),
        Route(f"{v1}/about", door.about, methods=["GET"]),
        Route("/healthz", door.health, methods=["GET"]),
    ]
    handlers: dict[Any, Any] = {InterlockError: problem, 404: no_such_route, 405: no_such_route}
    return Starlette(routes=routes, exception_handlers=handlers)
