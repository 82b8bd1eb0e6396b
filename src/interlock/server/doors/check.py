"""``POST /api/v1/tools/check``: asked before every call of every agent, hence plain ASGI.

The same authentication, bodies and errors as everywhere; what is left out is what a framework does
around a handler, which was measured to cost more than the decision (``docs/benchmarks.md``).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.requests import Request

from interlock.core.explain import render_tool
from interlock.engine.service import Service
from interlock.server.doors.keys import Keys
from interlock.server.doors.requests import SESSION, ToolBody, bearer, parse
from interlock.server.guards import Receive, Scope, Send, read_body

__all__ = ["CHECK", "CheckRoute"]

CHECK = "/api/v1/tools/check"
"""Where it is; with other methods than POST nothing is there."""

_encoder = msgspec.json.Encoder()
_JSON = (b"content-type", b"application/json")


class CheckRoute:
    """The decision on a tool call, durable before the answer."""

    def __init__(self, service: Service, new_id: Callable[[str], str], keys: Keys) -> None:
        self._service = service
        self._new_id = new_id
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; errors are the guard's to answer."""
        request = Request(scope)
        body = parse(await read_body(receive), ToolBody)
        caller = self._service.verify(bearer(request, body.phase_token), scope[SESSION])
        call_id = self._keys.of_call(request, scope[SESSION], body) or self._new_id("call")
        decision = await self._service.check(caller, body.tool_name, body.args, call_id=call_id)
        answer = _encoder.encode(render_tool(decision))
        headers = [_JSON, (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
