"""What happened to a task: frozen records, past tense, plain JSON values inside.

Decisions are stored as events and never decided again while folding. A field is only ever added
with a default; anything else is a new schema number and an upcaster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from interlock.core.facts import ReviewIssue
from interlock.core.modes import ALL_STRICT, InForce

__all__ = [
    "EVENT_KINDS",
    "ApprovalGiven",
    "ApprovalRejected",
    "ApprovalRequested",
    "ArtifactSubmitted",
    "AttemptEnded",
    "AttemptStarted",
    "BaseMeasured",
    "BlockerEncountered",
    "CompletionAccepted",
    "EnforcementRaised",
    "Event",
    "EventType",
    "EvidenceRecorded",
    "GateBlocked",
    "GatePassed",
    "LeftOut",
    "MeasurementLost",
    "PhaseChanged",
    "PhaseTransitionRequested",
    "ReviewerEnded",
    "ReviewerStarted",
    "TaskAborted",
    "TaskCompleted",
    "TaskCreated",
    "TaskResumed",
    "TaskStarted",
    "TestsFrozen",
    "ToolDenied",
    "TreeImported",
    "VerdictSubmitted",
    "WorkClassified",
]


class EventType(StrEnum):
    """Names on the bus and in the table ``events``."""

    TASK_CREATED = "task_created"
    TASK_STARTED = "task_started"
    BASE_MEASURED = "base_measured"
    ATTEMPT_STARTED = "attempt_started"
    ATTEMPT_ENDED = "attempt_ended"
    REVIEWER_STARTED = "reviewer_started"
    REVIEWER_ENDED = "reviewer_ended"
    ARTIFACT_SUBMITTED = "artifact_submitted"
    VERDICT_SUBMITTED = "verdict_submitted"
    PHASE_TRANSITION_REQUESTED = "phase_transition_requested"
    TREE_IMPORTED = "tree_imported"
    EVIDENCE_RECORDED = "evidence_recorded"
    WORK_CLASSIFIED = "work_classified"
    TESTS_FROZEN = "tests_frozen"
    GATE_PASSED = "gate_passed"
    GATE_BLOCKED = "gate_blocked"
    MEASUREMENT_LOST = "measurement_lost"
    APPROVAL_REQUESTED = "approval_requested"
    APPROVAL_GIVEN = "approval_given"
    APPROVAL_REJECTED = "approval_rejected"
    PHASE_CHANGED = "phase_changed"
    TOOL_DENIED = "tool_denied"
    BLOCKER_ENCOUNTERED = "blocker_encountered"
    COMPLETION_ACCEPTED = "completion_accepted"
    TASK_RESUMED = "task_resumed"
    ENFORCEMENT_RAISED = "enforcement_raised"
    TASK_COMPLETED = "task_completed"
    TASK_ABORTED = "task_aborted"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCreated:
    """A task exists, pinned to a workflow digest and a base."""

    type: ClassVar[EventType] = EventType.TASK_CREATED
    title: str
    workflow: str
    base_commit: str
    base_tree: str
    branch: str
    phase: str
    description: str = ""
    depends_on: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    priority: int = 0
    agent: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    enforcement: InForce = ALL_STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptStarted:
    """An author's session holds the phase; the epoch went up."""

    type: ClassVar[EventType] = EventType.ATTEMPT_STARTED
    attempt_id: str
    session_id: str
    agent_id: str
    number: int
    phase: str
    epoch: int
    tree: str
    confinement: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted:
    """The first attempt of the first phase began."""

    type: ClassVar[EventType] = EventType.TASK_STARTED
    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """The author's session is over and the phase was not left."""

    type: ClassVar[EventType] = EventType.ATTEMPT_ENDED
    attempt_id: str
    outcome: str
    exit_code: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerStarted:
    """A review session with an identity of its own looks at ``tree``."""

    type: ClassVar[EventType] = EventType.REVIEWER_STARTED
    session_id: str
    agent_id: str
    role: str
    tree: str
    epoch: int
    confinement: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerEnded:
    """A review session is over, with or without a verdict."""

    type: ClassVar[EventType] = EventType.REVIEWER_ENDED
    session_id: str
    outcome: str = "exited"
    exit_code: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactSubmitted:
    """A schema-valid document was handed in; ``digest`` names its blob."""

    type: ClassVar[EventType] = EventType.ARTIFACT_SUBMITTED
    artifact: str
    digest: str
    phase: str
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSubmitted:
    """A reviewer's typed verdict on one tree."""

    type: ClassVar[EventType] = EventType.VERDICT_SUBMITTED
    role: str
    agent_id: str
    session_id: str
    tree: str
    verdict: str
    issues: tuple[ReviewIssue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTransitionRequested:
    """The author asked to leave the phase; its token is suspended until the answer."""

    type: ClassVar[EventType] = EventType.PHASE_TRANSITION_REQUESTED
    request_id: str
    source: str
    target: str
    session_id: str
    agent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeImported:
    """The scratch was taken over; what was refused never landed."""

    type: ClassVar[EventType] = EventType.TREE_IMPORTED
    request_id: str
    tree: str
    changed: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecorded:
    """The judge measured something; ``digest`` names the blob with all of it."""

    type: ClassVar[EventType] = EventType.EVIDENCE_RECORDED
    evidence_id: str
    kind: str
    tree: str
    digest: str
    environment: str = ""
    level: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A phase, a gate or a check that did not apply because its condition was false, for the facts
    in ``why``."""

    phase: str
    when: str
    why: str
    gate: str = ""
    check: str = ""

    def __str__(self) -> str:
        if self.check:
            return f"check {self.check} of {self.phase}"
        return f"gate {self.gate} of {self.phase}" if self.gate else f"phase {self.phase}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkClassified:
    """The kind of the task's work, from the plan and the diff of ``tree``; see ``core.work``."""

    type: ClassVar[EventType] = EventType.WORK_CLASSIFIED
    kind: str
    stated: str
    why: str
    tree: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseMeasured:
    """How the suite of the task's base does by itself; ``digest`` names the blob with all of it.

    ``failing`` and ``flaky`` are the first ids of as many as the counts say.
    """

    type: ClassVar[EventType] = EventType.BASE_MEASURED
    digest: str
    tree: str
    environment: str = ""
    level: str = "none"
    problem: str = ""
    tests: int = 0
    failing: tuple[str, ...] = ()
    failing_count: int = 0
    flaky: tuple[str, ...] = ()
    flaky_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsFrozen:
    """The tests that were red are pinned: GREEN runs these and no others."""

    __test__ = False

    type: ClassVar[EventType] = EventType.TESTS_FROZEN
    tree: str
    red_tests: tuple[str, ...]
    new_tests: tuple[str, ...]
    base_green: tuple[str, ...]
    config: str
    environment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePassed:
    """Every blocking check of the gate let through, or a mode below strict did.

    ``reasons`` are what would have blocked in strict mode, if ``overridden_by_mode`` names one.
    """

    type: ClassVar[EventType] = EventType.GATE_PASSED
    gate: str
    tree: str
    checks: Mapping[str, str] = field(default_factory=dict)
    overridden_by_mode: str = ""
    reasons: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateBlocked:
    """The way out stays shut; ``reasons`` are rendered records with rule, message and remedy."""

    type: ClassVar[EventType] = EventType.GATE_BLOCKED
    gate: str
    request_id: str
    tree: str
    reasons: tuple[Mapping[str, Any], ...]
    checks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementLost:
    """The session went before its tree was imported: the phase starts again from its tree.

    ``outcome`` is ``lost`` if the server lost it; anything else is an attempt that failed.
    """

    type: ClassVar[EventType] = EventType.MEASUREMENT_LOST
    request_id: str
    detail: str
    outcome: str = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested:
    """A person has to say yes to exactly what ``binding`` stands for.

    ``leads_to`` is where the way leads if it is not the target, past what is ``left_out``.
    ``overridden`` are those of the ``reasons`` that would have blocked in strict mode.
    """

    type: ClassVar[EventType] = EventType.APPROVAL_REQUESTED
    approval_id: str
    gate: str
    request_id: str
    tree: str
    target: str
    binding: str
    reasons: tuple[Mapping[str, Any], ...] = ()
    leads_to: str = ""
    left_out: tuple[LeftOut, ...] = ()
    overridden: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalGiven:
    """A person, or the orchestrator where nothing failed or warned, let the gate through.

    ``confinement`` and ``judged`` are the levels at which what was let through was made and judged,
    as the approver was shown them; empty in events of releases that did not record them.
    """

    type: ClassVar[EventType] = EventType.APPROVAL_GIVEN
    approval_id: str
    gate: str
    by: str
    binding: str
    strength: str
    reason: str = ""
    confinement: str = ""
    judged: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRejected:
    """A person said no; the phase goes on with their reason."""

    type: ClassVar[EventType] = EventType.APPROVAL_REJECTED
    approval_id: str
    gate: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChanged:
    """The task is in another phase, on exactly ``tree``; every older token is dead.

    ``kept_artifacts`` are the types that still count; the tests stay frozen if ``keeps_frozen`` or
    if the way led ``forward``. ``left_out`` is everything on the way here that did not apply.
    """

    type: ClassVar[EventType] = EventType.PHASE_CHANGED
    source: str
    target: str
    tree: str
    epoch: int
    request_id: str
    forward: bool = True
    keeps_frozen: bool = True
    kept_artifacts: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    audit_seq: int = 0
    audit_head: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDenied:
    """A tool call, or a document that was handed in, was refused; or it would have been, and
    ``overridden_by_mode`` names the mode that let it through."""

    type: ClassVar[EventType] = EventType.TOOL_DENIED
    tool: str
    rule: str
    message: str
    session_id: str
    call_id: str
    remedy: str = ""
    overridden_by_mode: str = ""

    @property
    def is_about_a_document(self) -> bool:
        """Whether a document did not fit its schema, which blocks the way out as a gate does."""
        return self.rule.startswith("artifact.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockerEncountered:
    """Something outside the task stands in the way."""

    type: ClassVar[EventType] = EventType.BLOCKER_ENCOUNTERED
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionAccepted:
    """The terminal phase's artifacts are in; the server commits ``tree``."""

    type: ClassVar[EventType] = EventType.COMPLETION_ACCEPTED
    request_id: str
    tree: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResumed:
    """A person lets the phase be tried again."""

    type: ClassVar[EventType] = EventType.TASK_RESUMED
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementRaised:
    """The server's setting is stricter than what the task was made with, and counts from now."""

    type: ClassVar[EventType] = EventType.ENFORCEMENT_RAISED
    enforcement: InForce


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted:
    """The result stands as one commit on the task's branch.

    ``confinement`` is the weakest level that any session of the task had.
    """

    type: ClassVar[EventType] = EventType.TASK_COMPLETED
    commit: str
    branch: str
    tree: str
    audit_seq: int = 0
    audit_head: str = ""
    confinement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAborted:
    """A person ended the task."""

    type: ClassVar[EventType] = EventType.TASK_ABORTED
    by: str
    reason: str


Event = (
    TaskCreated
    | TaskStarted
    | AttemptStarted
    | AttemptEnded
    | ReviewerStarted
    | ReviewerEnded
    | ArtifactSubmitted
    | VerdictSubmitted
    | PhaseTransitionRequested
    | TreeImported
    | EvidenceRecorded
    | WorkClassified
    | BaseMeasured
    | TestsFrozen
    | GatePassed
    | GateBlocked
    | MeasurementLost
    | ApprovalRequested
    | ApprovalGiven
    | ApprovalRejected
    | PhaseChanged
    | ToolDenied
    | BlockerEncountered
    | CompletionAccepted
    | TaskResumed
    | EnforcementRaised
    | TaskCompleted
    | TaskAborted
)

EVENT_KINDS: dict[EventType, type[Event]] = {kind.type: kind for kind in Event.__args__}
"""Event type → record, for the codec at the edge."""
