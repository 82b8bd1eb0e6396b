"""A task's events as lines for people while it runs; the same events, one JSON object a line, for
programs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interlock.cli.bases import told
from interlock.cli.levels import at_levels, banner
from interlock.cli.output import clean, clean_lines, emit_line, say
from interlock.cli.taken import taken_over
from interlock.core.modes import InForce
from interlock.engine.codec import typed
from interlock.engine.views import condensed
from interlock.sdk.people import PeopleClient

__all__ = ["FINAL", "Following", "is_waiting", "line"]

FINAL = frozenset({"completed", "aborted"})
_POLL_S, _SILENCE_S = 20.0, 2.0


def line(event: dict[str, Any]) -> str:
    """One event as one line; empty for those that say nothing new."""
    data = _cleaned(event["data"])
    match event["event_type"]:
        case "task_created":
            return "\n".join([f"task      {event['task_id']}  {data['title']}", *_mode(data)])
        case "attempt_started":
            number, level = data["number"], data["confinement"]
            session = f"session {data['session_id']} ({level}){banner(level)}"
            return f"{data['phase']:<9} attempt {number}, {session}"
        case "reviewer_started":
            level = data["confinement"]
            session = f"session {data['session_id']} ({level}){banner(level)}"
            return f"review    {data['role']} started, {session}"
        case "artifact_submitted":
            return f"{data['phase']:<9} handed in {data['artifact']}"
        case "verdict_submitted":
            return f"review    {data['role']}: {data['verdict']}, {len(data['issues'])} issue(s)"
        case "phase_transition_requested":
            who = "server asks" if event.get("actor") == "server" else "asks"
            return f"{data['source']:<9} {who} for {data['target']}"
        case "tree_imported":
            return taken_over(data)
        case "evidence_recorded":
            level = data["level"]
            return f"judge     {data['kind']} measured on {data['tree']} ({level}){banner(level)}"
        case "base_measured":
            return "\n".join(f"base      {text}" for text in told(data))
        case "gate_passed":
            return _passed(data)
        case "gate_blocked":
            reasons = [f"  ✗ {r['message']}{_mending(r, event)}" for r in data["reasons"]]
            return "\n".join([f"gate      ✗ {data['gate'] or 'artifacts'} is shut", *reasons])
        case "approval_requested":
            command = f"interlock approve {event['task_id']} {data['gate']}"
            return f"gate      … {data['gate']} waits for a person → {command}"
        case "approval_given":
            levels = at_levels(data.get("confinement", ""), data.get("judged", ""))
            return (
                f"gate      {data['gate']} approved by {data['by']} ({data['strength']}): {levels}"
            )
        case "approval_rejected":
            return f"gate      {data['gate']} rejected by {data['by']}"
        case "phase_changed":
            return f"phase     {data['source']} → {data['target']}"
        case "enforcement_raised":
            said = data["enforcement"]
            return f"task      gates {said['gates']}, tools {said['tools']} from now"
        case "tool_denied" if data.get("overridden_by_mode"):
            by = data["overridden_by_mode"]
            return f"let by    {data['tool']} ({by}): {data['message']}"
        case "tool_denied":
            return f"denied    {data['tool']}: {data['message']}"
        case "blocker_encountered":
            message = clean_lines(condensed(event["data"]["message"]))
            return f"notice    {message}\n  → {data['remedy']}"
        case "attempt_ended":
            return f"session   {_ending(data)}"
        case "measurement_lost":
            return f"session   {data['detail']}, before its tree was taken over"
        case "reviewer_ended" if data["exit_code"]:
            return f"review    session {data['session_id']} exited with {data['exit_code']}"
        case "task_completed":
            level = data.get("confinement", "")
            at_least = f", made at {level} or more{banner(level)}" if level else ""
            return f"done      commit {data['commit']} on {data['branch']}{at_least}"
        case "task_aborted":
            return f"aborted   {data['reason'] or 'by ' + data['by']}"
    return ""


def _mode(data: dict[str, Any]) -> list[str]:
    """Said with the task, if its rules do not all bind."""
    banner = typed(data.get("enforcement", {}), InForce).banner
    return [f"  ! {banner}"] if banner else []


def _passed(data: dict[str, Any]) -> str:
    """A gate that was passed, or that its mode let through."""
    if not (by := data.get("overridden_by_mode")):
        return f"gate      ✓ {data['gate']}"
    reasons = [f"  ! would have blocked: {r['message']}" for r in data["reasons"]]
    return "\n".join([f"gate      ! {data['gate'] or 'artifacts'} let through ({by})", *reasons])


def _cleaned(data: Any) -> Any:
    """Text of agents, which must not end a line and begin one of its own."""
    match data:
        case str():
            return clean(data)
        case dict():
            return {clean(key): _cleaned(value) for key, value in data.items()}
        case list():
            return [_cleaned(value) for value in data]
    return data


def _mending(reason: dict[str, Any], event: dict[str, Any]) -> str:
    """What helps, unless it goes away with something else."""
    if because := reason.get("because"):
        return f" (follows from {because})"
    return f"\n    → {_runnable(reason, event)}"


def _runnable(reason: dict[str, Any], event: dict[str, Any]) -> str:
    """A reason's remedy with the task's id in it: rules know none."""
    return str(reason["remedy"]).replace(" TASK", f" {event['task_id']}")


def _ending(data: dict[str, Any]) -> str:
    code = data["exit_code"]
    return f"{data['detail']} (status {code})" if code is not None else str(data["detail"])


@dataclass(slots=True)
class Following:
    """One task followed from a cursor.

    Args:
        building: the log of an environment that is being built at the moment, if one is.
        cursor: the last event that is not news.
        told: messages that were shown on the way.
    """

    client: PeopleClient
    task_id: str
    as_json: bool
    building: Callable[[], Path | None]
    cursor: int = 0
    told: set[str] = field(default_factory=set)
    _began: float = field(default_factory=time.monotonic)

    def skip(self) -> None:
        """Take what has happened so far as known."""
        before = -1
        while before != self.cursor:
            before = self.cursor
            _, self.cursor = self.client.events(before, task_id=self.task_id)

    def run(self, timeout_s: float | None = None) -> dict[str, Any]:
        """Show events until the task is over or a person is needed; the task as it is then."""
        is_silent = False
        while True:
            patience = _SILENCE_S if is_silent else _POLL_S
            left = patience if timeout_s is None else timeout_s - self._elapsed()
            wait = max(0.0, min(patience, left))
            events, self.cursor = self.client.events(self.cursor, task_id=self.task_id, wait_s=wait)
            for event in events:
                self._show(event)
            if is_silent and not events:
                is_silent = not self._show_building()
            elif events:
                is_silent = events[-1]["event_type"] in _STARTS
            if left <= 0 or not events or events[-1]["event_type"] in _LAST:
                task = self.client.task(self.task_id)
                if left <= 0 or task["status"] in FINAL or is_waiting(task):
                    for event in self.client.events(self.cursor, task_id=self.task_id)[0]:
                        self._show(event)
                    return task

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _show(self, event: dict[str, Any]) -> None:
        if self.as_json:
            emit_line(event)
            return
        self._say(line(event))
        match event["event_type"]:
            case "gate_blocked":
                self.told.update(reason["message"] for reason in event["data"]["reasons"])
            case "blocker_encountered":
                self.told.add(condensed(event["data"]["message"]))
            case "phase_transition_requested":
                waiting = self.client.task(self.task_id)["waiting_for"]
                if waiting["what"].startswith("measuring"):
                    self._say(f"judge     … {waiting['what']}: the tests are run")

    def _show_building(self) -> bool:
        """Say so if an environment is being built; whether it is."""
        if (log := self.building()) is None:
            return False
        if not self.as_json:
            self._say(f"environment  … building the test environment; log: {log}")
        return True

    def _say(self, text: str) -> None:
        if text:
            say(f"{self._elapsed():6.1f}s  {text}")


_STARTS = frozenset({"attempt_started", "task_started"})
_LAST = frozenset(
    {
        "task_completed",
        "task_aborted",
        "approval_requested",
        "attempt_ended",
        "measurement_lost",
        "blocker_encountered",
    }
)


def is_waiting(task: dict[str, Any]) -> bool:
    """Whether only a person can carry the task on."""
    return bool(task["waiting_for"]["who"] == "a person")
