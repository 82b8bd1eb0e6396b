"""What has to be done next for a task, read from its state alone.

One loop per task that is not over. It never remembers what it did: after a crash the same loop,
looking at the same
state, does what is missing. Every step is idempotent by the ids in the state; waiting is on the
ledger's changes,
never on a clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from interlock.core import commands as cmd
from interlock.core.events import BlockerEncountered
from interlock.core.gates.review import roles_of
from interlock.core.model import PhaseSpec, WorkflowSpec
from interlock.core.policy.paths import writable
from interlock.core.states import TaskStatus
from interlock.core.tasks import PendingRequest, TaskState
from interlock.engine.codec import plain
from interlock.engine.environments import Environments
from interlock.engine.gatekeeper import Gatekeeper
from interlock.engine.housing import Housing
from interlock.engine.importing import take_over
from interlock.engine.ledger import Ledger
from interlock.engine.programs import Programs
from interlock.engine.prompts import author_prompt, reviewer_prompt
from interlock.engine.signing import attest, commit_message
from interlock.errors import InterlockError
from interlock.ports.audit import AuditPort
from interlock.ports.runner import AgentCommand, JudgeKind, Runner
from interlock.ports.vcs import Repository

__all__ = ["Driver", "Tools"]

MAX_REVIEW_SESSIONS = 2
"""How often a role's session on one tree may end without a verdict."""

_RETRY_S = 0.5
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the driver works with."""

    ledger: Ledger
    runner: Runner
    repository: Repository
    gatekeeper: Gatekeeper
    environments: Environments
    audit: AuditPort
    housing: Housing
    new_id: Callable[[str], str]
    signing_key: bytes


class Driver:
    """Drives all open tasks."""

    def __init__(self, tools: Tools) -> None:
        self._t = tools
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._starting: set[str] = set()

    def start(self) -> None:
        """Drive every task that is not over, and end sessions that none of them knows."""
        wanted: set[str] = set()
        for state in self._t.ledger.states():
            wanted |= _sessions_of(state)
            self.watch(state.task_id)
        for session_id in self._t.housing.survivors() - wanted:
            self._t.housing.end(session_id)

    def watch(self, task_id: str) -> None:
        """Drive one task; quiet if it is driven already."""
        if task_id not in self._loops and not self._t.ledger.state(task_id).status.is_final:
            loop = asyncio.create_task(self._drive(task_id), name=f"drive {task_id}")
            self._loops[task_id] = loop
            loop.add_done_callback(lambda _: self._loops.pop(task_id, None))

    async def stop(self) -> None:
        """Stop driving; sessions live on and are adopted by the next server."""
        for loop in tuple(self._loops.values()):
            loop.cancel()
        await asyncio.gather(*self._loops.values(), return_exceptions=True)

    async def _drive(self, task_id: str) -> None:
        while True:
            state = self._t.ledger.state(task_id)
            ended, needed = self._ended_sessions(state), self._open_dependencies(state)
            try:
                if await self._step(state):
                    continue
            except InterlockError as error:
                _log.warning("step_failed", task_id=task_id, code=error.code, error=str(error))
                if not error.retryable:
                    await self._ask_for_help(state, error)
                await asyncio.sleep(_RETRY_S)
                continue
            if state.status.is_final:
                await self._t.housing.settled()
                return
            await self._t.ledger.changed(partial(self._has_news, state, ended, needed))

    def _has_news(self, seen: TaskState, ended: frozenset[str], needed: frozenset[str]) -> bool:
        now = self._t.ledger.state(seen.task_id)
        return (
            now.version != seen.version
            or self._ended_sessions(now) != ended
            or self._open_dependencies(now) != needed
        )

    def _open_dependencies(self, state: TaskState) -> frozenset[str]:
        """Tasks that have to be complete before this one begins, and are not."""
        return frozenset(
            other
            for other in state.depends_on
            if self._t.ledger.state(other).status is not TaskStatus.COMPLETED
        )

    def _ended_sessions(self, state: TaskState) -> frozenset[str]:
        ids = (state.session_id, *(r.session_id for r in state.reviewers if r.is_open))
        houses = {i: self._t.housing.get(i) for i in ids}
        return frozenset(i for i, house in houses.items() if house and house.over.done())

    async def _ask_for_help(self, state: TaskState, error: InterlockError) -> None:
        """Put down once what only a person can clear."""
        fresh = self._t.ledger.state(state.task_id)
        known = {blocker.get("message") for blocker in fresh.notices}
        if error.message not in known:
            blocker = BlockerEncountered(message=error.message, remedy=error.remedy)
            await self._t.ledger.apply(state.task_id, cmd.Record(event=blocker), actor="server")
        version = self._t.ledger.state(state.task_id).version
        await self._t.ledger.changed(
            lambda: self._t.ledger.state(state.task_id).version != version, timeout_s=5.0
        )

    async def _step(self, state: TaskState) -> bool:
        """Do one thing; ``False`` if there is nothing to do until something changes."""
        self._end_stale(state)
        match state.status:
            case TaskStatus.READY:
                return await self._begin(state)
            case TaskStatus.WORKING:
                moved = await self._review(state)
                return await self._work(state) or moved
            case TaskStatus.MEASURING:
                moved = await self._review(state)
                return await self._measure(state) or moved
            case TaskStatus.LANDING:
                return await self._land(state)
            case _:
                return False

    def _end_stale(self, state: TaskState) -> None:
        """End sessions that have no part in the task any more."""
        needed = _sessions_of(state)
        for session_id in self._t.housing.of_task(state.task_id):
            if session_id not in needed:
                self._t.housing.end(session_id)

    # -- the author ------------------------------------------------------------------------

    async def _begin(self, state: TaskState) -> bool:
        programs = Programs.of(state.agent)
        if programs.author is None or self._open_dependencies(state):
            return False
        if state.failures >= programs.max_attempts:
            return False
        session_id = self._t.new_id("ses")
        self._starting.add(session_id)
        decision, _ = await self._t.ledger.apply(
            state.task_id,
            cmd.StartAttempt(
                attempt_id=self._t.new_id("att"),
                session_id=session_id,
                agent_id=f"author-{state.task_id}",
                confinement=self._t.runner.capability().level.value,
            ),
            actor="server",
        )
        return decision.accepted

    async def _work(self, state: TaskState) -> bool:
        house = self._t.housing.get(state.session_id)
        if house is None:
            return await self._house_author(state)
        if not house.over.done():
            return False
        code = house.over.result()
        await self._end_attempt(state, "exited" if code is not None else "died", code)
        return True

    async def _house_author(self, state: TaskState) -> bool:
        known = state.session_id in self._t.housing.survivors()
        if not known and state.session_id not in self._starting:
            # A server before us recorded the attempt; its session is gone or never was.
            self._t.housing.end(state.session_id)
            await self._end_attempt(state, "lost", None)
            return True
        workflow, phase = self._phase(state)
        program = Programs.of(state.agent).author
        if program is None:
            return False
        await self._t.housing.start(
            state,
            state.session_id,
            state.agent_id,
            program,
            prompt=author_prompt(workflow, state),
            environment=await self._environment(workflow, state),
            read_only=not writable(workflow, phase.id).allowed,
        )
        self._starting.discard(state.session_id)
        return False

    async def _end_attempt(self, state: TaskState, outcome: str, code: int | None) -> None:
        ended = cmd.EndAttempt(
            session_id=state.session_id,
            outcome=outcome,
            exit_code=code,
            detail=f"the session {outcome} in phase {state.phase}",
        )
        await self._t.ledger.apply(state.task_id, ended, actor="server")

    # -- the gate --------------------------------------------------------------------------

    async def _measure(self, state: TaskState) -> bool:
        request = state.request
        if request is None:
            return False
        if not request.tree:
            return await self._import(state)
        if self._waits_for_reviewers(state, request):
            return False
        facts = await self._t.gatekeeper.measure(state.task_id, request)
        head = self._t.audit.heads
        await self._t.ledger.apply(
            state.task_id,
            cmd.Conclude(
                request_id=request.request_id,
                facts=facts,
                approval_id=self._t.new_id("apr"),
                anchor=(head.seq, head.head),
            ),
            actor="server",
        )
        return True

    async def _import(self, state: TaskState) -> bool:
        house = self._t.housing.get(state.session_id)
        if house is None and state.session_id in self._t.housing.survivors():
            await self._house_author(state)
            house = self._t.housing.get(state.session_id)
        if house is None or house.session.exited.done() or state.request is None:
            await self._end_attempt(state, "lost" if house is None else "died", None)
            return True
        workflow, phase = self._phase(state)
        rules = writable(workflow, phase.id)

        def may_write(path: str) -> str | None:
            reason = rules.why_not(path)
            return reason.message if reason else None

        imported = await take_over(house.session, self._t.repository, state.tree, may_write)
        taken = cmd.TakeOver(
            request_id=state.request.request_id,
            tree=imported.tree,
            changes=imported.changes,
            refused=dict(imported.refused),
            ignored=imported.ignored,
        )
        await self._t.ledger.apply(state.task_id, taken, actor="server")
        return True

    # -- reviewers -------------------------------------------------------------------------

    def _waits_for_reviewers(self, state: TaskState, request: PendingRequest) -> bool:
        """Whether a verdict is still to come: from an open session, or from one to be started.

        Only a way out whose gate reads verdicts waits for them; the ways back are always open.
        """
        workflow, phase = self._phase(state)
        edge = workflow.edge(request.source, request.target)
        gate = phase.gate(edge.gate) if edge is not None and edge.gate is not None else None
        if gate is None:
            return False
        programs = Programs.of(state.agent)
        done = {v.role for v in state.verdicts if v.tree == state.tree}
        for role in set(roles_of(gate)) - done:
            here = [r for r in state.reviewers if r.role == role and r.tree == state.tree]
            tried = sum(not reviewer.is_lost for reviewer in here)
            can_try = programs.reviewer(role) is not None and tried < MAX_REVIEW_SESSIONS
            if can_try or any(r.is_open for r in here):
                return True
        return False

    async def _review(self, state: TaskState) -> bool:
        moved = False
        programs = Programs.of(state.agent)
        done = {v.role for v in state.verdicts if v.tree == state.tree}
        for role in roles_of(self._phase(state)[1]):
            here = [r for r in state.reviewers if r.role == role and r.tree == state.tree]
            for reviewer in here:
                if reviewer.is_open and await self._house_reviewer(state, reviewer.session_id):
                    moved = True
            is_open = any(r.is_open for r in here)
            program = programs.reviewer(role)
            tried = sum(not reviewer.is_lost for reviewer in here)
            if program and role not in done and not is_open and tried < MAX_REVIEW_SESSIONS:
                await self._start_reviewer(state, role)
                moved = True
        return moved

    async def _start_reviewer(self, state: TaskState, role: str) -> None:
        session_id = self._t.new_id("ses")
        self._starting.add(session_id)
        start = cmd.StartReviewer(
            session_id=session_id,
            agent_id=f"reviewer-{role}-{state.task_id}",
            role=role,
            confinement=self._t.runner.capability().level.value,
        )
        await self._t.ledger.apply(state.task_id, start, actor="server")

    async def _house_reviewer(self, state: TaskState, session_id: str) -> bool:
        """Keep a review session running; ``True`` if it was found to be over."""
        reviewer = next(r for r in state.reviewers if r.session_id == session_id)
        house = self._t.housing.get(session_id)
        known = session_id in self._t.housing.survivors() or session_id in self._starting
        if house is None and known:
            program: AgentCommand | None = Programs.of(state.agent).reviewer(reviewer.role)
            workflow, _ = self._phase(state)
            if program is not None:
                house = await self._t.housing.start(
                    state,
                    session_id,
                    reviewer.agent_id,
                    program,
                    prompt=reviewer_prompt(state, reviewer.role),
                    environment=await self._environment(workflow, state),
                    read_only=True,
                )
                self._starting.discard(session_id)
        if house is not None and not house.over.done():
            return False
        code = house.over.result() if house is not None else None
        outcome = "lost" if house is None else "exited" if code is not None else "died"
        ended = cmd.EndReviewer(
            session_id=session_id,
            outcome=outcome,
            exit_code=code,
            detail=f"the review session {outcome}",
        )
        await self._t.ledger.apply(state.task_id, ended, actor="server")
        return True

    # -- the end ---------------------------------------------------------------------------

    async def _land(self, state: TaskState) -> bool:
        message = commit_message(state, attest(state, self._t.signing_key))
        commit = await asyncio.to_thread(
            self._t.repository.land, state.branch, state.tree, state.base_commit, message
        )
        head = self._t.audit.heads
        await self._t.ledger.apply(
            state.task_id,
            cmd.Complete(commit=commit, anchor=(head.seq, head.head)),
            actor="server",
        )
        return True

    # -- shared ----------------------------------------------------------------------------

    def _phase(self, state: TaskState) -> tuple[WorkflowSpec, PhaseSpec]:
        workflow = self._t.ledger.workflow(state)
        phase = workflow.phase(state.phase)
        assert phase is not None, "a task is pinned to the workflow that has its phase"
        return workflow, phase

    async def _environment(self, workflow: WorkflowSpec, state: TaskState) -> str:
        """Host path of the built environment; none while nobody trusts the recipe."""
        if workflow.environment is None or not self._t.environments.is_trusted(
            workflow.environment
        ):
            return ""
        asked = {"spec": plain(workflow.environment), "base": state.base_tree}
        built = await self._t.runner.judge(JudgeKind.ENVIRONMENT, asked)
        return str(built["path"])


def _sessions_of(state: TaskState) -> set[str]:
    """Sessions that the task still has a use for."""
    if state.status.is_final:
        return set()
    needed = {r.session_id for r in state.reviewers if r.is_open and r.tree == state.tree}
    if state.session_id and state.status is not TaskStatus.AWAITING_APPROVAL:
        needed.add(state.session_id)
    return needed
