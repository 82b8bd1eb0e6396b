"""The people's door: everything for people, nothing for agents.

Over the Unix socket its owner's uid will do (the kernel tells); over TCP it takes a login, got by
passphrase. Whatever lets something through, refuses or ends it, asks for the passphrase each time;
at full a gate may say that a login is enough for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from interlock.core.model import Strength
from interlock.engine.people import People
from interlock.errors import AuthError, UsageError
from interlock.server.doors.keys import Keys
from interlock.server.doors.logins import LIFETIME_S, Logins
from interlock.server.doors.requests import (
    ApprovalBody,
    BuildBody,
    DecisionBody,
    NoBody,
    ReasonBody,
    SessionBody,
    TaskBody,
    TrustBody,
    body_of,
    header_token,
)
from interlock.server.doors.responses import json_response, routes_of, routing
from interlock.server.guards import SMALL, USUAL, Admission, Guard, Scope
from interlock.server.passphrase import OWNER, Passphrase

__all__ = ["AT_SOCKET", "PEOPLE_ROUTES", "PeopleDoor", "people_door"]

AT_SOCKET = "interlock.owner"
"""Key of the scope: the request came over the Unix socket from the server's own uid."""

COOKIE = "interlock_session"
MAX_WAIT_S = 25.0

PEOPLE_ROUTES = (
    ("POST", "/api/v1/session", "login"),
    ("DELETE", "/api/v1/session", "logout"),
    ("GET", "/api/v1/tasks", "tasks"),
    ("POST", "/api/v1/tasks", "create"),
    ("GET", "/api/v1/tasks/{task_id}", "task"),
    ("GET", "/api/v1/tasks/{task_id}/why", "why"),
    ("GET", "/api/v1/tasks/{task_id}/evidence", "evidence"),
    ("POST", "/api/v1/tasks/{task_id}/abort", "abort"),
    ("POST", "/api/v1/tasks/{task_id}/resume", "resume"),
    ("POST", "/api/v1/tasks/{task_id}/gates/{gate}/approve", "approve"),
    ("POST", "/api/v1/tasks/{task_id}/gates/{gate}/reject", "reject"),
    ("GET", "/api/v1/inbox", "inbox"),
    ("GET", "/api/v1/events", "events"),
    ("GET", "/api/v1/trust", "trusted"),
    ("POST", "/api/v1/trust", "trust"),
    ("GET", "/api/v1/environments", "environments"),
    ("POST", "/api/v1/environments/build", "build"),
    ("POST", "/api/v1/environments/prune", "prune"),
    ("GET", "/api/v1/about", "about"),
    ("GET", "/healthz", "health"),
)
"""Method, path and handler of everything that is here."""

_OPEN = frozenset({("/api/v1/session", "POST"), ("/api/v1/session", "DELETE")})
"""What is answered to everybody and may change something."""

PEOPLE = "people"
"""Whose idempotency keys these are: a person may repeat at the port what they asked at the
socket."""


class RecipeDesk(Protocol):
    """What people ask of recipes and environments."""

    async def shown(self) -> dict[str, Any]:
        """The recipe at HEAD, and whether somebody trusts it."""

    async def trust(self, by: str, seen: str) -> dict[str, Any]:
        """Trust it, if it is the one whose digest was seen."""

    async def environments(self) -> dict[str, Any]:
        """What was built."""

    async def build(self, newer_than: float, wait_s: float) -> dict[str, Any]:
        """Build what the recipe at HEAD says."""

    async def prune(self) -> dict[str, Any]:
        """Remove what nobody needs."""


class PeopleDoor:
    """Routes of people over one ``People``."""

    def __init__(
        self,
        people: People,
        passphrase: Passphrase,
        logins: Logins,
        new_id: Callable[[str], str],
        keys: Keys,
        *,
        recipes: RecipeDesk,
        about: Callable[[], dict[str, Any]],
    ) -> None:
        self._people = people
        self._passphrase = passphrase
        self._new_id = new_id
        self._keys = keys
        self._recipes = recipes
        self._about = about
        self._logins = logins

    def _person(self, request: Request) -> str:
        """Who calls: the owner by the Unix socket, or somebody with a login."""
        if request.scope.get(AT_SOCKET):
            return OWNER
        if name := self._logins.whose(_token(request)):
            return name
        raise AuthError(
            "this door is for people: log in with the passphrase",
            code="IL-DOR-020",
            remedy="interlock inbox (over the Unix socket), or POST /api/v1/session",
        )

    def admit(self, scope: Scope) -> Admission:
        """Who is no person here sends nothing but a login."""
        request = Request(scope)
        if (scope["path"], scope["method"]) in _OPEN:
            return Admission(_source(request), SMALL)
        return Admission(self._person(request), USUAL)

    async def _command(self, request: Request, body: msgspec.Struct) -> str:
        """The id of the command that the request is."""
        return await self._keys.of_command(request, PEOPLE, body) or self._new_id("cmd")

    async def _confirmed(self, request: Request, passphrase: str, name: str) -> str:
        """Who calls, or whom they name, after asking for that person's passphrase once more."""
        by = name or self._person(request)
        await self._passphrase.check(passphrase, _source(request), by)
        return by

    async def login(self, request: Request) -> Response:
        """A login for a browser or a program, by passphrase."""
        body = await body_of(request, SessionBody)
        await self._passphrase.check(body.passphrase, _source(request), body.name)
        token = self._logins.add(body.name)
        response = json_response({"session": token}, 201)
        response.set_cookie(
            COOKIE, token, max_age=LIFETIME_S, httponly=True, samesite="strict", path="/"
        )
        return response

    async def logout(self, request: Request) -> Response:
        """End the login that the request carries."""
        self._logins.drop(_token(request))
        response = json_response({"session": None})
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    async def tasks(self, request: Request) -> Response:
        """Every task."""
        self._person(request)
        return json_response({"tasks": await self._people.tasks()})

    async def create(self, request: Request) -> Response:
        """A new task on the repository's present HEAD."""
        by = self._person(request)
        body = await body_of(request, TaskBody)
        task = await self._people.create_task(
            title=body.title,
            description=body.description,
            depends_on=body.depends_on,
            capabilities=body.capabilities,
            priority=body.priority,
            agent=body.agent,
            actor=f"person:{by}",
            command_id=await self._command(request, body),
        )
        return json_response(task, 201, {"location": f"/api/v1/tasks/{task['task_id']}"})

    async def task(self, request: Request) -> Response:
        """One task."""
        self._person(request)
        return json_response(await self._people.task(request.path_params["task_id"]))

    async def why(self, request: Request) -> Response:
        """Why the task is where it is."""
        self._person(request)
        return json_response(await self._people.why(request.path_params["task_id"]))

    async def evidence(self, request: Request) -> Response:
        """Everything that is known about a task."""
        self._person(request)
        return json_response(await self._people.evidence(request.path_params["task_id"]))

    async def inbox(self, request: Request) -> Response:
        """What waits for a person."""
        self._person(request)
        return json_response({"waiting": await self._people.inbox()})

    async def events(self, request: Request) -> Response:
        """Events after a cursor, oldest first: those that the workflow of each one's task delivers;
        with ``stored=true`` all of them.
        """
        self._person(request)
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
        events, cursor = await self._people.events(
            after,
            types=query.getlist("type"),
            task_id=query.get("task"),
            limit=limit,
            wait_s=wait,
            is_stored=query.get("stored") == "true",
        )
        return json_response({"events": events, "cursor": cursor})

    async def approve(self, request: Request) -> Response:
        """Let a waiting gate through; asks for the passphrase unless the gate does without."""
        body = await body_of(request, ApprovalBody)
        by, strength = self._person(request), Strength.SESSION
        if body.passphrase or body.name:
            by = await self._confirmed(request, body.passphrase, body.name)
            strength = Strength.PASSPHRASE
        task = await self._people.approve(
            request.path_params["task_id"],
            request.path_params["gate"],
            by=by,
            strength=strength.value,
            reason=body.reason,
            binding=body.binding,
            command_id=await self._command(request, body),
        )
        return json_response(task)

    async def reject(self, request: Request) -> Response:
        """Refuse a waiting gate; asks for the passphrase."""
        body = await body_of(request, DecisionBody)
        by = await self._confirmed(request, body.passphrase, body.name)
        task = await self._people.reject(
            request.path_params["task_id"],
            request.path_params["gate"],
            by=by,
            strength=Strength.PASSPHRASE.value,
            reason=body.reason,
            binding=body.binding,
            command_id=await self._command(request, body),
        )
        return json_response(task)

    async def abort(self, request: Request) -> Response:
        """End a task; asks for the passphrase."""
        body = await body_of(request, ReasonBody)
        by = await self._confirmed(request, body.passphrase, body.name)
        task = await self._people.abort(
            request.path_params["task_id"],
            by=by,
            reason=body.reason,
            command_id=await self._command(request, body),
        )
        return json_response(task)

    async def resume(self, request: Request) -> Response:
        """Try a phase again whose session ended by itself; lets nothing through."""
        by = self._person(request)
        body = await body_of(request, NoBody)
        task = await self._people.resume(
            request.path_params["task_id"],
            by=by,
            command_id=await self._command(request, body),
        )
        return json_response(task)

    async def trust(self, request: Request) -> Response:
        """Trust the environment recipe of the present workflow; asks for the passphrase."""
        body = await body_of(request, TrustBody)
        by = await self._confirmed(request, body.passphrase, body.name)
        return json_response(await self._recipes.trust(by, body.digest))

    async def trusted(self, request: Request) -> Response:
        """The environment recipe of the present workflow, and whether somebody trusts it."""
        self._person(request)
        return json_response(await self._recipes.shown())

    async def environments(self, request: Request) -> Response:
        """Test environments that were built here."""
        self._person(request)
        return json_response(await self._recipes.environments())

    async def build(self, request: Request) -> Response:
        """Build the environment of the present recipe if it is trusted; ask again meanwhile."""
        self._person(request)
        body = await body_of(request, BuildBody)
        wait = min(max(body.wait, 0.0), MAX_WAIT_S)
        return json_response(await self._recipes.build(body.newer_than, wait))

    async def prune(self, request: Request) -> Response:
        """Remove environments that nobody uses and no open task has."""
        self._person(request)
        await body_of(request, NoBody)
        return json_response(await self._recipes.prune())

    async def about(self, request: Request) -> Response:
        """What this server is and what this machine can prevent."""
        self._person(request)
        return json_response(self._about())

    async def health(self, _request: Request) -> Response:
        """The door is served."""
        return json_response({"status": "ok"})


def _token(request: Request) -> str:
    """The login's token: a program's header, or a browser's cookie."""
    return header_token(request.scope["headers"]) or request.cookies.get(COOKIE, "")


def _source(request: Request) -> str:
    return "owner" if request.scope.get(AT_SOCKET) else "network"


def people_door(door: PeopleDoor) -> Guard:
    """The application behind the people's socket and port."""
    return Guard(routing(routes_of(PEOPLE_ROUTES, door)), door.admit)
