"""What became of a trick, computed from what was recorded; what is declared is not looked at.

Facts are the server's events, the trees that were taken over and the lines that the scripted agent
wrote into its sessions' logs. The agent's lines are believed here because it is our own agent that
plays the cheat.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.testing.adversary.landing import Taken, trespasses
from interlock.testing.adversary.tricks import Fact, Outcome, Show, Trick

__all__ = ["Found", "outcome_of"]

Record = Mapping[str, Any]

_MEND = "Change that line and ask for the review again."
_TELLING = {
    Outcome.NOT_IMPORTED: ("refused", "gate", "step"),
    Outcome.DETECTED: ("verdict", "gate", "step"),
    Outcome.PREVENTED: ("step", "refused", "gate"),
}
"""Which kind of fact says best why it ended so."""


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome, why in one sentence with what would help, and every fact that shows it."""

    outcome: Outcome
    reason: str
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """A fact that holds, in words; none if it is one by its absence."""

    kind: str
    text: str


def outcome_of(
    trick: Trick, events: Sequence[Record], lines: Sequence[Record], taken: Sequence[Taken] = ()
) -> Found:
    """The real outcome of a trick that was played.

    Args:
        events: of the trick's task: ``event_type`` and ``data``.
        lines: what the author's sessions printed, as parsed JSON, in order.
        taken: what the imports brought in, read from the trees.
    """
    if landed := trespasses(taken):
        return Found(Outcome.PASSED, f"{landed[0]}, where it must not", tuple(landed))
    if any(event["event_type"] == "task_completed" for event in events):
        return Found(Outcome.PASSED, "the task completed and its result stands on a branch")
    for show in trick.shows:
        seen = [_holds(fact, events, lines) for fact in show.facts]
        if all(one is not None for one in seen):
            said = [one for one in seen if one is not None and one.text]
            return Found(show.outcome, _reason(show, said), tuple(one.text for one in said))
    tried = "; ".join(f"{line['step']} {line['outcome']}" for line in lines) or "nothing was tried"
    return Found(Outcome.PASSED, f"no declared fact was seen ({tried})")


def _reason(show: Show, said: Sequence[_Seen]) -> str:
    """The sentence of the fact that decided; the data file's own where facts have no words."""
    if show.because:
        return show.because
    for kind in _TELLING.get(show.outcome, ()):
        of_kind = [one.text for one in said if one.kind == kind]
        if of_kind:
            return next((text for text in of_kind if " → " in text), of_kind[0])
    return said[0].text if said else "what it was after did not happen"


def _holds(fact: Fact, events: Sequence[Record], lines: Sequence[Record]) -> _Seen | None:
    """The fact in words if it holds, ``None`` if it does not."""
    found = next(_matches(fact, events, lines), None)
    if fact.holds:
        return found
    return _Seen("", "") if found is None else None


def _matches(fact: Fact, events: Sequence[Record], lines: Sequence[Record]) -> Iterator[_Seen]:
    if fact.step:
        for line in lines:
            ended = line["step"] == fact.step and _ended(line["outcome"], fact.ends)
            if ended and _says(fact.with_, line["detail"]):
                status = "HTTP " if line["outcome"].isdigit() else ""
                yield _Seen("step", f"{status}{line['outcome']}: {line['detail']}")
        return
    for event in events:
        yield from _in_event(fact, event["event_type"], event["data"])


def _in_event(fact: Fact, kind: str, data: Record) -> Iterator[_Seen]:
    match kind:
        case "tree_imported":
            for path, why in data["refused"].items():
                if fact.refused and _is(path, fact.refused) and _says(fact.with_, why):
                    yield _Seen("refused", f"not imported: {path}: {why}")
            for path in data["changed"]:
                if fact.imported and _is(path, fact.imported):
                    yield _Seen("imported", f"{path} was imported")
        case "gate_blocked" if fact.gate == (data["gate"] or "artifacts"):
            for reason in data["reasons"]:
                if _says(fact.rule, reason["rule"]) and _says(fact.with_, reason["message"]):
                    said = f"{reason['rule']}: {reason['message']}"
                    remedy = reason["remedy"]
                    yield _Seen("gate", f"{said} → {remedy}" if remedy else said)
        case "verdict_submitted" if fact.verdict == data["role"] and data["verdict"] == "fail":
            for issue in data["issues"]:
                if issue["blocking"] and _says(fact.with_, issue["message"]):
                    where = f"{data['role']} reviewer, {issue['file']}:{issue['line']}"
                    yield _Seen("verdict", f"{where}: {issue['message']} → {_MEND}")
        case "phase_changed" if fact.reached == data["target"]:
            yield _Seen("reached", f"the task came to {data['target']}")


def _ended(outcome: str, wanted: str | tuple[str, ...]) -> bool:
    words = (wanted,) if isinstance(wanted, str) else wanted
    return any(
        word == outcome or (outcome.isdigit() and word == f"{outcome[0]}xx") for word in words
    )


def _is(path: str, glob: str) -> bool:
    return fnmatch.fnmatchcase(path, glob)


def _says(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None
