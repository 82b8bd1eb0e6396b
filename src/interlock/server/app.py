"""The composition root: the one place where engine, adapters and doors are joined to a running
server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.audit.since import records_since
from interlock.adapters.clock import SystemClock
from interlock.adapters.metrics import MetricsFiles
from interlock.adapters.runners.worker_door import WorkerDoor
from interlock.adapters.secrets import Secrets
from interlock.adapters.session_logs import SessionLogs
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.adapters.trees.leftovers import remove_leftovers
from interlock.adapters.trees.project import Project
from interlock.adapters.trees.repository import Repository
from interlock.core.model import TokenSpec, WorkflowSpec
from interlock.engine.calls import CountedAudit
from interlock.engine.checkpoints import Checkpoints
from interlock.engine.codec import plain
from interlock.engine.driver import Driver
from interlock.engine.environments import Environments
from interlock.engine.gatekeeper import Gatekeeper
from interlock.engine.handins import HandIns
from interlock.engine.housing import Housing
from interlock.engine.ids import new_id
from interlock.engine.leases import Leases
from interlock.engine.ledger import Ledger
from interlock.engine.means import Means
from interlock.engine.mints import Mints
from interlock.engine.monitoring import Monitoring
from interlock.engine.people import People
from interlock.engine.service import Service
from interlock.engine.toolbox import Toolbox
from interlock.errors import NotFoundError, UnavailableError
from interlock.ports.audit import AuditPort
from interlock.ports.vcs import Base
from interlock.server.doors.agent import agent_door
from interlock.server.doors.keys import Keys
from interlock.server.doors.listeners import Listeners
from interlock.server.doors.logins import Logins
from interlock.server.doors.people import PeopleDoor, people_door
from interlock.server.layout import Layout
from interlock.server.opening import open_people_door
from interlock.server.passphrase import Passphrase
from interlock.server.recipes import Recipes
from interlock.server.records import newest_anchor, note_open_intents, signing_key
from interlock.server.settings import Settings
from interlock.server.trustfile import take_trusted
from interlock.server.workflows import Workflows

__all__ = ["Server", "running", "serve_forever"]

SUPERVISOR_WAIT_S = 30.0
DRAIN_S = 5.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Server:
    """A running server: its parts for tests, its address for everybody.

    Attributes:
        broken: set when the records cannot be written any more: every call is denied from then on.
    """

    ledger: Ledger
    service: Service
    people: People
    runner: WorkerDoor
    audit: AuditPort
    port: int
    broken: asyncio.Event


@asynccontextmanager
async def running(layout: Layout) -> AsyncIterator[Server]:
    """Bring a server up on the running loop and take it down in order.

    Down: nothing more is accepted, what came before and may change something is answered, driving
    stops, the records are closed last. Sessions live on.

    Raises:
        ConflictError: another server has this state; the message names it.
        NotFoundError: the state was never set up.
        IntegrityError: the records contradict themselves.
    """
    async with AsyncExitStack() as stack:
        yield await _start(layout, stack)


async def _start(layout: Layout, stack: AsyncExitStack) -> Server:
    user_repo = _user_repository(layout)
    settings = Settings.load(user_repo / ".orchestrator" / "config.yaml")
    for notice in settings.notices():
        _log.warning("setting_worth_knowing", extra={"notice": notice})
    clock = SystemClock()
    loop = asyncio.get_running_loop()

    broken = asyncio.Event()

    def give_up() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is over, and so is the server
            loop.call_soon_threadsafe(broken.set)

    store = SQLiteStore(layout.events, blobs=layout.root / "blobs", on_failure=give_up)
    stack.callback(store.close)
    log = AuditLog(layout.audit, clock=clock, anchor=newest_anchor(store), on_failure=give_up)
    stack.callback(log.close)
    audit = CountedAudit(log)
    since = partial(records_since, layout.audit)
    await asyncio.to_thread(audit.resume, store, since)
    project = Project(Repository.create(layout.repository, user_repo), user_repo)
    remove_leftovers(layout.repository)
    runner = WorkerDoor(layout.worker_socket, loop)
    stack.callback(runner.close)

    def make_id(prefix: str) -> str:
        return new_id(prefix, clock.now_us() // 1000)

    workflows = Workflows(store, project)
    key = signing_key(layout.signing_key)
    checkpoints = Checkpoints(store, key)
    ledger = Ledger(store, clock, workflows.kept(), checkpoints=checkpoints)
    stack.callback(ledger.close)
    await ledger.load()
    mode = settings.all()["enforcement.mode"]
    await ledger.raise_enforcement(mode.value, mode.origin)
    await note_open_intents(audit)
    mints = Mints(
        secret=layout.jwt_secret,
        keypair=layout.jwt_keypair,
        environment=os.environ,
        issuer=layout.root.name,
        clock=clock,
        expiry_s=settings["jwt.expiry_seconds"],
    )
    mints(TokenSpec())  # a weak secret ends the start, not the first claim
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
    service = Service(ledger, mints, toolbox, hand_ins, leases)
    keys = Keys(ledger)
    agents = agent_door(service, make_id, keys)
    doors.listeners = Listeners(agents)
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
            signing_key=key,
        )
    )

    async def fetch_base() -> tuple[Base, WorkflowSpec]:
        base, workflow = await workflows.fetch_base()
        mints(workflow.tokens)  # no task begins whose agents could get no token
        return base, workflow

    people = People(
        ledger,
        driver,
        gatekeeper,
        audit,
        fetch_base=fetch_base,
        new_id=make_id,
        level=lambda: runner.capability().level.value,
        session_log=SessionLogs(layout.root / "sessions"),
        mode=(mode.value, mode.origin),
    )

    recipes = Recipes(workflows, environments, ledger, runner, Secrets(layout.secrets).is_set)

    def about() -> dict[str, Any]:
        capability = runner.capability()
        return {
            "repository": str(user_repo),
            "state": str(layout.root),
            "level": capability.level.value,
            "reasons": list(capability.reasons),
            "notices": list(settings.notices()),
            "settings": {key: plain(setting) for key, setting in settings.all().items()},
        }

    door = PeopleDoor(
        people,
        Passphrase(layout.passphrase, clock),
        Logins(clock),
        make_id,
        keys,
        recipes=recipes,
        about=about,
    )
    guards = (agents, people_door(door))
    port, listeners = await open_people_door(
        layout,
        guards[1],
        host=settings["api.host"],
        port=settings["api.port"],
        stack=stack.enter_context(ExitStack()),
    )

    async def close_doors() -> None:
        for listener in listeners:
            listener.stop_accepting()
        doors.listeners.stop_accepting()
        async with asyncio.TaskGroup() as draining:
            for guard in guards:
                draining.create_task(guard.drain(DRAIN_S))
        await doors.listeners.close_all()
        for listener in listeners:
            await listener.close()

    monitoring = Monitoring(ledger, audit, MetricsFiles(layout.metrics), clock)
    stack.push_async_callback(monitoring.stop)
    stack.push_async_callback(driver.stop)
    stack.push_async_callback(close_doors)
    await runner.connected(SUPERVISOR_WAIT_S)
    driver.start()
    monitoring.start()
    return Server(ledger, service, people, runner, audit, port, broken)


class _AgentDoors:
    """Housing needs doors, doors need the service, the service needs housing: joined late."""

    listeners: Listeners

    async def open(self, session: Any) -> None:
        await self.listeners.open(session)

    async def close(self, session_id: str) -> None:
        await self.listeners.close(session_id)


def _user_repository(layout: Layout) -> Path:
    try:
        return Path(layout.user_repository.read_text().strip())
    except FileNotFoundError:
        raise NotFoundError(
            f"{layout.root} was never set up", code="IL-SRV-011", remedy="interlock init"
        ) from None


async def serve_forever(layout: Layout) -> None:
    """Run until SIGTERM or SIGINT, which end a start as well."""
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(_serve(layout), name="server")

    def stop() -> None:
        # Once: a second one must not break off the way down.
        if not serving.cancelling():
            serving.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def _serve(layout: Layout) -> None:
    async with running(layout) as server:
        level = server.runner.capability().level.value
        _log.info("server_up", extra={"port": server.port, "confinement": level})
        await server.broken.wait()
    # Only opening them anew shows what is on the disk: the monitor starts the next server.
    raise UnavailableError(
        "the records could not be written, so the server has ended",
        code="IL-SRV-013",
        remedy="make sure that the disk has room and is sound; interlock up starts it again",
    )
