"""``interlock why``: the way out of a task's phase as a tree, gate → check → fact, and what would
open it."""

from __future__ import annotations

from typing import Any

import click

from interlock.cli.bases import told
from interlock.cli.levels import at_levels
from interlock.cli.output import clean, emit, json_option
from interlock.cli.place import client, task_named

__all__ = ["why"]

_GLYPHS = {
    "pass": "✓ pass",
    "fail": "✗ fail",
    "warn": "! warn",
    "not_yet": "… not yet",
    "not_applicable": "- not applicable",
    "undetermined": "? undetermined",
}


@click.command()
@click.argument("task_id")
@json_option
def why(task_id: str, as_json: bool) -> None:
    """Why a task is where it is, and the command that helps."""
    connection = client()
    found = connection.why(task_named(connection, task_id))
    emit(found, as_json=as_json, text=_tree(found))


def _tree(found: dict[str, Any]) -> str:
    task, gate = found["task"], found["gate"]
    lines = [f"{task['task_id']}  {task['status']} in {task['phase']}: {clean(task['title'])}"]
    said: set[str] = set()
    levels = at_levels(task["confinement"], task["judged"])
    lines.append(f"{levels[0].upper()}{levels[1:]}")
    if request := found.get("request"):
        lines.append(
            f"As judged at the last request: attempt {request['attempt']}, tree {request['tree']}"
        )
        if not request["is_kept"]:
            lines.append(
                f"The work of attempt {request['attempt']} was not kept: "
                f"the next one starts from tree {task['tree']}."
            )
    if gate:
        lines.append(f"└─ gate {gate['gate'] or '(artifacts)'}: {gate['status']}")
        for check in gate["checks"]:
            if not _is_unbuilt(check):
                lines += _check(check, task["task_id"])
                said.add(check["message"])
        for blocker in gate["blockers"]:
            if blocker["message"] not in said:
                said.add(blocker["message"])
                lines.append(f"   ├─ missing: {clean(blocker['message'])}")
                lines += _remedy("   │    ", blocker["remedy"], task["task_id"])
        if unbuilt := [check["check"] for check in gate["checks"] if _is_unbuilt(check)]:
            text = f"   └─ not measured in this version: {', '.join(map(clean, unbuilt))}"
            lines.append(click.style(text, dim=True))
    for blocker in (*task["blockers"], *task["notices"]):
        if blocker["message"] not in said:
            said.add(blocker["message"])
            lines.append(f"✗ {clean(blocker['message'])}")
            lines += _remedy("  ", blocker["remedy"], task["task_id"])
    lines += [f"base: {line}" for line in told(task["base"])]
    if task["waiting_for"]["command"]:
        lines.append(f"next: {clean(task['waiting_for']['command'])}")
    return "\n".join(lines)


def _is_unbuilt(check: dict[str, Any]) -> bool:
    """Known, not built yet, and keeping nothing shut: not worth more than its name."""
    return check["facts"].get("is_built") is False and check["severity"] != "blocking"


def _check(check: dict[str, Any], task_id: str) -> list[str]:
    lines = [
        f"   ├─ {_GLYPHS[check['outcome']]}  {clean(check['check'])} ({check['severity']})",
        f"   │    {clean(check['message'])}",
    ]
    if check["outcome"] not in ("pass", "not_applicable"):
        if check["position"]:
            lines.append(f"   │    at {clean(check['position'])}")
        lines += _remedy("   │    ", check["remedy"], task_id)
    return lines


def _remedy(indent: str, remedy: str, task_id: str) -> list[str]:
    """A remedy that the reader can run: rules know no ids, this surface does."""
    return [f"{indent}→ {clean(remedy).replace(' TASK', f' {task_id}')}"] if remedy else []
