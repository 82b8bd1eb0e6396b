"""What a task's events say beyond its present state: how its last attempt ended, what it asked for
last, what a person said no to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from interlock.core import events as ev
from interlock.core.evolve import evolve
from interlock.core.tasks import TaskState

__all__ = ["Ended", "History", "Request", "is_question"]

_QUESTION = re.compile(r"\S+ asks: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An attempt that ended by itself without leaving its phase."""

    number: int
    phase: str
    session_id: str
    outcome: str
    exit_code: int | None

    def __str__(self) -> str:
        match self.outcome, self.exit_code:
            case "exited", 0:
                return f"the agent exited with status 0 without leaving {self.phase}"
            case "exited", code if code is not None and code < 0:
                return f"the agent was ended by signal {-code} in {self.phase}"
            case "exited", code:
                return f"the agent exited with status {code} in {self.phase}"
            case outcome, _:
                return f"the session {outcome} in {self.phase}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The last request of the present phase that was refused, and the task as it was judged.

    Args:
        is_kept: the session that made it has not ended since, so its work is still there.
    """

    state: TaskState
    is_kept: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One task's past, as far as it matters for its present phase.

    Args:
        rejections: who rejected what with which reason: (gate, by, reason), oldest first.
        is_stuck: the newest event is a notice that is no agent's question.
    """

    ended: Ended | None = None
    asked: Request | None = None
    rejections: tuple[tuple[str, str, str], ...] = ()
    is_stuck: bool = False

    @classmethod
    def of(cls, task_id: str, events: Iterable[ev.Event]) -> History:
        """The history that these events make."""
        history, state = cls(), TaskState(task_id=task_id)
        for event in events:
            history, state = history._after(state, event), evolve(state, event)
        return history

    def _after(self, before: TaskState, event: ev.Event) -> History:
        if isinstance(event, ev.BaseMeasured):
            # It comes when it comes, and says nothing of where the task is.
            return self
        now = replace(self, is_stuck=False)
        match event:
            case ev.BlockerEncountered():
                # A task that has done nothing yet is not stuck: it is told what it will need.
                stuck = not is_question(event.message) and before.version > 1
                return replace(now, is_stuck=stuck)
            case ev.GateBlocked():
                return replace(now, asked=Request(state=before))
            case ev.ApprovalRejected():
                rejection = (event.gate, event.by, event.reason)
                return replace(
                    now,
                    asked=Request(state=before, is_kept=False),
                    rejections=(*self.rejections, rejection),
                )
            case ev.AttemptEnded() | ev.MeasurementLost():
                ended = Ended(
                    number=before.attempts,
                    phase=before.phase,
                    session_id=before.session_id,
                    outcome=event.outcome,
                    exit_code=event.exit_code if isinstance(event, ev.AttemptEnded) else None,
                )
                asked = replace(self.asked, is_kept=False) if self.asked else None
                return replace(now, ended=ended, asked=asked)
            case ev.PhaseChanged():
                return History()
        return now


def is_question(message: str) -> bool:
    """Whether a notice is something that an agent asked, which keeps nobody waiting."""
    return _QUESTION.match(message) is not None
