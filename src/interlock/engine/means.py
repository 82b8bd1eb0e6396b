"""What the parts of the driver work with, and two questions that all of them ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from interlock.core.commands import Command, Record
from interlock.core.events import BlockerEncountered
from interlock.core.explain import runnable
from interlock.core.model import PhaseSpec, WorkflowSpec
from interlock.core.tasks import TaskState
from interlock.engine.codec import plain
from interlock.engine.environments import Environments
from interlock.engine.gatekeeper import Gatekeeper
from interlock.engine.housing import Housing
from interlock.engine.ledger import Ledger
from interlock.ports.audit import AuditPort
from interlock.ports.runner import JudgeKind, Runner
from interlock.ports.vcs import Repository

__all__ = ["Means"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Everything that a task is driven with.

    Args:
        new_id: makes an id from a prefix.
        signing_key: of attestations.
    """

    ledger: Ledger
    runner: Runner
    repository: Repository
    gatekeeper: Gatekeeper
    environments: Environments
    audit: AuditPort
    housing: Housing
    new_id: Callable[[str], str]
    signing_key: bytes

    async def apply(self, state: TaskState, command: Command) -> bool:
        """Apply a command of the server's own; whether it was accepted."""
        decision, _ = await self.ledger.apply(state.task_id, command, actor="server")
        return decision.accepted

    async def tell(self, state: TaskState, message: str, remedy: str) -> None:
        """Put down, once, what only a person can clear."""
        fresh = self.ledger.state(state.task_id)
        if message not in {notice.get("message") for notice in fresh.notices}:
            blocker = BlockerEncountered(message=message, remedy=runnable(remedy, state.task_id))
            await self.apply(state, Record(event=blocker))

    def phase(self, state: TaskState) -> tuple[WorkflowSpec, PhaseSpec]:
        """The task's definition and present phase."""
        workflow = self.ledger.workflow(state)
        phase = workflow.phase(state.phase)
        assert phase is not None, "a task is pinned to the workflow that has its phase"
        return workflow, phase

    def anchor(self) -> tuple[int, str]:
        """Where the audit stands now."""
        head = self.audit.heads
        return head.seq, head.head

    async def environment(self, state: TaskState) -> str:
        """Host path of the built environment; empty while nobody trusts the recipe."""
        recipe = self.ledger.workflow(state).environment
        if recipe is None or not self.environments.is_trusted(recipe):
            return ""
        asked = {"spec": plain(recipe), "base": state.base_tree}
        built = await self.runner.judge(JudgeKind.ENVIRONMENT, asked)
        return str(built["path"])
