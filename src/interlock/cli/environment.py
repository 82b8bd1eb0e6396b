"""``interlock environment list|build|prune``: what tests run in, built beforehand and cleared
away."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import click

from interlock.cli.building import BuildLog
from interlock.cli.output import clean, emit, json_option, say, table
from interlock.cli.place import client, here

__all__ = ["environment"]

_POLL_S = 1.0
_UNITS = ("B", "KiB", "MiB", "GiB")


@click.group()
def environment() -> None:
    """What tests run in: list, build and prune.

    Built once for a recipe, its lock files and this machine, then read only. An environment is
    built when a task first needs it, and anew when its recipe, a lock file, the interpreter or the
    platform changes.
    """


@environment.command("list")
@json_option
def list_environments(as_json: bool) -> None:
    """Those that are there, newest first, with their sizes."""
    found = client().environments()
    rows = [_row(item, found["present"]) for item in found["environments"]]
    columns = ["state", "size", "python", "built", "took", "digest"]
    total = sum(item["bytes"] for item in found["environments"])
    lines = [table(rows, columns), f"{_size(total)} in all"] if rows else ["No environments."]
    if found["present"] and found["present"] not in {item["digest"] for item in rows}:
        lines.append("HEAD's is not built yet. → interlock environment build")
    emit(found, as_json=as_json, text="\n".join(lines))


def _row(item: dict[str, Any], present: str) -> dict[str, Any]:
    state = "ready" if item["ready"] else "failed or building"
    if item.get("used"):
        state = "in use"
    if item["digest"] == present:
        state += ", HEAD's"
    built = item.get("built_at")
    return {
        "state": state,
        "size": _size(item["bytes"]),
        "python": clean(item.get("python", "-")),
        "built": datetime.fromtimestamp(built).isoformat(" ", "minutes") if built else "-",  # noqa: DTZ006 - a person's own time
        "took": f"{item['seconds']} s" if built else "-",
        "digest": item["digest"],
    }


def _size(count: float) -> str:
    for unit in _UNITS:
        if count < 1024 or unit == _UNITS[-1]:
            break
        count /= 1024
    return f"{count:.0f} {unit}"


@environment.command("build")
@click.option("--again", is_flag=True, help="Build it anew although it is there.")
@json_option
def build(again: bool, as_json: bool) -> None:
    """Build that of the recipe at HEAD now; what it prints is shown meanwhile.

    Those who use the old one go on with it.
    """
    connection = client()
    _, layout = here()
    log = BuildLog(layout.root / "env")
    begin = time.time()
    newer_than = begin if again else 0.0
    while True:
        answer = connection.build_environment(newer_than=newer_than, wait_s=_POLL_S)
        if not as_json:
            for line in log.news():
                say(f"{time.time() - begin:6.1f}s  {line}")
        if not answer["building"]:
            break
    emit(answer, as_json=as_json, text=f"Built: {answer['digest']}")


@environment.command("prune")
@json_option
def prune(as_json: bool) -> None:
    """Remove those that nobody uses, that no open task has and that are not HEAD's."""
    found = client().prune_environments()
    total = sum(item["bytes"] for item in found["removed"])
    lines = [f"{_size(item['bytes']):>9}  {item['digest']}" for item in found["removed"]]
    text = "\n".join([*lines, f"{_size(total)} freed"]) if lines else "Nothing to remove."
    emit({**found, "bytes": total}, as_json=as_json, text=text)
