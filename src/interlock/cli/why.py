"""``interlock why``: the way out of a task's phase as a tree, gate → check → fact, and what would
open it."""

from __future__ import annotations

from typing import Any

import click

from interlock.cli.output import clean, emit, json_option
from interlock.cli.place import client

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
    found = client().why(task_id)
    emit(found, as_json=as_json, text=_tree(found))


def _tree(found: dict[str, Any]) -> str:
    task, gate = found["task"], found["gate"]
    lines = [f"{task['task_id']}  {task['status']} in {task['phase']}: {clean(task['title'])}"]
    if gate:
        lines.append(f"└─ gate {gate['gate'] or '(artifacts)'}: {gate['status']}")
        for check in gate["checks"]:
            glyph = _GLYPHS[check["outcome"]]
            lines.append(f"   ├─ {glyph}  {check['check']} ({check['severity']})")
            lines.append(f"   │    {clean(check['message'])}")
            if check["outcome"] not in ("pass", "not_applicable"):
                if check["position"]:
                    lines.append(f"   │    at {clean(check['position'])}")
                if check["remedy"]:
                    lines.append(f"   │    → {_runnable(check['remedy'], task['task_id'])}")
        for blocker in gate["blockers"]:
            lines.append(f"   └─ missing: {clean(blocker['message'])}")
    for blocker in (*task["blockers"], *task["notices"]):
        lines.append(f"last refusal: {clean(blocker['message'])}")
        lines.append(f"   → {_runnable(blocker['remedy'], task['task_id'])}")
    waiting = task["waiting_for"]
    if waiting["command"]:
        lines.append(f"next: {waiting['command']}")
    return "\n".join(lines)


def _runnable(remedy: str, task_id: str) -> str:
    """A remedy that the reader can run: rules know no ids, this surface does."""
    return clean(remedy).replace(" TASK", f" {task_id}")
