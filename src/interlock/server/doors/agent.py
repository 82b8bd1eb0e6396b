"""The agent door: claim, transition, tools, snapshot, refresh. It has no route that approves or
administers.

One application serves every session; the listener that a request came in by puts the session's id
into the scope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from interlock.engine.service import Service, Transition
from interlock.engine.sessions import Caller
from interlock.errors import UsageError
from interlock.server.doors.check import CHECK, CheckRoute
from interlock.server.doors.requests import (
    SESSION,
    ClaimBody,
    ToolBody,
    TransitionBody,
    bearer,
    body_of,
    command_id,
)
from interlock.server.doors.responses import json_response, routes_of, routing
from interlock.server.guards import ASGIApp, Receive, Scope, Send

__all__ = ["AGENT_ROUTES", "agent_door"]

MAX_WAIT_S = 25.0

AGENT_ROUTES = (
    ("POST", "/api/v1/tools/execute", "execute"),
    ("POST", "/api/v1/tasks/claim", "claim"),
    ("POST", "/api/v1/tasks/transition", "transition"),
    ("GET", "/api/v1/tasks/transition/{request_id}", "transition_status"),
    ("GET", "/api/v1/state/snapshot", "snapshot"),
    ("POST", "/api/v1/tokens/refresh", "refresh"),
    ("GET", "/healthz", "health"),
)
"""Method, path and handler of everything that is here, besides ``CHECK``."""


class AgentDoor:
    """Routes of agents over one service."""

    def __init__(self, service: Service, new_id: Callable[[str], str]) -> None:
        self._service = service
        self._new_id = new_id

    def _caller(self, request: Request, in_body: str | None = None) -> Caller:
        return self._service.verify(bearer(request, in_body), request.scope[SESSION])

    async def claim(self, request: Request) -> Response:
        """The session's task with its first token; nothing ready is an answer."""
        body = await body_of(request, ClaimBody)
        claim = await self._service.claim(request.scope[SESSION], body.agent_id, body.capabilities)
        if claim is None:
            return json_response({"task": None, "phase": None, "phase_token": None})
        return json_response(claim)

    async def transition(self, request: Request) -> Response:
        """Ask to leave the phase."""
        body = await body_of(request, TransitionBody)
        answer = await self._service.transition(
            bearer(request, body.phase_token),
            request.scope[SESSION],
            body.current_phase,
            body.target_phase,
            body.artifacts,
            command_id=command_id(request, self._new_id("cmd")),
        )
        where = f"/api/v1/tasks/transition/{answer.request_id}"
        return json_response(_transition(answer), headers={"location": where})

    async def transition_status(self, request: Request) -> Response:
        """What became of a transition; ``?wait=`` seconds for its end."""
        answer = await self._service.transition_status(
            bearer(request),
            request.scope[SESSION],
            request.path_params["request_id"],
            wait_s=_wait(request),
        )
        return json_response(_transition(answer))

    async def execute(self, request: Request) -> Response:
        """Carry out one tool call."""
        body = await body_of(request, ToolBody)
        result = await self._service.execute(
            self._caller(request, body.phase_token),
            body.tool_name,
            body.args,
            call_id=command_id(request, self._new_id("call")),
        )
        return json_response({"result": result})

    async def snapshot(self, request: Request) -> Response:
        """The caller's task, its dependencies and what blocks it."""
        return json_response(await self._service.snapshot(self._caller(request)))

    async def refresh(self, request: Request) -> Response:
        """A fresh token of the same epoch."""
        token = await self._service.refresh(self._caller(request))
        return json_response({"phase_token": token})

    async def health(self, _request: Request) -> Response:
        """The door is served."""
        return json_response({"status": "ok"})


def _wait(request: Request) -> float:
    try:
        wait = float(request.query_params.get("wait", "0"))
    except ValueError:
        wait = -1.0
    if not 0 <= wait <= MAX_WAIT_S:
        raise UsageError(
            f"wait is a number of seconds from 0 to {MAX_WAIT_S:.0f}",
            code="IL-DOR-013",
            remedy="?wait=20",
        )
    return wait


def _transition(answer: Transition) -> dict[str, Any]:
    return {
        "allowed": answer.is_allowed,
        "status": answer.status,
        "transition_id": answer.request_id,
        "phase": answer.phase,
        "blockers": list(answer.blockers),
        **({"gate": answer.detail["gate"]} if answer.detail else {}),
    }


def agent_door(service: Service, new_id: Callable[[str], str]) -> ASGIApp:
    """The application behind every session's listener; one route of it does without Starlette."""
    others = routing(routes_of(AGENT_ROUTES, AgentDoor(service, new_id)))
    check = CheckRoute(service, new_id)

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        hot = scope["path"] == CHECK and scope["method"] == "POST"
        await (check if hot else others)(scope, receive, send)

    return routed
