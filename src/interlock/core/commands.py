"""What somebody wants to happen to a task. Ids and measurements come with the command; nothing is
made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interlock.core.events import (
    ArtifactSubmitted,
    BaseMeasured,
    BlockerEncountered,
    EnforcementRaised,
    EvidenceRecorded,
    ToolDenied,
)
from interlock.core.facts import Approval, GateFacts, ReviewIssue, TreeChange
from interlock.core.modes import ALL_STRICT, InForce

__all__ = [
    "NO_ANCHOR",
    "Abort",
    "Anchor",
    "Approve",
    "Command",
    "Complete",
    "Conclude",
    "Create",
    "EndAttempt",
    "EndReviewer",
    "Record",
    "RefuseImport",
    "Reject",
    "RequestTransition",
    "Resume",
    "StartAttempt",
    "StartReviewer",
    "SubmitArtifact",
    "SubmitVerdict",
    "TakeOver",
]


Anchor = tuple[int, str]
"""Sequence number and head of the audit at the moment of a command: a cut tail shows against it."""

NO_ANCHOR: Anchor = (0, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """Make a task on a base."""

    title: str
    description: str
    base_commit: str
    base_tree: str
    branch: str
    depends_on: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    priority: int = 0
    agent: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    enforcement: InForce = ALL_STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAttempt:
    """A session takes the present phase."""

    attempt_id: str
    session_id: str
    agent_id: str
    confinement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAttempt:
    """The author's session is over."""

    session_id: str
    outcome: str
    exit_code: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartReviewer:
    """A review session begins."""

    session_id: str
    agent_id: str
    role: str
    confinement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndReviewer:
    """A review session is over; ``outcome`` as in ``EndAttempt``."""

    session_id: str
    outcome: str
    exit_code: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitArtifact:
    """The author hands in a document whose schema was checked and which lies in blob ``digest``."""

    session_id: str
    artifact: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitVerdict:
    """A reviewer hands in a verdict on ``tree``."""

    session_id: str
    role: str
    tree: str
    verdict: str
    issues: tuple[ReviewIssue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTransition:
    """The author wants to leave the phase."""

    request_id: str
    session_id: str
    current_phase: str
    target_phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """The scratch was imported for the pending request."""

    request_id: str
    tree: str
    changes: tuple[TreeChange, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseImport:
    """The scratch cannot be taken over, and trying again would change nothing."""

    request_id: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclude:
    """Everything the gate wants was measured: decide the pending request."""

    request_id: str
    facts: GateFacts
    approval_id: str
    anchor: Anchor = NO_ANCHOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """A person lets the waiting gate through; ``confinement`` is what sessions get here now."""

    approval: Approval
    anchor: Anchor = NO_ANCHOR
    confinement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A person refuses the waiting gate."""

    approval: Approval


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete:
    """The result was landed."""

    commit: str
    anchor: Anchor = NO_ANCHOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """A person ends the task."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """A person lets a phase be tried again whose session ended by itself."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Put down something that does not move the task."""

    event: (
        ToolDenied
        | BlockerEncountered
        | EvidenceRecorded
        | ArtifactSubmitted
        | BaseMeasured
        | EnforcementRaised
    )


Command = (
    Create
    | StartAttempt
    | EndAttempt
    | StartReviewer
    | EndReviewer
    | SubmitArtifact
    | SubmitVerdict
    | RequestTransition
    | TakeOver
    | RefuseImport
    | Conclude
    | Approve
    | Reject
    | Complete
    | Abort
    | Resume
    | Record
)
