"""``interlock inbox|approve|reject|abort``: what needs a person, and their word, by passphrase
each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from interlock.cli.levels import at_levels
from interlock.cli.modes import mode_lines
from interlock.cli.output import clean, emit, json_option, readable, say
from interlock.cli.place import client, passphrase, passphrase_option, task_named

__all__ = ["abort", "approve", "inbox", "reject"]


@click.command()
@json_option
def inbox(as_json: bool) -> None:
    """What waits for a person, with what it is about."""
    waiting = client().inbox()
    text = "\n\n".join(map(_item, waiting)) if waiting else "Nothing waits for you."
    emit(waiting, as_json=as_json, text=text)


def _item(item: dict[str, Any]) -> str:
    lines = [f"{item['task_id']}  {clean(item['title'])}", *mode_lines(item, "  ")]
    if item["kind"] != "approval":
        lines += [f"  {item['phase']}: {clean(item['what'])}", f"  → {clean(item['command'])}"]
        return "\n".join(lines)
    lines.append(f"  gate {item['gate']}: {item['phase']} → {item['target']}, tree {item['tree']}")
    lines.append(f"  {at_levels(item['confinement'], item['judged'])}")
    lines += [f"  ✗ {clean(reason['message'])}" for reason in item["reasons"]]
    if item["created_by"]:
        lines.append(f"  made by {clean(item['created_by'])}; it takes a {item['strength']}")
    for before in item["rejected_before"]:
        lines.append(f"  {clean(before['by'])} rejected this before: {clean(before['reason'])}")
    for name, document in item["artifacts"].items():
        lines += [f"  {clean(name)}:", *readable(document, "    ")]
    lines += [f"  → {item['approve']}", f"  → {item['reject']}"]
    return "\n".join(lines)


@click.command()
@click.argument("task_id")
@click.argument("gate")
@click.option("--reason", default="", help="Why; kept with the approval.")
@click.option("--binding", help="What was shown (from inbox --json); refused if it is stale.")
@click.option("--as", "name", default="", help="Whose passphrase it is; yours if not given.")
@passphrase_option
@json_option
def approve(
    task_id: str,
    gate: str,
    reason: str,
    binding: str | None,
    name: str,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Let a waiting gate through, for exactly the tree and artifacts that wait."""
    connection = client()
    task_id = task_named(connection, task_id)
    waiting = (i for i in connection.inbox() if i["task_id"] == task_id)
    item = next((i for i in waiting if i["kind"] == "approval"), None)
    if item is not None:
        # Before the passphrase is asked for: it is part of what is said yes to.
        for line in mode_lines(item):
            say(line)
        say(f"{task_id} {item['gate']}: {at_levels(item['confinement'], item['judged'])}")
        binding = binding or item["binding"]
    is_enough = item is not None and item["strength"] == "session" and not name
    asks = passphrase_file is not None or not is_enough
    done = connection.approve(
        task_id,
        gate,
        passphrase=passphrase(passphrase_file) if asks else "",
        name=name,
        reason=reason,
        binding=binding,
    )
    levels = at_levels(done["approved"]["confinement"], done["approved"]["judged"])
    text = f"Approved: {task_id} is now in {done['phase']}; what you approved was {levels}."
    emit(done, as_json=as_json, text=text)


@click.command()
@click.argument("task_id")
@click.argument("gate")
@click.option("--reason", required=True, help="What has to change; the agent reads it.")
@passphrase_option
@json_option
def reject(
    task_id: str, gate: str, reason: str, passphrase_file: Path | None, as_json: bool
) -> None:
    """Refuse a waiting gate; the agent goes on in the same phase with the reason."""
    connection = client()
    task_id = task_named(connection, task_id)
    done = connection.reject(task_id, gate, passphrase=passphrase(passphrase_file), reason=reason)
    emit(done, as_json=as_json, text=f"Rejected: {task_id} stays in {done['phase']}.")


@click.command()
@click.argument("task_id")
@click.option("--reason", default="", help="Why; kept in the records.")
@passphrase_option
@json_option
def abort(task_id: str, reason: str, passphrase_file: Path | None, as_json: bool) -> None:
    """End a task for good; what it did stays in the records."""
    connection = client()
    task_id = task_named(connection, task_id)
    done = connection.abort(task_id, passphrase=passphrase(passphrase_file), reason=reason)
    emit(done, as_json=as_json, text=f"Aborted: {done['task_id']}.")
