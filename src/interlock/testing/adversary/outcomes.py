"""What became of a trick, computed from what was recorded; what is declared is not looked at.

Facts are the server's events and the lines that the scripted agent wrote into its sessions' logs.
The agent's lines are believed here because it is our own agent that plays the cheat.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.testing.adversary.tricks import Fact, Outcome, Trick

__all__ = ["Found", "outcome_of"]

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome and, in a sentence, the facts that show it."""

    outcome: Outcome
    reason: str


def outcome_of(trick: Trick, events: Sequence[Record], lines: Sequence[Record]) -> Found:
    """The real outcome of a trick that was played.

    Args:
        events: of the trick's task: ``event_type`` and ``data``.
        lines: what the author's sessions printed, as parsed JSON, in order.
    """
    for show in trick.shows:
        reasons = [_holds(fact, events, lines) for fact in show.facts]
        if all(reason is not None for reason in reasons):
            return Found(show.outcome, "; ".join(reason for reason in reasons if reason))
    seen = "; ".join(f"{line['step']} {line['outcome']}" for line in lines) or "nothing was tried"
    return Found(Outcome.PASSED, f"no declared fact was seen ({seen})")


def _holds(fact: Fact, events: Sequence[Record], lines: Sequence[Record]) -> str | None:
    """Why the fact holds, empty if there is nothing to say; ``None`` if it does not hold."""
    found = next(_matches(fact, events, lines), None)
    if fact.holds:
        return found
    return "" if found is None else None


def _matches(fact: Fact, events: Sequence[Record], lines: Sequence[Record]) -> Iterator[str]:
    if fact.step:
        for line in lines:
            ended = line["step"] == fact.step and _ended(line["outcome"], fact.ends)
            if ended and _says(fact.with_, line["detail"]):
                yield f"{line['outcome']}: {line['detail'][:160]}"
        return
    for event in events:
        yield from _in_event(fact, event["event_type"], event["data"])


def _in_event(fact: Fact, kind: str, data: Record) -> Iterator[str]:
    match kind:
        case "tree_imported":
            for path, why in data["refused"].items():
                if fact.refused and _is(path, fact.refused) and _says(fact.with_, why):
                    yield f"{path} was not imported: {why}"
            for path in data["changed"]:
                if fact.imported and _is(path, fact.imported):
                    yield f"{path} was imported"
        case "gate_blocked" if fact.gate == (data["gate"] or "artifacts"):
            for reason in data["reasons"]:
                if _says(fact.rule, reason["rule"]) and _says(fact.with_, reason["message"]):
                    yield f"{reason['rule']}: {reason['message']}"
        case "verdict_submitted" if fact.verdict == data["role"] and data["verdict"] == "fail":
            for issue in data["issues"]:
                if issue["blocking"] and _says(fact.with_, issue["message"]):
                    yield f"{data['role']}, {issue['file']}:{issue['line']}: {issue['message']}"
        case "phase_changed" if fact.reached == data["target"]:
            yield f"the task came to {data['target']}"


def _ended(outcome: str, wanted: str | tuple[str, ...]) -> bool:
    words = (wanted,) if isinstance(wanted, str) else wanted
    return any(
        word == outcome or (outcome.isdigit() and word == f"{outcome[0]}xx") for word in words
    )


def _is(path: str, glob: str) -> bool:
    return fnmatch.fnmatchcase(path, glob)


def _says(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None
