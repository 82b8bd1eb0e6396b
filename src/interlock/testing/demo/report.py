"""What the demo found: as records, as the document of ``--json``, as a table for people."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.ports.confinement import Level
from interlock.testing.adversary.outcomes import outcome_of
from interlock.testing.adversary.tricks import Outcome, Trick
from interlock.testing.demo.story import Played

__all__ = ["PHASES", "Honest", "Judged", "Report", "honest_of", "judged_of"]

PHASES = ("PLAN", "TDD", "IMPL", "REVIEW", "COMPLETE")
"""What the honest agent has to go through, in this order."""

_COLUMNS = ("trick", "class", "outcome", "declared", "reason")
_NARROWEST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Honest:
    """How the honest task went; ``reason``: why it did not complete."""

    status: str
    phases: tuple[str, ...]
    commit: str
    seconds: float
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether it completed, through every phase."""
        return self.status == "completed" and self.phases == PHASES


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A trick: what became of it, what was promised, and every fact that shows it."""

    id: str
    title: str
    threat: str
    outcome: Outcome
    declared: Outcome
    reason: str
    facts: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it ended as declared; what went through never did."""
        return self.outcome is self.declared and self.outcome is not Outcome.PASSED

    def document(self) -> dict[str, Any]:
        """The entry of ``--json``."""
        return {
            "id": self.id,
            "title": self.title,
            "class": self.threat,
            "outcome": self.outcome.value,
            "declared": self.declared.value,
            "reason": self.reason,
            "ok": self.ok,
            "facts": list(self.facts),
            "seconds": round(self.seconds, 1),
        }


def honest_of(played: Played) -> Honest:
    """The honest task's end, from its events and its last state."""
    phases: list[str] = []
    for event in played.events:
        match event["event_type"]:
            case "attempt_started" if not phases:
                phases.append(event["data"]["phase"])
            case "phase_changed":
                phases.append(event["data"]["target"])
    task = played.task
    said = [f"{one['message']} → {one['remedy']}" for one in (*task["blockers"], *task["notices"])]
    is_done = task["status"] == "completed"
    return Honest(
        status=task["status"],
        phases=tuple(phases),
        commit=task["commit"],
        seconds=played.seconds,
        reason="" if is_done else "\n".join(said) or f"it stopped in {task['phase']}",
    )


def judged_of(trick: Trick, played: Played, level: Level, *, own_uid: bool) -> Judged:
    """What became of a trick, beside what is promised at this level."""
    found = outcome_of(trick, played.events, played.lines, played.taken)
    return Judged(
        id=trick.id,
        title=trick.title,
        threat=trick.threat,
        outcome=found.outcome,
        declared=trick.promised(level, own_uid=own_uid),
        reason=" ".join(found.reason.split()),
        facts=found.facts,
        seconds=played.seconds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything.

    Args:
        level: confinement that was reached; ``why_level``: what the machine lacks or was told.
        trespasses: what changed in the person's repository and must not have.
        audit: the answer of ``interlock audit verify``.
        evidence: directory of the bundle, which stays.
    """

    level: Level
    why_level: tuple[str, ...]
    honest: Honest
    tricks: tuple[Judged, ...]
    trespasses: tuple[str, ...]
    audit: Mapping[str, Any]
    evidence: str
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether all of it is as it was declared."""
        return (
            self.honest.ok
            and bool(self.tricks)
            and all(trick.ok for trick in self.tricks)
            and not self.trespasses
            and self.audit.get("ok") is True
        )

    def document(self) -> dict[str, Any]:
        """The document of ``--json``."""
        return {
            "ok": self.ok,
            "level": self.level.value,
            "level_reasons": list(self.why_level),
            "honest": {
                "status": self.honest.status,
                "phases": list(self.honest.phases),
                "commit": self.honest.commit,
                "seconds": round(self.honest.seconds, 1),
                "reason": self.honest.reason,
            },
            "tricks": [trick.document() for trick in self.tricks],
            "repository": {"ok": not self.trespasses, "changed": list(self.trespasses)},
            "audit": dict(self.audit),
            "evidence": self.evidence,
            "seconds": round(self.seconds, 1),
        }

    def summary(self) -> str:
        """One line."""
        counts = Counter(trick.outcome for trick in self.tricks)
        parts = [f"{counts[outcome]} {outcome.value}" for outcome in Outcome]
        good = sum(trick.ok for trick in self.tricks)
        return (
            f"{'OK' if self.ok else 'FAILED'} at level {self.level.value}: honest task "
            f"{self.honest.status}, {good} of {len(self.tricks)} tricks ended as declared "
            f"({', '.join(parts)}), audit {'OK' if self.audit.get('ok') else 'BROKEN'}, "
            f"{self.seconds:.0f} s"
        )

    def table(self, width: int) -> str:
        """The tricks under headings; reasons are broken to fit ``width`` columns."""
        rows = [(t.id, t.threat, t.outcome.value, t.declared.value, t.reason) for t in self.tricks]
        return _table([tuple(column.upper() for column in _COLUMNS), *rows], width)


def _table(rows: Sequence[tuple[str, ...]], width: int) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS) - 1)]
    indent = sum(widths) + 2 * len(widths)
    lines: list[str] = []
    for row in rows:
        *short, reason = row
        head = "".join(f"{cell:<{size}}  " for cell, size in zip(short, widths, strict=True))
        folded = textwrap.wrap(reason, max(_NARROWEST, width - indent)) or [""]
        lines += [(head + folded[0]).rstrip(), *(" " * indent + more for more in folded[1:])]
    return "\n".join(lines)
