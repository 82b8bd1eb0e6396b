"""What an agent's program uses: claim the task, use tools, hand in artifacts, ask for the next
phase.

    from interlock import AgentClient

    client = AgentClient()
    task = client.claim_task()
    client.write_file("tests/test_slug.py", "…")
    answer = client.request_transition("IMPL", {"test_files": {…}, "test_run_result": {…}})
    if not answer["allowed"]:
        for blocker in answer["blockers"]:
            print(blocker["message"], "→", blocker["remedy"])
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from interlock.errors import AuthError, ConflictError
from interlock.sdk.exchange import call, result, segment
from interlock.sdk.transport import Transport

__all__ = ["AgentClient"]

_V1 = "/api/v1"
_POLL_S = 20.0
_EXPIRED = "IL-TOK-004"


class AgentClient:
    """One agent's connection to its door. Not for several threads at once.

    Args:
        agent_id: name to be known by; ``INTERLOCK_AGENT_ID`` if not given. Information only: who a
            session is, its listener says.
        orchestrator_url: ``http://…``, with or without ``/api/v1``, or ``unix:…``;
            ``INTERLOCK_URL`` if not given.
        patience_s: seconds over which calls are repeated while the server is away.
    """

    def __init__(
        self,
        agent_id: str | None = None,
        orchestrator_url: str | None = None,
        *,
        patience_s: float = 60.0,
    ) -> None:
        self.agent_id = agent_id or os.environ.get("INTERLOCK_AGENT_ID", "agent")
        url = orchestrator_url or os.environ.get("INTERLOCK_URL", "http://127.0.0.1:8000")
        # As a workflow's `endpoint` has it, with what every path begins with.
        self.url = url.rstrip("/").removesuffix(_V1)
        self._transport = Transport(self.url, patience_s=patience_s)
        self.phase_token: str | None = None
        self.task: dict[str, Any] | None = None
        self.phase: dict[str, Any] | None = None

    def __enter__(self) -> AgentClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        self._transport.close()

    # -- the task --------------------------------------------------------------------------

    def claim_task(self, capabilities: Sequence[str] = ()) -> dict[str, Any] | None:
        """The task this session works on, ``None`` if there is none; keeps its phase token."""
        body = {"agent_id": self.agent_id, "capabilities": list(capabilities)}
        answer = result(self._transport.send(call("POST", f"{_V1}/tasks/claim", body)))
        self.task, self.phase = answer["task"], answer["phase"]
        self.phase_token = answer["phase_token"]
        return self.task

    @property
    def current_phase(self) -> str:
        """Id of the phase that was claimed.

        Raises:
            ConflictError: nothing was claimed.
        """
        if self.phase is None:
            raise ConflictError(
                "no task was claimed", code="IL-SDK-004", remedy="client.claim_task()"
            )
        return str(self.phase["id"])

    def request_transition(
        self,
        target_phase: str,
        artifacts: Mapping[str, Any] | None = None,
        *,
        wait_s: float | None = None,
    ) -> dict[str, Any]:
        """Ask to leave the phase and wait for the measured answer.

        Args:
            target_phase: where to; in the last phase its own id finishes the task.
            artifacts: type → document, handed in on the way.
            wait_s: seconds to wait for a slow gate; ``None``: until it is decided, or until it
                waits
                for a person (then ``status`` is ``pending`` and ``gate`` names the gate).

        Returns:
            ``allowed``, ``status`` (``allowed``, ``blocked``, ``pending``), ``blockers`` with
            ``message`` and ``remedy`` each, ``transition_id``; in permissive mode also
            ``would_have_been_blocked``, which are blockers that were let through.
        """
        body = {
            "current_phase": self.current_phase,
            "target_phase": target_phase,
            "artifacts": dict(artifacts or {}),
        }
        answer = self._authorized("POST", f"{_V1}/tasks/transition", body)
        return self.await_transition(answer, wait_s=wait_s)

    def await_transition(
        self, answer: Mapping[str, Any], *, wait_s: float | None = None
    ) -> dict[str, Any]:
        """The newest answer to a transition that was ``pending``, after waiting for it.

        Args:
            answer: what ``request_transition`` returned.
            wait_s: as there.
        """
        deadline = None if wait_s is None else time.monotonic() + wait_s
        answer = dict(answer)
        while answer["status"] == "pending" and "gate" not in answer:
            left = _POLL_S if deadline is None else min(_POLL_S, deadline - time.monotonic())
            if left <= 0:
                break
            path = f"{_V1}/tasks/transition/{segment(answer['transition_id'])}"
            answer = self._authorized("GET", path, query={"wait": round(left, 3)})
        return answer

    def get_state_snapshot(self) -> dict[str, Any]:
        """The task, its dependencies and what blocks it."""
        return self._authorized("GET", f"{_V1}/state/snapshot")

    def refresh_token(self) -> str:
        """Replace the phase token by a fresh one of the same epoch."""
        sent = call("POST", f"{_V1}/tokens/refresh", token=self.phase_token)
        self.phase_token = str(result(self._transport.send(sent))["phase_token"])
        return self.phase_token

    # -- tools -----------------------------------------------------------------------------

    def use_tool(self, tool_name: str, **args: Any) -> Any:
        """Have the server carry out a tool call in the session.

        Raises:
            ToolDeniedError: policy refused (also a ``PermissionError``); its ``decision`` says why.
        """
        body = {"tool_name": tool_name, "args": args}
        return self._authorized("POST", f"{_V1}/tools/execute", body)["result"]

    def check_tool(self, tool_name: str, **args: Any) -> dict[str, Any]:
        """The decision on a call without carrying it out: ``allowed`` and ``reasons``."""
        body = {"tool_name": tool_name, "args": args}
        return self._authorized("POST", f"{_V1}/tools/check", body)

    def submit_artifact(self, type: str, content: Any) -> Any:
        """Hand in a document; reviewers hand in ``review_verdict``."""
        return self.use_tool("submit_artifact", type=type, content=content)

    def artifact(self, type: str) -> Any:
        """A document that was handed in and still counts, also by an earlier phase's session.

        Raises:
            NotFoundError: there is none of this type.
        """
        return self.use_tool("read_artifact", type=type)["content"]

    def status(self) -> Any:
        """The task as the server sees it."""
        return self.use_tool("status")

    def read_file(self, path: str) -> str:
        """The text of a file of the tree, all pages of it."""
        parts, offset = [], 0
        while True:
            page = self.use_tool("read_files", path=path, offset=offset)
            parts.append(page["text"])
            if page["next"] is None:
                return "".join(parts)
            offset = page["next"]

    def write_file(self, path: str, content: str) -> Any:
        """Write a whole file."""
        return self.use_tool("write_files", path=path, content=content)

    def edit_file(self, path: str, old: str, new: str) -> Any:
        """Replace the one occurrence of ``old``."""
        return self.use_tool("edit_files", path=path, old=old, new=new)

    def grep(self, pattern: str, glob: str | None = None) -> Any:
        """Lines that match a regular expression."""
        return self.use_tool("grep", pattern=pattern, **({"glob": glob} if glob else {}))

    def glob(self, pattern: str) -> Any:
        """Paths that match a pattern."""
        return self.use_tool("glob", pattern=pattern)

    def run_command(self, command: str, *, seconds: float = 120.0) -> Any:
        """Run shell text where the phase allows it: ``exit_code`` and ``output``."""
        return self.use_tool("bash", command=command, seconds=seconds)

    def run_tests(self, command: str | None = None, *, seconds: float = 600.0) -> Any:
        """Run the tests: ``exit_code`` and ``output``."""
        given = {"command": command} if command else {}
        return self.use_tool("run_tests", seconds=seconds, **given)

    # -- inside ----------------------------------------------------------------------------

    def _authorized(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        sent = call(method, path, body, token=self.phase_token, query=query)
        try:
            return result(self._transport.send(sent))
        except AuthError as error:
            if error.code != _EXPIRED:
                raise
        # The lease is alive but the token ran out: claiming again gives this session its own back.
        self.claim_task()
        key = sent.headers.get("Idempotency-Key")
        again = call(method, path, body, token=self.phase_token, query=query, key=key)
        return result(self._transport.send(again))
