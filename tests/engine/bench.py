"""A whole server in memory: the real engine over a store, trees, sessions and an audit of its own.

``crash`` takes away everything that a server holds in memory; what stands for disks and for the
supervisor stays, and ``start`` builds the next server on it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from interlock.core.events import EventType
from interlock.core.facts import BaseFacts, GreenFacts, RedFacts, WorkFacts
from interlock.core.gates.samples import green, red
from interlock.core.model import EnvironmentSpec, Mode, WorkflowSpec
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState
from interlock.definition.packs import load_pack
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
from interlock.engine.mints import MintOf
from interlock.engine.people import People
from interlock.engine.service import Service, Transition
from interlock.engine.sessions import Caller
from interlock.engine.tokens import TokenService
from interlock.engine.toolbox import Toolbox
from interlock.ports.runner import JudgeKind
from interlock.ports.vcs import Base
from interlock.testing.fake_clock import FakeClock
from interlock.testing.memory_audit import MemoryAudit
from interlock.testing.memory_sessions import MemoryDoors, MemoryRunner, MemorySession
from interlock.testing.memory_store import MemoryStore
from interlock.testing.memory_trees import MemoryTrees

ENVIRONMENT = EnvironmentSpec(setup=("pip install pytest",))
WORKFLOW: WorkflowSpec = replace(load_pack("tdd").workflow, environment=ENVIRONMENT)
BASE = {"src/text.py": "", "tests/test_old.py": "old"}
AGENT: Mapping[str, Any] = {"author": {"argv": ["agent"]}}
REVIEWED: Mapping[str, Any] = {**AGENT, "reviewers": {"default": {"argv": ["reviewer"]}}}
ROLES = ("security", "quality", "consistency", "holistic", "vibe_coding")

PLAN = {
    "title": "Slugs of titles",
    "acceptance_criteria": [
        {"id": "AC-1", "criterion": "slug('a b') is 'a-b'", "how_to_verify": "test_new asserts it"}
    ],
    "implementation_steps": ["write slug"],
    "scope": {"in_scope": ["slug"], "out_of_scope": ["everything else"]},
    "open_questions": [],
}
OPEN_PLAN = {**PLAN, "open_questions": ["Which separator?"]}
SCOPE = {
    "in_scope": ["slug"],
    "out_of_scope": ["everything else"],
    "constraints": ["no new dependency"],
    "paths": ["src/**"],
}
RESULT = {
    "command": "pytest -q",
    "exit_code": 1,
    "passed": 1,
    "failed": 1,
    "skipped": 0,
    "timestamp": "2023-11-14T22:13:20Z",
}
DOCUMENTS: Mapping[str, Mapping[str, Any]] = {
    "PLAN": {"plan_document": PLAN, "scope_definition": SCOPE},
    "TDD": {
        "test_files": {
            "test_files": [{"path": "tests/test_new.py", "covers": ["AC-1"]}],
            "coverage": {"acceptance_criteria_covered": True},
        },
        "test_run_result": RESULT,
    },
    "IMPL": {
        "implementation_files": {
            "files_changed": [{"path": "src/text.py", "change_type": "modified"}],
            "summary": "slug joins the words of a title by hyphens, as the plan says.",
        },
        "test_run_result": {**RESULT, "exit_code": 0, "passed": 2, "failed": 0},
    },
    "REVIEW": {},
    "COMPLETE": {
        "completion_summary": {
            "summary": "slug joins the words of a title by hyphens. " * 3,
            "files_changed": ["src/text.py", "tests/test_new.py"],
            "tests_added": 1,
            "acceptance_criteria_met": [{"id": "AC-1", "evidence": "tests/test_new.py"}],
        }
    },
}
WRITES = {"TDD": {"tests/test_new.py": "new"}, "IMPL": {"src/text.py": "def slug(): ..."}}
NEXT = {
    "PLAN": "TDD",
    "TDD": "IMPL",
    "IMPL": "REVIEW",
    "REVIEW": "COMPLETE",
    "COMPLETE": "COMPLETE",
}
PATIENCE_S = 10.0


@dataclass
class Server:
    """What a crash takes away."""

    ledger: Ledger
    tokens: TokenService
    service: Service
    people: People
    driver: Driver
    housing: Housing
    doors: MemoryDoors


class Bench:
    """Disks and machines, and the server that runs on them at the moment."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.audit = MemoryAudit()
        self.trees = MemoryTrees(BASE)
        self.runner = MemoryRunner(self.trees, self._judge)
        self.red: RedFacts = replace(red(), environment="env")
        self.green: GreenFacts = replace(green(), environment="env")
        self.work = WorkFacts()
        self.base = BaseFacts(environment="env", run=self.red.base, again=self.red.base)
        self.workflow = WORKFLOW
        self.mode = (Mode.STRICT, "default")
        self.mint_of: MintOf | None = None
        self._server: Server | None = None

    def _judge(self, kind: JudgeKind, _request: Mapping[str, Any]) -> Mapping[str, Any]:
        match kind:
            case JudgeKind.RED:
                return dict(plain(self.red))
            case JudgeKind.GREEN:
                return dict(plain(self.green))
            case JudgeKind.BASE:
                return dict(plain(self.base))
            case JudgeKind.WORK:
                return dict(plain(self.work))
            case JudgeKind.ENVIRONMENT:
                return {"path": "/env"}
            case JudgeKind.ENVIRONMENTS | JudgeKind.PRUNE:
                return {}

    @property
    def now(self) -> Server:
        """The running server."""
        assert self._server is not None
        return self._server

    def new_id(self, prefix: str) -> str:
        """A fresh id."""
        return new_id(prefix, self.clock.now_us() // 1000)

    # -- the server's life -----------------------------------------------------------------

    async def start(self) -> None:
        """Build a server on what is there."""
        known = {w.digest: w for w in (WORKFLOW, self.workflow)}
        ledger = Ledger(self.store, self.clock, known)
        await ledger.load()
        await ledger.raise_enforcement(*self.mode)
        environments = self.environments = Environments(self.store)
        environments.trust(ENVIRONMENT, by="ada")
        gatekeeper = Gatekeeper(ledger, self.runner, self.trees, environments, self.new_id)
        hand_ins, doors = HandIns(ledger), MemoryDoors()
        wakers: set[asyncio.Task[None]] = set()

        def wake() -> None:
            waker = asyncio.ensure_future(ledger.announce())
            wakers.add(waker)
            waker.add_done_callback(wakers.discard)

        housing = Housing(self.runner, self.trees, doors, wake)
        driver = Driver(
            Means(
                ledger=ledger,
                runner=self.runner,
                repository=self.trees,
                gatekeeper=gatekeeper,
                environments=environments,
                audit=self.audit,
                housing=housing,
                new_id=self.new_id,
                signing_key=b"k" * 32,
            )
        )
        tokens = TokenService(hashlib.sha256(b"bench").digest(), issuer="bench", clock=self.clock)
        leases = Leases(ledger, self.clock, ttl_s=7200)
        toolbox = Toolbox(ledger, self.audit, housing, hand_ins)
        service = Service(ledger, self.mint_of or (lambda _: tokens), toolbox, hand_ins, leases)
        people = People(
            ledger,
            driver,
            gatekeeper,
            self.audit,
            fetch_base=self._fetch_base,
            new_id=self.new_id,
            level=lambda: self.runner.level.value,
            mode=self.mode,
        )
        self._server = Server(ledger, tokens, service, people, driver, housing, doors)
        driver.start()

    async def _fetch_base(self) -> tuple[Base, WorkflowSpec]:
        return self.trees.base(), self.workflow

    async def crash(self) -> None:
        """Everything the server knew is gone; sessions and stores are not."""
        if self._server is not None:
            await self._server.driver.stop()
            self._server.ledger.close()
            self._server = None

    async def restart(self) -> None:
        """Crash and come back."""
        await self.crash()
        await self.start()

    async def close(self) -> None:
        """Take everything down."""
        if self._server is not None:
            await self._server.driver.stop()
            for session_id, session in tuple(self.runner.sessions.items()):
                session.leave()
                self._server.housing.end(session_id)
            await self._server.housing.settled()
            self._server.ledger.close()

    # -- what people and agents do ---------------------------------------------------------

    async def create(self, agent: Mapping[str, Any] = AGENT, **more: Any) -> str:
        """Make a task; its id."""
        task = await self.now.people.create_task(
            title="slug",
            agent=agent,
            actor="person:ada",
            command_id=more.pop("command_id", self.new_id("cmd")),
            **more,
        )
        return str(task["task_id"])

    def state(self, task_id: str) -> TaskState:
        """The task as the running server sees it."""
        return self.now.ledger.state(task_id)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait, at most some seconds, until a condition holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await asyncio.sleep(0.002)

    async def reaches(self, task_id: str, **wanted: object) -> None:
        """Wait until these fields of the task's state have these values."""

        def is_there() -> bool:
            state = self.state(task_id)
            return all(getattr(state, key) == value for key, value in wanted.items())

        await self.until(is_there)

    async def session(self, task_id: str) -> MemorySession:
        """The author's session, once it runs."""

        def runs() -> bool:
            state = self.state(task_id)
            housed = self.now.housing.get(state.session_id)
            return state.status is TaskStatus.WORKING and housed is not None

        await self.until(runs)
        return self.runner.sessions[self.state(task_id).session_id]

    async def token(self, session_id: str) -> str:
        """Claim the session's task."""
        claim = await self.now.service.claim(session_id, "agent", ())
        assert claim is not None
        return claim.phase_token

    async def caller(self, session_id: str) -> Caller:
        """The session as a verified caller."""
        return self.now.service.verify(await self.token(session_id), session_id)

    async def ask(
        self,
        task_id: str,
        target: str = "",
        *,
        documents: Mapping[str, Any] | None = None,
        command_id: str = "",
    ) -> Transition:
        """Do the present phase's work and ask to leave it."""
        session = await self.session(task_id)
        phase = self.state(task_id).phase
        session.files.update(WRITES.get(phase, {}))
        return await self.now.service.transition(
            await self.token(session.session_id),
            session.session_id,
            phase,
            target or NEXT[phase],
            DOCUMENTS[phase] if documents is None else documents,
            command_id=command_id or self.new_id("cmd"),
        )

    async def leave(self, task_id: str) -> None:
        """Leave the present phase the way it should be left."""
        phase = self.state(task_id).phase
        session = await self.session(task_id)
        answer = await self.ask(task_id)
        assert answer.status == "pending", answer
        await self.until(lambda: self.state(task_id).last_outcome)
        assert self.state(task_id).last_outcome == "allowed", self.state(task_id).blockers
        assert self.state(task_id).phase == NEXT[phase]
        session.leave()

    async def reach(self, phase: str, agent: Mapping[str, Any] = AGENT) -> str:
        """A task that has just entered a phase."""
        task_id = await self.create(agent)
        while self.state(task_id).phase != phase:
            if self.state(task_id).phase == "REVIEW":
                await self.review(task_id)
            await self.leave(task_id)
        return task_id

    async def review(self, task_id: str) -> None:
        """Let every reviewer say that all is well, and go."""
        for role in ROLES:
            session = await self.reviewing(task_id, role)
            caller = await self.caller(session.session_id)
            verdict = {
                "role": role,
                "verdict": "pass",
                "tree": self.state(task_id).tree,
                "issues": [],
            }
            # The same key in every session, as a simple client sends it.
            await self.now.service.execute(
                caller,
                "submit_artifact",
                {"type": "review_verdict", "content": verdict},
                call_id="verdict",
            )
            session.leave()

    async def reviewing(self, task_id: str, role: str) -> MemorySession:
        """The session that reviews as ``role``, once it runs."""
        await self.until(lambda: self._reviewer(task_id, role))
        session = self._reviewer(task_id, role)
        assert session is not None
        return session

    def _reviewer(self, task_id: str, role: str) -> MemorySession | None:
        for reviewer in self.state(task_id).reviewers:
            is_housed = self.now.housing.get(reviewer.session_id) is not None
            if reviewer.role == role and reviewer.is_open and is_housed:
                return self.runner.sessions.get(reviewer.session_id)
        return None

    def kinds(self, task_id: str) -> list[str]:
        """Types of the task's stored events, without what is measured beside them."""
        stored = (event.event_type for event in self.store.task_events(task_id))
        return [kind for kind in stored if kind != EventType.BASE_MEASURED]


def run(story: Callable[[Bench], Awaitable[None]]) -> None:
    """Tell a story on a fresh bench with a running server."""

    async def tell() -> None:
        bench = Bench()
        await bench.start()
        try:
            await story(bench)
        finally:
            await bench.close()

    asyncio.run(tell())
