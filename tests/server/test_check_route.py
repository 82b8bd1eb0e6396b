"""The hot route beside the framework: the same manners as every other route of the agent door."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.clock import SystemClock
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.core import commands as cmd
from interlock.definition.packs import load_pack
from interlock.engine.handins import HandIns
from interlock.engine.housing import Housing
from interlock.engine.leases import Leases
from interlock.engine.ledger import Ledger
from interlock.engine.service import Service
from interlock.engine.tokens import TokenService
from interlock.engine.toolbox import Toolbox
from interlock.server.doors.agent import agent_door
from interlock.server.doors.keys import Keys
from interlock.server.doors.requests import SESSION

HOT, OTHER = "/api/v1/tools/check", "/api/v1/tools/execute"
CALL = {"tool_name": "Write", "args": {"path": "src/a.py", "content": "x = 1\n"}}


class Door:
    """The agent door of one session, called without a socket."""

    def __init__(self, directory: Path) -> None:
        self.runner = asyncio.Runner()
        AuditLog.create(directory / "audit")
        self.audit_directory = directory / "audit"
        self.audit = AuditLog(self.audit_directory, clock=SystemClock())
        self.store = SQLiteStore(directory / "events.db", blobs=directory / "blobs")
        workflow = load_pack("tdd").workflow
        phases = sorted(workflow.phases, key=lambda phase: phase.id != "IMPL")
        workflow = replace(workflow, phases=tuple(phases))
        self.ledger = Ledger(self.store, SystemClock(), {workflow.digest: workflow})
        create = cmd.Create(
            title="t", description="", base_commit="0" * 40, base_tree="0" * 40, branch="b"
        )
        start = cmd.StartAttempt(
            attempt_id="att", session_id="ses", agent_id="me", confinement="full"
        )
        self.run(self.ledger.create("task", workflow, create, actor="test", command_id="c"))
        self.run(self.ledger.apply("task", start, actor="test"))
        hand_ins = HandIns(self.ledger)
        tokens = TokenService(os.urandom(32), issuer="test", clock=SystemClock())
        toolbox = Toolbox(self.ledger, self.audit, cast(Housing, None), hand_ins)
        leases = Leases(self.ledger, SystemClock(), ttl_s=60)
        service = Service(self.ledger, lambda _: tokens, toolbox, hand_ins, leases)
        self.app = agent_door(service, lambda prefix: f"{prefix}_made", Keys(self.ledger))
        claim = self.run(service.claim("ses", "me", ()))
        assert claim is not None
        self.token = claim.phase_token

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def ask(self, path: str, body: bytes, token: str | None, method: str = "POST") -> Any:
        """Status, content type and JSON of an answer."""
        headers = [(b"host", b"127.0.0.1")]
        if token is not None:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            SESSION: "ses",
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        self.run(self.app(scope, receive, send))
        kind = dict(sent[0]["headers"])[b"content-type"].decode()
        return sent[0]["status"], kind, json.loads(b"".join(m["body"] for m in sent[1:]))

    def records(self) -> list[dict[str, Any]]:
        lines = (self.audit_directory / "000001.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        self.ledger.close()
        self.store.close()
        self.audit.close()
        self.runner.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.close()


def test_a_decision_is_on_record_when_it_is_answered(door: Door) -> None:
    for path, allowed in (("src/a.py", True), ("tests/test_a.py", False)):
        call = {"tool_name": "Write", "args": {"path": path, "content": ""}}
        status, kind, decision = door.ask(HOT, json.dumps(call).encode(), door.token)
        assert (status, kind) == (200, "application/json")
        assert decision["allowed"] is allowed
        record = door.records()[-1]
        assert record["kind"] == "decision"
        assert record["call_id"] == "call_made"
        assert record["args"] == call["args"]
        assert record["decision"] == decision


@pytest.mark.parametrize(
    "case",
    [
        (b"", None),
        (b"{}", "token"),
        (b"{", "token"),
        (b"[]", "token"),
        (json.dumps(CALL).encode(), None),
        (json.dumps(CALL).encode(), "no.such.token"),
        (json.dumps({**CALL, "phase_token": "other"}).encode(), "token"),
        (json.dumps({**CALL, "more": 1}).encode(), "token"),
    ],
)
def test_a_refusal_is_the_one_that_other_routes_give(
    door: Door, case: tuple[bytes, str | None]
) -> None:
    body, token = case
    token = door.token if token == "token" else token
    hot, other = door.ask(HOT, body, token), door.ask(OTHER, body, token)
    assert hot == other
    assert hot[0] >= 400
    assert hot[1] == "application/problem+json"
    assert door.records() == []


def test_other_methods_find_nothing_there(door: Door) -> None:
    assert door.ask(HOT, b"", door.token, method="GET")[0] in (404, 405)


def test_a_token_in_the_body_does(door: Door) -> None:
    body = json.dumps({**CALL, "phase_token": door.token}).encode()
    assert door.ask(HOT, body, None)[0] == 200
