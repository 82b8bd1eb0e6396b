"""A decision as data: outcome, why, and the exact next command. Every surface renders these
records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from interlock.core.model import Position, Severity

__all__ = ["CheckResult", "GateResult", "GateStatus", "Outcome", "Reason", "ToolDecision"]


class Outcome(StrEnum):
    """What a check came to. ``FAIL``, ``NOT_YET`` and ``UNDETERMINED`` do not let through."""

    PASS = "pass"
    FAIL = "fail"
    WARN = "warn"
    NOT_YET = "not_yet"
    NOT_APPLICABLE = "not_applicable"
    UNDETERMINED = "undetermined"

    @property
    def lets_through(self) -> bool:
        """Whether a blocking check with this outcome lets its gate pass."""
        return self in (Outcome.PASS, Outcome.WARN, Outcome.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: the rule, where it is written, the facts looked at, and the next command.

    Args:
        rule: stable id such as ``tool.not_allowed`` or a check's name.
        message: one sentence for a person.
        remedy: a command the reader can run, or what to do instead.
        position: the line of the workflow file that decided.
        facts: plain JSON values that were looked at.
        finding: the message without what the workflow file says of it: two reasons with the same
            one have the same cause.
    """

    rule: str
    message: str
    remedy: str = ""
    position: Position | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    finding: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDecision:
    """Verdict on one tool call; ``tool`` is the canonical name (or the unknown one as it was
    sent).

    Args:
        reasons: against the call; none if it is allowed.
        overridden: reasons that would have denied it in strict mode.
        overridden_by_mode: the mode that let it through; empty if none had to.
    """

    allowed: bool
    tool: str
    reasons: tuple[Reason, ...]
    overridden: tuple[Reason, ...] = ()
    overridden_by_mode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check (or artifact rule) with its outcome and the facts behind it."""

    check: str
    outcome: Outcome
    severity: Severity
    reason: Reason


class GateStatus(StrEnum):
    """Where a gate stands."""

    PASSED = "passed"
    BLOCKED = "blocked"
    AWAITING_APPROVAL = "awaiting_approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """A gate with all its checks; ``blockers`` are the ones that keep it shut.

    Args:
        missing: what is needed besides the checks.
        approved_by: ``orchestrator`` or ``review_agent``, if that is who let an approval gate
            through.
        overridden: reasons that would have kept the gate shut in strict mode.
    """

    gate: str
    status: GateStatus
    checks: tuple[CheckResult, ...]
    missing: tuple[Reason, ...] = ()
    approved_by: str = ""
    overridden: tuple[Reason, ...] = ()

    @property
    def blockers(self) -> tuple[Reason, ...]:
        """The minimal set of reasons that keep the gate shut."""
        if self.overridden:
            return self.missing
        failed = tuple(
            check.reason
            for check in self.checks
            if check.severity is Severity.BLOCKING and not check.outcome.lets_through
        )
        return failed + self.missing
