"""The people's side of the engine: tasks, why they wait, approvals bound to exactly what was
shown, evidence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from interlock.core import commands as cmd
from interlock.core.confinement import is_weaker
from interlock.core.decision import Decision
from interlock.core.events import ApprovalGiven, BlockerEncountered
from interlock.core.facts import Approval
from interlock.core.model import Mode, WorkflowSpec
from interlock.core.modes import in_force
from interlock.core.tasks import TaskState
from interlock.engine.bus import Bus
from interlock.engine.codec import plain
from interlock.engine.driver import Driver
from interlock.engine.environments import Environments
from interlock.engine.evidence import bundle
from interlock.engine.gatekeeper import Gatekeeper
from interlock.engine.ledger import Ledger
from interlock.engine.outlook import Outlook, SessionLog
from interlock.engine.programs import Programs
from interlock.errors import (
    AuthError,
    ConflictError,
    DeniedError,
    InterlockError,
    InvalidInputError,
    NotFoundError,
)
from interlock.ports.audit import AuditPort
from interlock.ports.vcs import Base

__all__ = ["People"]

# So many uncommitted paths are named.
_NAMED = 5


_REFUSALS: Mapping[str, tuple[type[InterlockError], str]] = {
    "approval.strength": (AuthError, "IL-PPL-006"),
    "approval.four_eyes": (DeniedError, "IL-PPL-007"),
}
"""Who must act on a refused decision, where that is not whoever has a stale view."""


class People:
    """Commands and queries of people.

    Args:
        workflow: the definition that new tasks are pinned to, read from the base revision.
        fetch_base: brings the user's revision into the bare repository.
        level: confinement that sessions get here.
        session_log: what a session printed; nothing if it is not given.
        mode: the server's ``enforcement.mode`` and where it was read.
    """

    def __init__(
        self,
        ledger: Ledger,
        driver: Driver,
        gatekeeper: Gatekeeper,
        audit: AuditPort,
        *,
        fetch_base: Callable[[], Awaitable[tuple[Base, WorkflowSpec]]],
        new_id: Callable[[str], str],
        level: Callable[[], str],
        session_log: SessionLog = lambda _: ("", ()),
        mode: tuple[Mode, str] = (Mode.STRICT, "default"),
    ) -> None:
        self._ledger = ledger
        self._driver = driver
        self._gatekeeper = gatekeeper
        self._audit = audit
        self._fetch_base = fetch_base
        self._new_id = new_id
        self._level = level
        self._mode = mode
        self._environments = Environments(ledger.store)
        self._bus = Bus(ledger)
        self._outlook = Outlook(ledger, gatekeeper, session_log, level)

    # -- tasks -----------------------------------------------------------------------------

    async def create_task(
        self,
        *,
        title: str,
        description: str = "",
        depends_on: Collection[str] = (),
        capabilities: Collection[str] = (),
        priority: int = 0,
        agent: Mapping[str, Any] | None = None,
        actor: str,
        command_id: str,
    ) -> Mapping[str, Any]:
        """Make a task on the present base and start driving it.

        Raises:
            InvalidInputError: no title, or programs that are not of the right shape.
            NotFoundError: a dependency is not known.
            DeniedError: the workflow asks for a confinement that this machine does not have.
        """
        if not title.strip():
            raise InvalidInputError(
                "a task needs a title", code="IL-PPL-001", remedy='interlock run "what to do"'
            )
        for other in depends_on:
            self._ledger.state(other)
        Programs.of(agent or {})
        if stored := await self._ledger.run(lambda: self._ledger.store.command(command_id)):
            return self._outlook.view(self._ledger.state(stored[0].task_id))
        base, workflow = await self._fetch_base()
        self._require_confinement(workflow)
        self._ledger.workflows[workflow.digest] = workflow
        task_id = self._new_id("task")
        create = cmd.Create(
            title=title.strip(),
            description=description,
            base_commit=base.commit,
            base_tree=base.tree,
            branch=f"interlock/{task_id}",
            depends_on=tuple(depends_on),
            capabilities=tuple(capabilities),
            priority=priority,
            agent=dict(agent or {}),
            by=actor.removeprefix("person:"),
            enforcement=in_force(workflow, *self._mode),
        )
        await self._ledger.create(task_id, workflow, create, actor=actor, command_id=command_id)
        await self._tell_untrusted(task_id, workflow, command_id)
        await self._tell_uncommitted(task_id, base.uncommitted, command_id)
        self._driver.watch(task_id)
        return self._outlook.view(self._ledger.state(task_id))

    async def _tell_uncommitted(self, task_id: str, paths: Sequence[str], command_id: str) -> None:
        """A task starts from a commit: what is only in the working tree is not in it."""
        if not paths:
            return
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        notice = BlockerEncountered(
            message="uncommitted changes are not part of this task: "
            f"{', '.join(paths[:_NAMED])}{more}",
            remedy="git commit, then start another task; this one goes on without them",
        )
        await self._ledger.apply(
            task_id,
            cmd.Record(event=notice),
            actor="server",
            command_id=f"{command_id}:uncommitted",
        )

    async def _tell_untrusted(self, task_id: str, workflow: WorkflowSpec, command_id: str) -> None:
        """Said at the start: without the environment no gate that measures will open."""
        recipe = workflow.environment
        if recipe is None or self._environments.is_trusted(recipe):
            return
        notice = BlockerEncountered(
            message="nobody has trusted the commands that build the test environment: no test can "
            "run, and gates that measure stay shut",
            remedy="interlock trust",
        )
        await self._ledger.apply(
            task_id,
            cmd.Record(event=notice),
            actor="server",
            command_id=f"{command_id}:environment",
        )

    def _require_confinement(self, workflow: WorkflowSpec) -> None:
        wanted, there = workflow.required_confinement, self._level()
        if is_weaker(there, wanted):
            raise DeniedError(
                f"the workflow asks for confinement {wanted}, this machine gives {there}",
                code="IL-PPL-002",
                remedy="interlock doctor",
            )

    async def tasks(self) -> list[Mapping[str, Any]]:
        """Every task, oldest first."""
        return await self._outlook.tasks()

    async def task(self, task_id: str) -> Mapping[str, Any]:
        """One task."""
        return await self._outlook.task(task_id)

    async def why(self, task_id: str) -> Mapping[str, Any]:
        """Why the task is where it is; between two requests, the last one as it was judged."""
        return await self._outlook.why(task_id)

    async def inbox(self) -> list[Mapping[str, Any]]:
        """What waits for a person, with everything that an approval would be bound to."""
        return await self._outlook.inbox()

    # -- approvals -------------------------------------------------------------------------

    async def approve(
        self,
        task_id: str,
        gate: str,
        *,
        by: str,
        strength: str,
        reason: str = "",
        binding: str | None = None,
        command_id: str,
    ) -> Mapping[str, Any]:
        """Let a waiting gate through.

        Args:
            binding: what the approver was shown; ``None``: what waits now.
            strength: how the person proved to be one.
        """
        approval = self._approval(task_id, gate, by, strength, reason, binding)
        head = self._audit.heads
        command = cmd.Approve(
            approval=approval, anchor=(head.seq, head.head), confinement=self._level()
        )
        decision, state = await self._ledger.apply(
            task_id, command, actor=f"person:{by}", command_id=command_id
        )
        done = self._done(decision, state)
        # Of the record: a repeated command is answered with what it did the first time.
        stored = await self._ledger.run(lambda: self._ledger.store.command(command_id))
        given = next((e.data for e in stored if e.event_type == ApprovalGiven.type), {})
        shown = ("gate", "by", "strength", "confinement", "judged")
        return {**done, "approved": {key: given.get(key, "") for key in shown}}

    async def reject(
        self,
        task_id: str,
        gate: str,
        *,
        by: str,
        strength: str,
        reason: str,
        binding: str | None = None,
        command_id: str,
    ) -> Mapping[str, Any]:
        """Refuse a waiting gate; the phase goes on with the reason."""
        if not reason.strip():
            raise InvalidInputError(
                "a rejection needs a reason",
                code="IL-PPL-003",
                remedy=f"interlock reject {task_id} {gate} --reason '…'",
            )
        approval = self._approval(task_id, gate, by, strength, reason, binding)
        decision, state = await self._ledger.apply(
            task_id, cmd.Reject(approval=approval), actor=f"person:{by}", command_id=command_id
        )
        return self._done(decision, state)

    def _approval(
        self, task_id: str, gate: str, by: str, strength: str, reason: str, binding: str | None
    ) -> Approval:
        state = self._ledger.state(task_id)
        request = state.request
        return Approval(
            id=request.approval_id if request else "",
            gate=gate,
            by=by,
            binding=binding if binding is not None else (request.binding if request else ""),
            strength=strength,
            reason=reason,
        )

    async def abort(
        self, task_id: str, *, by: str, reason: str, command_id: str
    ) -> Mapping[str, Any]:
        """End a task for good; what it did stays in the records."""
        decision, state = await self._ledger.apply(
            task_id,
            cmd.Abort(by=by, reason=reason),
            actor=f"person:{by}",
            command_id=command_id,
        )
        return self._done(decision, state)

    async def resume(self, task_id: str, *, by: str, command_id: str) -> Mapping[str, Any]:
        """Try a phase again whose session ended by itself."""
        decision, state = await self._ledger.apply(
            task_id, cmd.Resume(by=by), actor=f"person:{by}", command_id=command_id
        )
        return self._done(decision, state)

    def _done(self, decision: Decision, state: TaskState) -> Mapping[str, Any]:
        if not decision.accepted:
            reason = decision.reasons[0]
            kind, code = _REFUSALS.get(reason.rule, (ConflictError, "IL-PPL-004"))
            raise kind(reason.message, code=code, remedy=reason.remedy)
        return self._outlook.view(state)

    # -- records ---------------------------------------------------------------------------

    async def evidence(self, task_id: str) -> Mapping[str, Any]:
        """Everything that is known about a task, in one document."""
        return await bundle(self._ledger, self._audit, self._ledger.state(task_id))

    async def artifact(self, task_id: str, name: str) -> Any:
        """A document that was handed in."""
        digest = self._ledger.state(task_id).artifacts.get(name)
        if digest is None:
            raise NotFoundError(
                f"task {task_id!r} has no artifact {name!r}",
                code="IL-PPL-005",
                remedy=f"interlock show {task_id}",
            )
        return await self._gatekeeper.document(digest)

    async def events(
        self,
        cursor: int,
        *,
        types: Collection[str] = (),
        task_id: str | None = None,
        limit: int = 500,
        wait_s: float = 0,
        is_stored: bool = False,
    ) -> tuple[list[Mapping[str, Any]], int]:
        """Events after ``cursor``, and the next cursor; see ``Bus.read``."""
        found, cursor = await self._bus.read(
            cursor,
            types=types,
            task_id=task_id,
            limit=limit,
            wait_s=wait_s,
            is_stored=is_stored,
        )
        return [plain(event) for event in found], cursor
