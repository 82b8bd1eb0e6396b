"""The state of one task: the fold of its events, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interlock.core.events import BaseMeasured, LeftOut
from interlock.core.facts import ReviewVerdict
from interlock.core.modes import ALL_STRICT, InForce
from interlock.core.states import TaskStatus
from interlock.core.work import Work

__all__ = ["Frozen", "PendingRequest", "ReviewerSession", "TaskState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRequest:
    """A transition that was asked for and is not answered: ``tree`` is empty until the import.

    Args:
        leads_to, left_out: as measured for a person's approval, see ``events.ApprovalRequested``.
    """

    request_id: str
    source: str
    target: str
    session_id: str
    agent_id: str
    tree: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    approval_id: str = ""
    gate: str = ""
    binding: str = ""
    leads_to: str = ""
    left_out: tuple[LeftOut, ...] = ()
    overridden: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The tests and their configuration as RED pinned them."""

    tree: str
    red_tests: tuple[str, ...]
    new_tests: tuple[str, ...]
    base_green: tuple[str, ...]
    config: str
    environment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerSession:
    """A review session, its role and the tree it was started on.

    Args:
        is_open: it has not ended.
        is_lost: it ended because the server lost it, which is not the reviewer's failure.
        confinement: level that it runs at.
    """

    session_id: str
    agent_id: str
    role: str
    tree: str
    epoch: int
    is_open: bool = True
    is_lost: bool = False
    confinement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """Where one task is.

    Args:
        version: number of events folded; the next append expects it.
        created_by: the person who made the task; empty where an older record does not say.
        epoch: goes up with every change of phase or holder; tokens of an older epoch are dead.
        tree: oid that the present phase started from; the next attempt starts there again.
        artifacts: type → blob digest, of what is handed in and still counts.
        attempts: number of attempts of the present phase so far.
        failures: attempts of the present phase that ended by themselves without leaving it.
        losses: attempts of the present phase that ended with the server or supervisor that held
            them.
        returns: how often the task went back to an earlier phase since a person last let it go on.
        authors: agent ids that held the task in any attempt, in order; none of them reviews it.
        confinement: level of the newest attempt: what is in hand now was made at it.
        judged: weakest level at which something was measured for what is in hand; empty if nothing
            was.
        weakest: weakest level of any session of the task so far.
        agent: program specification of the author and the reviewers, as given with the task.
        measured: kind of measurement → blob digest, of what was measured in this phase on the
            tree whose oid is under ``tree``.
        base: how the suite of the base does by itself, once that was measured.
        enforcement: how hard the rules bind for this task.
        blockers: rendered reasons of the last blocked request.
        overridden: rendered reasons that would have blocked the newest request in strict mode, once
            it was let through.
        notices: what only a person can clear, since the last change of phase.
        last_request, last_session, last_outcome: the newest transition request, who made it and
            what became of it, so that it can be answered again after a crash.
        trees: phase → oid it was left with, for the trail.
        work: kind of work, once it was settled under the present plan.
        left_out: what did not apply on the way to the present phase.
    """

    task_id: str = ""
    version: int = 0
    status: TaskStatus = TaskStatus.NEW
    title: str = ""
    description: str = ""
    workflow: str = ""
    base_commit: str = ""
    base_tree: str = ""
    branch: str = ""
    depends_on: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    priority: int = 0
    created_by: str = ""
    phase: str = ""
    epoch: int = 0
    tree: str = ""
    attempt_id: str = ""
    attempts: int = 0
    failures: int = 0
    losses: int = 0
    returns: int = 0
    session_id: str = ""
    agent_id: str = ""
    authors: tuple[str, ...] = ()
    confinement: str = ""
    judged: str = ""
    weakest: str = ""
    artifacts: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
    measured: Mapping[str, str] = field(default_factory=dict)
    base: BaseMeasured | None = None
    agent: Mapping[str, Any] = field(default_factory=dict)
    frozen: Frozen | None = None
    request: PendingRequest | None = None
    reviewers: tuple[ReviewerSession, ...] = ()
    verdicts: tuple[ReviewVerdict, ...] = ()
    enforcement: InForce = ALL_STRICT
    blockers: tuple[Mapping[str, object], ...] = ()
    overridden: tuple[Mapping[str, object], ...] = ()
    notices: tuple[Mapping[str, object], ...] = ()
    last_request: str = ""
    last_session: str = ""
    last_outcome: str = ""
    trees: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    work: Work | None = None
    left_out: tuple[LeftOut, ...] = ()

    def judged_at(self, tree: str) -> str:
        """Weakest level at which something was measured on ``tree``; empty if nothing was."""
        return self.judged if self.measured.get("tree") == tree else ""
