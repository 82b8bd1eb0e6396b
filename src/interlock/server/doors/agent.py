"""The agent door: claim, transition, tools, snapshot, refresh. It has no route that approves or
administers.

One application serves every session; the listener that a request came in by puts the session's id
into the scope. Who a request is from is two facts: that listener, and a token that was given to
exactly this session.
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
from interlock.server.doors.keys import Keys
from interlock.server.doors.requests import (
    SESSION,
    ClaimBody,
    TokenBody,
    ToolBody,
    TransitionBody,
    bearer,
    body_of,
    contract_of,
    header_token,
)
from interlock.server.doors.responses import json_response, routes_of, routing
from interlock.server.guards import LARGE, SMALL, USUAL, Admission, Guard, Receive, Scope, Send

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

_CLAIM, _HEALTH = "/api/v1/tasks/claim", "/healthz"
_LARGE = frozenset({"/api/v1/tools/execute", "/api/v1/tasks/transition", CHECK})
"""Where artifacts and the contents of files come in."""


class AgentDoor:
    """Routes of agents over one service."""

    def __init__(self, service: Service, new_id: Callable[[str], str], keys: Keys) -> None:
        self._service = service
        self._new_id = new_id
        self._keys = keys

    def admit(self, scope: Scope) -> Admission:
        """A token in the header is looked at first; without one a body has to be small."""
        session_id = scope[SESSION]
        token = header_token(scope["headers"])
        # Who claims may still show a token that has run out.
        if not token or scope["path"] == _CLAIM:
            return Admission(session_id, SMALL)
        self._service.identify(token, session_id)
        return Admission(session_id, LARGE if scope["path"] in _LARGE else USUAL)

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
        token = bearer(request, body.phase_token)
        self._service.identify(token, request.scope[SESSION])
        key = await self._keys.of_command(request, request.scope[SESSION], body)
        answer = await self._service.transition(
            token,
            request.scope[SESSION],
            body.current_phase,
            body.target_phase,
            body.artifacts,
            command_id=key or self._new_id("cmd"),
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
        caller = self._caller(request, body.phase_token)
        key = self._keys.of_call(request, caller.session_id, body)
        result = await self._service.execute(
            caller, body.tool_name, body.args, call_id=key or self._new_id("call")
        )
        return json_response({"result": result})

    async def snapshot(self, request: Request) -> Response:
        """The caller's task, its dependencies and what blocks it."""
        return json_response(await self._service.snapshot(self._caller(request)))

    async def refresh(self, request: Request) -> Response:
        """A fresh token of the same epoch."""
        body = await body_of(request, TokenBody)
        token = await self._service.refresh(self._caller(request, body.phase_token))
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
        **(
            {"would_have_been_blocked": list(answer.would_have_blocked)}
            if answer.would_have_blocked
            else {}
        ),
    }


def agent_door(service: Service, new_id: Callable[[str], str], keys: Keys) -> Guard:
    """The application behind every session's listener; one route of it does without Starlette."""
    door = AgentDoor(service, new_id, keys)
    others = routing(routes_of(AGENT_ROUTES, door))
    check = CheckRoute(service, new_id, keys)

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != _HEALTH:
            service.admit_client(scope[SESSION], contract_of(scope["headers"]))
        hot = scope["path"] == CHECK and scope["method"] == "POST"
        await (check if hot else others)(scope, receive, send)

    return Guard(routed, door.admit)
