"""The agent door: claim, transition, tools, snapshot, refresh. It has no route that approves or
administers.

One application serves every session; the listener that a request came in by puts the session's id
into the scope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from interlock.core.explain import render_tool
from interlock.engine.service import Service, Transition
from interlock.engine.sessions import Caller
from interlock.errors import AuthError, InterlockError, UsageError
from interlock.server.doors.requests import (
    ClaimBody,
    ToolBody,
    TransitionBody,
    body_of,
    command_id,
)
from interlock.server.doors.responses import json_response, no_such_route, problem

__all__ = ["SESSION", "agent_door", "bearer"]

SESSION = "interlock.session"
"""Key of the scope that holds the id of the session whose listener the request came in by."""

MAX_WAIT_S = 25.0


def bearer(request: Request, in_body: str | None = None) -> str:
    """The token of a request; one in the body must be the same.

    Raises:
        AuthError: there is none, or there are two different ones.
    """
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else ""
    if in_body and token and in_body != token:
        raise AuthError(
            "the token in the body is not the one in the header",
            code="IL-TOK-032",
            remedy="Send one token, as Authorization: Bearer.",
        )
    if not (token or in_body):
        raise AuthError(
            "no phase token",
            code="IL-TOK-033",
            remedy="Claim a task first: AgentClient.claim_task().",
        )
    return token or str(in_body)


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

    async def check(self, request: Request) -> Response:
        """The decision on a tool call, durable before the answer."""
        body = await body_of(request, ToolBody)
        decision = await self._service.check(
            self._caller(request, body.phase_token),
            body.tool_name,
            body.args,
            call_id=command_id(request, "") or self._new_id("call"),
        )
        return json_response(render_tool(decision))

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


def agent_door(service: Service, new_id: Callable[[str], str]) -> Starlette:
    """The application behind every session's listener."""
    door = AgentDoor(service, new_id)
    v1 = "/api/v1"
    routes = [
        Route(f"{v1}/tools/check", door.check, methods=["POST"]),
        Route(f"{v1}/tools/execute", door.execute, methods=["POST"]),
        Route(f"{v1}/tasks/claim", door.claim, methods=["POST"]),
        Route(f"{v1}/tasks/transition", door.transition, methods=["POST"]),
        Route(f"{v1}/tasks/transition/{{request_id}}", door.transition_status, methods=["GET"]),
        Route(f"{v1}/state/snapshot", door.snapshot, methods=["GET"]),
        Route(f"{v1}/tokens/refresh", door.refresh, methods=["POST"]),
        Route("/healthz", door.health, methods=["GET"]),
    ]
    handlers: dict[Any, Any] = {InterlockError: problem, 404: no_such_route, 405: no_such_route}
    return Starlette(routes=routes, exception_handlers=handlers)
