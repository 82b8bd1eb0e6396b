"""What becomes of a command, as data.

A refusal is a decision like any other: no events, and reasons that say what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from interlock.core import events as ev
from interlock.core.reasons import GateResult, Reason
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState

__all__ = ["Decision", "Verdict", "accepted", "refused", "wrong_status"]


class Verdict(StrEnum):
    """What becomes of a command."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Outcome of a command: events to append and reasons to show.

    There is no list of effects: what has to be done follows from the state alone, so that a shell
    that crashed between an event and its effect does it when it comes back.

    Args:
        events: what happened, in order; none for a refusal, or where there is nothing to do.
        reasons: why not, or what keeps a gate shut.
        gate: every check of the gate, if one was evaluated.
    """

    verdict: Verdict
    events: tuple[ev.Event, ...] = ()
    reasons: tuple[Reason, ...] = ()
    gate: GateResult | None = None

    @property
    def accepted(self) -> bool:
        """Whether the command counts."""
        return self.verdict is Verdict.ACCEPTED


def accepted(
    *events: ev.Event, reasons: tuple[Reason, ...] = (), gate: GateResult | None = None
) -> Decision:
    """The command counts and these events happen."""
    return Decision(verdict=Verdict.ACCEPTED, events=events, reasons=reasons, gate=gate)


def refused(rule: str, message: str, remedy: str) -> Decision:
    """Nothing happens, for one reason."""
    reason = Reason(rule=rule, message=message, remedy=remedy)
    return Decision(verdict=Verdict.REFUSED, reasons=(reason,))


def wrong_status(state: TaskState, *wanted: TaskStatus) -> Decision:
    """Nothing happens: the task is not where the command needs it."""
    names = " or ".join(status.value for status in wanted)
    return refused(
        "task.status",
        f"the task is {state.status.value}, not {names}",
        f"interlock show {state.task_id}",
    )
