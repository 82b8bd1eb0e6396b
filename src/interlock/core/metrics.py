"""What can be measured of all tasks together: a fold over their events and a count of their tool
calls, without a clock of its own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from interlock.core import events as ev

__all__ = ["METRICS", "TOLD_BY", "Form", "Meter", "Metric", "Sample", "ToolUse", "Unit"]


class Unit(StrEnum):
    """What a metric's value is, as the end of "… is"."""

    RATE = "a share"
    SECONDS = "a time"
    COUNT = "a number"


class Form(StrEnum):
    """How a metric's values are to be read, as Prometheus names it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is measured."""

    unit: Unit
    form: Form
    meaning: str


METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        "phase_transition_time": Metric(
            Unit.SECONDS, Form.SUMMARY, "time in a phase until it was left, by phase and target"
        ),
        "task_completion_time": Metric(
            Unit.SECONDS, Form.SUMMARY, "time from a task's start to its commit"
        ),
        "task_stuck_in_phase": Metric(
            Unit.SECONDS, Form.GAUGE, "time that an open task is in its phase now"
        ),
        "gate_pass_rate": Metric(
            Unit.RATE, Form.GAUGE, "decisions of a gate that let through, of all"
        ),
        "gate_block_rate": Metric(
            Unit.RATE, Form.GAUGE, "decisions of a gate that did not, of all"
        ),
        "tool_usage_by_phase": Metric(
            Unit.COUNT, Form.COUNTER, "tool calls, by phase, tool and whether they were allowed"
        ),
        "tool_violation_rate": Metric(
            Unit.RATE, Form.GAUGE, "tool calls of a phase that were denied, of all"
        ),
        "artifact_validation_failures": Metric(
            Unit.COUNT, Form.COUNTER, "documents that did not satisfy schema or rules, by phase"
        ),
    }
)
"""Everything that ``monitoring.metrics`` may ask for."""


TOLD_BY: Final = (
    ev.TaskCreated,
    ev.PhaseChanged,
    ev.GatePassed,
    ev.GateBlocked,
    ev.ToolDenied,
    ev.TaskCompleted,
    ev.TaskAborted,
)
"""Events that change what is measured."""

_MOST_ARTIFACTS: Final = 1000
"""Names of artifacts are an agent's to choose: from here on they are counted as ``other``."""


class Sample(NamedTuple):
    """One value of a metric; of times the mean, with how many there were and the longest."""

    metric: str
    labels: Mapping[str, str]
    value: float
    number: int = 1
    longest: float = 0.0


class ToolUse(NamedTuple):
    """What calls are counted by."""

    phase: str
    tool: str
    allowed: bool


@dataclass(slots=True)
class _Times:
    count: int = 0
    total: float = 0.0
    longest: float = 0.0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)

    def sample(self, metric: str, labels: Mapping[str, str]) -> Sample:
        return Sample(metric, labels, self.total / self.count, self.count, self.longest)


class Meter:
    """Takes events in their order; every time is UTC in microseconds and given by the caller."""

    def __init__(self) -> None:
        self.calls: Counter[ToolUse] = Counter()
        self._began: dict[str, int] = {}
        self._where: dict[str, tuple[str, int]] = {}
        self._transitions: defaultdict[tuple[str, str], _Times] = defaultdict(_Times)
        self._completions = _Times()
        self._passed: Counter[str] = Counter()
        self._blocked: Counter[str] = Counter()
        self._documents: Counter[tuple[str, str]] = Counter()

    def take(self, task_id: str, event: ev.Event, at: int) -> None:
        """One event of one task."""
        match event:
            case ev.TaskCreated():
                self._began[task_id] = at
                self._where[task_id] = (event.phase, at)
            case ev.PhaseChanged():
                _, since = self._where.get(task_id, ("", at))
                self._transitions[event.source, event.target].add(_seconds(since, at))
                self._where[task_id] = (event.target, at)
            case ev.GatePassed():
                self._passed[event.gate] += 1
            case ev.GateBlocked():
                # A change that could not be taken over names no gate: none was asked.
                if event.gate:
                    self._blocked[event.gate] += 1
                for reason in event.reasons:
                    self._document(task_id, str(reason.get("rule", "")))
            case ev.ToolDenied():
                self._document(task_id, event.rule)
            case ev.TaskCompleted():
                self._completions.add(_seconds(self._began.pop(task_id, at), at))
                self._where.pop(task_id, None)
            case ev.TaskAborted():
                self._began.pop(task_id, None)
                self._where.pop(task_id, None)

    def _document(self, task_id: str, rule: str) -> None:
        kind, _, rest = rule.partition(".")
        artifact, _, failed = rest.partition(".")
        if kind == "artifact" and failed not in ("", "missing"):
            phase, _ = self._where.get(task_id, ("", 0))
            is_new = (phase, artifact) not in self._documents
            if is_new and len(self._documents) >= _MOST_ARTIFACTS:
                artifact = "other"
            self._documents[phase, artifact] += 1

    def samples(self, names: Collection[str], now: int) -> Iterator[Sample]:
        """What the metrics of these names come to at ``now``."""
        for name in names:
            match name:
                case "phase_transition_time":
                    for (source, target), times in self._transitions.items():
                        yield times.sample(name, {"phase": source, "target": target})
                case "task_completion_time":
                    if self._completions.count:
                        yield self._completions.sample(name, {})
                case "task_stuck_in_phase":
                    for task_id, (phase, since) in self._where.items():
                        labels = {"task": task_id, "phase": phase}
                        yield Sample(name, labels, _seconds(since, now))
                case "gate_pass_rate":
                    yield from self._gates(name, self._passed)
                case "gate_block_rate":
                    yield from self._gates(name, self._blocked)
                case "tool_usage_by_phase":
                    for use, count in self.calls.items():
                        yield Sample(name, _labels(use), count)
                case "tool_violation_rate":
                    yield from self._violations(name)
                case "artifact_validation_failures":
                    for (phase, artifact), count in self._documents.items():
                        yield Sample(name, {"phase": phase, "artifact": artifact}, count)

    def _gates(self, name: str, counted: Mapping[str, int]) -> Iterator[Sample]:
        for gate in dict.fromkeys((*self._passed, *self._blocked)):
            asked = self._passed[gate] + self._blocked[gate]
            yield Sample(name, {"gate": gate}, counted.get(gate, 0) / asked, asked)

    def _violations(self, name: str) -> Iterator[Sample]:
        called: Counter[str] = Counter()
        denied: Counter[str] = Counter()
        for use, count in self.calls.items():
            called[use.phase] += count
            denied[use.phase] += 0 if use.allowed else count
        for phase, count in called.items():
            yield Sample(name, {"phase": phase}, denied[phase] / count, count)


def _labels(use: ToolUse) -> Mapping[str, str]:
    return {
        "phase": use.phase,
        "tool": use.tool,
        "decision": "allowed" if use.allowed else "denied",
    }


def _seconds(since: int, until: int) -> float:
    """Between two times; a clock that was set back makes none negative."""
    return max(until - since, 0) / 1_000_000
