"""The server under load, as ``interlock up`` runs it, on a task that is in IMPL.

``python -m bench.doors DIRECTORY`` serves three routes, each on a listener of its own in one
process, and says on stdout where: ``check`` is the agent door itself; ``constant`` stands behind
the same guard, reads the body, has one record synced to the audit and answers what it always
answers; ``empty`` is ASGI and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import uvloop

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.clock import SystemClock
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.core import commands as cmd
from interlock.core.model import WorkflowSpec
from interlock.definition.packs import load_pack
from interlock.engine.handins import HandIns
from interlock.engine.housing import Housing
from interlock.engine.ids import new_id
from interlock.engine.leases import Leases
from interlock.engine.ledger import Ledger
from interlock.engine.service import Service
from interlock.engine.tokens import TokenService
from interlock.engine.toolbox import Toolbox
from interlock.ports.audit import AuditEntry, Kind
from interlock.ports.runner import Session
from interlock.server.doors.agent import agent_door
from interlock.server.doors.keys import Keys
from interlock.server.doors.listeners import Listeners, serve
from interlock.server.guards import ASGIApp, Guard, Receive, Scope, Send, read_body

__all__ = ["CALL"]

CALL = {
    "tool_name": "write_files",
    "args": {"path": "src/app/models.py", "content": "def total(rows):\n    return 0\n" * 6},
}
"""The call that is checked: about 300 bytes, allowed, by path rules."""

_ENTRY = AuditEntry(
    kind=Kind.DECISION,
    call_id="call_1",
    agent_id="agent-1",
    session_id="ses_bench",
    task_id="task_bench",
    phase="IMPL",
    tool="write_files",
    args=CALL["args"],
    decision={"allowed": True, "tool": "write_files", "reasons": []},
)
_SESSION = "ses_bench"


@dataclass(frozen=True, slots=True)
class _Door:
    """What ``Listeners`` looks at of a session."""

    session_id: str
    door: socket.socket


def _listening() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(128)
    return sock


def _answer(body: bytes) -> ASGIApp:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def _constant(audit: AuditLog) -> ASGIApp:
    answer = _answer(b'{"allowed":true,"tool":"write_files","reasons":[]}')

    async def constant(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        await audit.record(_ENTRY)
        await answer(scope, receive, send)

    return constant


def _starting_in(phase: str) -> WorkflowSpec:
    """The built-in pack, begun in the middle."""
    workflow = load_pack("tdd").workflow
    phases = sorted(workflow.phases, key=lambda spec: spec.id != phase)
    return replace(workflow, phases=tuple(phases))


async def _service(directory: Path, audit: AuditLog, stack: ExitStack) -> tuple[Service, Ledger]:
    clock, workflow = SystemClock(), _starting_in("IMPL")
    store = SQLiteStore(directory / "events.db", blobs=directory / "blobs")
    stack.callback(store.close)
    ledger = Ledger(store, clock, {workflow.digest: workflow})
    stack.callback(ledger.close)
    await ledger.create(
        "task_bench",
        workflow,
        cmd.Create(
            title="bench", description="", base_commit="0" * 40, base_tree="0" * 40, branch="b"
        ),
        actor="bench",
        command_id="c1",
    )
    started = cmd.StartAttempt(
        attempt_id="att_1", session_id=_SESSION, agent_id="agent-1", confinement="full"
    )
    await ledger.apply("task_bench", started, actor="bench")
    tokens = TokenService(secrets.token_bytes(32), issuer="bench", clock=clock)
    hand_ins = HandIns(ledger)
    # A check never gets as far as a sandbox.
    toolbox = Toolbox(ledger, audit, cast(Housing, None), hand_ins)
    leases = Leases(ledger, clock, ttl_s=7200)
    return Service(ledger, lambda _: tokens, toolbox, hand_ins, leases), ledger


async def _serve(directory: Path) -> None:
    with ExitStack() as stack:
        AuditLog.create(directory / "audit")
        audit = AuditLog(directory / "audit", clock=SystemClock())
        stack.callback(audit.close)
        service, ledger = await _service(directory, audit, stack)
        claim = await service.claim(_SESSION, "agent-1", ())
        assert claim is not None
        clock = SystemClock()
        door = agent_door(
            service, lambda prefix: new_id(prefix, clock.now_us() // 1000), Keys(ledger)
        )
        sockets = {name: _listening() for name in ("check", "constant", "empty")}
        for sock in sockets.values():
            stack.enter_context(sock)
        listeners = Listeners(door)
        session: Any = _Door(_SESSION, sockets["check"])
        await listeners.open(cast(Session, session))
        others = [
            await serve(Guard(_constant(audit)), sockets["constant"]),
            await serve(_answer(b"{}"), sockets["empty"]),
        ]
        ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
        about = {"pid": os.getpid(), "token": claim.phase_token, "ports": ports}
        print(json.dumps(about), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await listeners.close(_SESSION)
        for listener in others:
            await listener.close()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
