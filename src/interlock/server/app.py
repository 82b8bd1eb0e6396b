"""The composition root: the one place where engine, adapters and doors are joined to a running
server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.clock import SystemClock
from interlock.adapters.runners.worker_door import WorkerDoor
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.adapters.trees.project import Project
from interlock.adapters.trees.repository import Repository
from interlock.core.model import WorkflowSpec
from interlock.definition.loader import load_tree
from interlock.engine.codec import plain, typed
from interlock.engine.driver import Driver
from interlock.engine.environments import Environments
from interlock.engine.gatekeeper import Gatekeeper
from interlock.engine.handins import HandIns
from interlock.engine.housing import Housing
from interlock.engine.ids import new_id
from interlock.engine.leases import Leases
from interlock.engine.ledger import Ledger
from interlock.engine.means import Means
from interlock.engine.people import People
from interlock.engine.secret import load_secret
from interlock.engine.service import Service
from interlock.engine.tokens import TokenService
from interlock.engine.toolbox import Toolbox
from interlock.errors import InvalidInputError, NotFoundError
from interlock.ports.audit import AuditEntry, Kind
from interlock.server.doors.agent import agent_door
from interlock.server.doors.listeners import Listeners, serve
from interlock.server.doors.people import OWNER, PeopleDoor, people_door
from interlock.server.guards import ASGIApp, Guard, Receive, Scope, Send
from interlock.server.layout import Layout
from interlock.server.passphrase import Passphrase
from interlock.server.settings import Settings
from interlock.server.trustfile import take_trusted

__all__ = ["Server", "running", "serve_forever"]

SUPERVISOR_WAIT_S = 30.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Server:
    """A running server: its parts for tests, its address for everybody."""

    ledger: Ledger
    service: Service
    people: People
    runner: WorkerDoor
    audit: AuditLog
    port: int


@asynccontextmanager
async def running(layout: Layout) -> AsyncIterator[Server]:
    """Bring a server up on the running loop and take it down in order.

    Raises:
        ConflictError: another server has this state.
        NotFoundError: the state was never set up.
    """
    async with AsyncExitStack() as stack:
        yield await _start(layout, stack)


async def _start(layout: Layout, stack: AsyncExitStack) -> Server:
    user_repo = _user_repository(layout)
    settings = Settings.load(user_repo / ".orchestrator" / "config.yaml")
    clock = SystemClock()
    loop = asyncio.get_running_loop()

    store = SQLiteStore(layout.events, blobs=layout.root / "blobs")
    stack.callback(store.close)
    audit = AuditLog(layout.audit, clock=clock)
    stack.callback(audit.close)
    project = Project(Repository.create(layout.repository, user_repo), user_repo)
    runner = WorkerDoor(layout.worker_socket, loop)
    stack.callback(runner.close)

    def make_id(prefix: str) -> str:
        return new_id(prefix, clock.now_us() // 1000)

    workflows = _Workflows(store, project)
    ledger = Ledger(store, clock, workflows.kept())
    stack.callback(ledger.close)
    await ledger.load()
    await _note_open_intents(audit)
    tokens = TokenService(
        load_secret(layout.jwt_secret, os.environ),
        issuer=layout.root.name,
        clock=clock,
        expiry_s=settings["jwt.expiry_seconds"],
    )
    take_trusted(layout, store)
    environments = Environments(store)
    gatekeeper = Gatekeeper(ledger, runner, project, environments, make_id)
    hand_ins = HandIns(ledger)
    doors = _AgentDoors()

    def wake() -> None:
        wakers.append(asyncio.ensure_future(ledger.announce()))
        wakers[:] = [waker for waker in wakers if not waker.done()]

    wakers: list[asyncio.Future[None]] = []
    housing = Housing(runner, project, doors, wake)
    toolbox = Toolbox(ledger, audit, housing, hand_ins)
    leases = Leases(ledger, clock, ttl_s=settings["jwt.expiry_seconds"])
    service = Service(ledger, tokens, toolbox, hand_ins, leases)
    doors.listeners = Listeners(Guard(agent_door(service, make_id)))
    driver = Driver(
        Means(
            ledger=ledger,
            runner=runner,
            repository=project,
            gatekeeper=gatekeeper,
            environments=environments,
            audit=audit,
            housing=housing,
            new_id=make_id,
            signing_key=_signing_key(layout.signing_key),
        )
    )
    people = People(
        ledger,
        driver,
        gatekeeper,
        audit,
        fetch_base=workflows.fetch_base,
        new_id=make_id,
        level=lambda: runner.capability().level.value,
    )

    async def trust(reason: str) -> dict[str, Any]:
        _, workflow = await workflows.fetch_base()
        if workflow.environment is None:
            raise InvalidInputError(
                "the workflow has no environment to trust",
                code="IL-SRV-010",
                remedy="interlock init proposes one for agent_workflow.yaml.",
            )
        recipe = workflow.environment
        digest = await ledger.run(lambda: environments.trust(recipe, by=reason or "owner"))
        return {"digest": digest, "environment": plain(recipe)}

    def about() -> dict[str, Any]:
        capability = runner.capability()
        return {
            "repository": str(user_repo),
            "state": str(layout.root),
            "level": capability.level.value,
            "reasons": list(capability.reasons),
            "settings": {key: plain(setting) for key, setting in settings.all().items()},
        }

    door = PeopleDoor(
        people, Passphrase(layout.passphrase, clock), make_id, trust=trust, about=about
    )
    app = people_door(door)
    port = await _open_people_door(layout, settings, Guard(app), stack)
    await runner.connected(SUPERVISOR_WAIT_S)
    driver.start()
    stack.push_async_callback(driver.stop)
    return Server(ledger, service, people, runner, audit, port)


class _AgentDoors:
    """Housing needs doors, doors need the service, the service needs housing: joined late."""

    listeners: Listeners

    async def open(self, session: Any) -> None:
        await self.listeners.open(session)

    async def close(self, session_id: str) -> None:
        await self.listeners.close(session_id)


class _Workflows:
    """Definitions that tasks are pinned to: read from the base revision, kept by digest."""

    def __init__(self, store: SQLiteStore, project: Project) -> None:
        self._store = store
        self._project = project

    def kept(self) -> dict[str, WorkflowSpec]:
        """Every definition that was ever used here."""
        listed = json.loads(self._store.setting("workflows") or "{}")
        return {
            digest: typed(json.loads(self._store.get_blob(blob)), WorkflowSpec)
            for digest, blob in listed.items()
        }

    async def fetch_base(self) -> tuple[tuple[str, str], WorkflowSpec]:
        """The present base with the definition that stands in it."""
        return await asyncio.to_thread(self._fetch)

    def _fetch(self) -> tuple[tuple[str, str], WorkflowSpec]:
        commit, tree = self._project.base()
        workflow = load_tree(lambda path: self._project.read(tree, path)).workflow
        listed = json.loads(self._store.setting("workflows") or "{}")
        if workflow.digest not in listed:
            listed[workflow.digest] = self._store.put_blob(json.dumps(plain(workflow)).encode())
            self._store.set_setting("workflows", json.dumps(listed))
        return (commit, tree), workflow


async def _note_open_intents(audit: AuditLog) -> None:
    """A call that nobody saw the end of is named, not forgotten."""
    for intent in audit.open_intents():
        await audit.record(
            AuditEntry(
                kind=Kind.OUTCOME,
                call_id=intent.call_id,
                agent_id=intent.agent_id,
                session_id=intent.session_id,
                task_id=intent.task_id,
                phase=intent.phase,
                tool=intent.tool,
                result={"outcome": "unknown", "why": "the server ended before the call did"},
            )
        )


def _user_repository(layout: Layout) -> Path:
    try:
        return Path(layout.user_repository.read_text().strip())
    except FileNotFoundError:
        raise NotFoundError(
            f"{layout.root} was never set up", code="IL-SRV-011", remedy="interlock init"
        ) from None


def _signing_key(path: Path) -> bytes:
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
    return path.read_bytes()


async def _open_people_door(
    layout: Layout, settings: Settings, app: ASGIApp, stack: AsyncExitStack
) -> int:
    """Serve people on the Unix socket and on a loopback port; the next free one if it is taken."""
    with contextlib.suppress(FileNotFoundError):
        layout.people_socket.unlink()
    unix = socket.socket(socket.AF_UNIX)
    stack.callback(unix.close)
    unix.bind(str(layout.people_socket))
    layout.people_socket.chmod(0o600)
    unix.listen(128)
    tcp = _bind(str(settings["api.host"]), int(settings["api.port"]))
    stack.callback(tcp.close)
    for listener in (await serve(_as_owner(app), unix), await serve(app, tcp)):
        stack.push_async_callback(listener.close)
    port = int(tcp.getsockname()[1])
    about = {"pid": os.getpid(), "url": f"http://{settings['api.host']}:{port}", "port": port}
    temporary = layout.about.with_suffix(".tmp")
    temporary.write_text(json.dumps(about))
    temporary.replace(layout.about)
    stack.callback(layout.about.unlink, missing_ok=True)
    return port


def _bind(host: str, port: int) -> socket.socket:
    for candidate in [*range(port, port + 50), 0]:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, candidate))
        except OSError:
            sock.close()
            continue
        sock.listen(128)
        return sock
    raise InvalidInputError(f"no free port at {host}", code="IL-SRV-012", remedy="ss -ltn")


def _as_owner(app: ASGIApp) -> ASGIApp:
    """The socket's file is 0600 in a 0700 directory: who reached it is the owner (or root)."""

    async def owned(scope: Scope, receive: Receive, send: Send) -> None:
        scope[OWNER] = True
        await app(scope, receive, send)

    return owned


async def serve_forever(layout: Layout) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(layout) as server:
        _log.info("server_up", port=server.port, level=server.runner.capability().level.value)
        await stop.wait()
