"""A task's events as lines for people while it runs; the same events, one JSON object a line, for
programs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from interlock.cli.output import clean, say
from interlock.sdk.people import PeopleClient

__all__ = ["FINAL", "follow", "line"]

FINAL = frozenset({"completed", "aborted"})
_POLL_S = 20.0


def line(event: dict[str, Any]) -> str:
    """One event as one line; empty for those that say nothing new."""
    data = event["data"]
    match event["event_type"]:
        case "task_created":
            return f"task      {event['task_id']}  {data['title']}"
        case "attempt_started":
            number, level = data["number"], data["confinement"]
            return f"{data['phase']:<9} attempt {number}, session {data['session_id']} ({level})"
        case "reviewer_started":
            return f"review    {data['role']} started, session {data['session_id']}"
        case "artifact_submitted":
            return f"{data['phase']:<9} handed in {data['artifact']}"
        case "verdict_submitted":
            return f"review    {data['role']}: {data['verdict']}, {len(data['issues'])} issue(s)"
        case "phase_transition_requested":
            return f"{data['source']:<9} asks for {data['target']}"
        case "tree_imported":
            text = f"import    {len(data['changed'])} path(s) taken over"
            # Caches appear wherever tests ran and are nobody's doing.
            refused = [
                f"not imported: {path} ({why})"
                for path, why in data["refused"].items()
                if not why.startswith("a cache")
            ]
            return "\n".join([text, *(f"  ✗ {r}" for r in refused)])
        case "evidence_recorded":
            return f"judge     {data['kind']} measured on {data['tree']}"
        case "gate_passed":
            return f"gate      ✓ {data['gate']}"
        case "gate_blocked":
            reasons = [f"  ✗ {r['message']}\n    → {r['remedy']}" for r in data["reasons"]]
            return "\n".join([f"gate      ✗ {data['gate'] or 'artifacts'} is shut", *reasons])
        case "approval_requested":
            command = f"interlock approve {event['task_id']} {data['gate']}"
            return f"gate      … {data['gate']} waits for a person → {command}"
        case "approval_given" | "approval_rejected":
            verb = "approved" if event["event_type"] == "approval_given" else "rejected"
            return f"gate      {data['gate']} {verb} by {data['by']}"
        case "phase_changed":
            return f"phase     {data['source']} → {data['target']}"
        case "tool_denied":
            return f"denied    {data['tool']}: {data['message']}"
        case "blocker_encountered":
            return f"notice    {data['message']}"
        case "attempt_ended":
            return f"session   {data['detail']}"
        case "task_completed":
            return f"done      commit {data['commit']} on {data['branch']}"
        case "task_aborted":
            return f"aborted   {data['reason']}"
    return ""


def follow(
    client: PeopleClient, task_id: str, *, as_json: bool, timeout_s: float | None = None
) -> dict[str, Any]:
    """Show a task's events until it is over or a person is needed; the task as it is then."""
    began = time.monotonic()
    for event in _events(client, task_id, began, timeout_s):
        if as_json:
            say(json.dumps(event, ensure_ascii=False))
        elif text := line(event):
            say(clean_lines(f"{time.monotonic() - began:6.1f}s  {text}"))
    return client.task(task_id)


def clean_lines(text: str) -> str:
    """Several lines, each without what a terminal would obey."""
    return "\n".join(map(clean, text.split("\n")))


def _events(
    client: PeopleClient, task_id: str, began: float, timeout_s: float | None
) -> Iterator[dict[str, Any]]:
    cursor = 0
    while True:
        left = _POLL_S if timeout_s is None else timeout_s - (time.monotonic() - began)
        wait = max(0.0, min(_POLL_S, left))
        events, cursor = client.events(cursor, task_id=task_id, wait_s=wait)
        yield from events
        if not events or left <= 0 or events[-1]["event_type"] in _LAST:
            task = client.task(task_id)
            if task["status"] in FINAL or is_waiting(task) or left <= 0:
                rest, _ = client.events(cursor, task_id=task_id)
                yield from rest
                return


_LAST = frozenset(
    {"task_completed", "task_aborted", "approval_requested", "attempt_ended", "measurement_lost"}
)


def is_waiting(task: dict[str, Any]) -> bool:
    """Whether only a person can carry the task on."""
    return bool(task["waiting_for"]["who"] == "a person")
