"""Since when things on the way out of a phase are as they are, read from a task's events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from interlock.core import events as ev

__all__ = ["Since", "moment"]


@dataclass(slots=True)
class Since:
    """Times in microseconds of UTC.

    Args:
        entered: the phase was.
        gate: its way out was asked for first and has been shut, or waiting for somebody, since.
        checks: check → its outcome in the newest request and when it first came to that without a
            change in between.
    """

    entered: int = 0
    gate: int = 0
    checks: dict[str, tuple[str, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Iterable[tuple[ev.Event, int]]) -> Since:
        """What events with their times say, oldest first."""
        found = cls()
        for event, at in told:
            match event:
                case ev.TaskCreated() | ev.PhaseChanged():
                    found = cls(entered=at)
                case ev.GateBlocked():
                    found.gate = found.gate or at
                    for name, outcome in event.checks.items():
                        known = found.checks.get(name, ("", 0))
                        found.checks[name] = known if known[0] == outcome else (outcome, at)
                case ev.ApprovalRequested():
                    found.gate = at
        return found

    def filled(self, way: dict[str, Any]) -> dict[str, Any]:
        """The record of a way out with a ``since`` at the gate and at every node."""
        way["since"] = moment(self.gate or self.entered)
        nodes = [*way["artifacts"], *way["checks"]]
        nodes += [rule for node in way["artifacts"] for rule in node["rules"]]
        for node in nodes:
            name = "artifact.missing" if node["kind"] == "artifact" else node["check"]
            outcome, at = self.checks.get(name, ("", 0))
            node["since"] = moment(at if outcome == node["outcome"] else self.entered)
        if way["approval"] is not None:
            way["approval"]["since"] = way["since"]
        return way


def moment(at: int) -> str:
    """A time as text: UTC, to the second; empty if it is not known."""
    if not at:
        return ""
    return datetime.fromtimestamp(at // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
