"""``interlock up`` and ``down``: supervisor and server of this repository, in the background or
here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from interlock.cli.output import emit, json_option, say
from interlock.cli.place import here
from interlock.errors import InterlockError, UnavailableError
from interlock.sdk.people import PeopleClient
from interlock.server.layout import Layout

__all__ = ["down", "start_background", "stop_background", "up"]

_READY_S = 60.0


@click.command()
@click.option("--foreground", is_flag=True, help="Stay here and stop with Ctrl-C.")
@click.option(
    "--level",
    type=click.Choice(["full", "partial", "none"]),
    default="full",
    show_default=True,
    help="Strongest confinement to use where it works.",
)
@json_option
def up(foreground: bool, level: str, as_json: bool) -> int:
    """Start the server; returns when it answers."""
    _, layout = here()
    if foreground:
        return subprocess.call(_monitor(layout, level))
    about = start_background(layout, level)
    emit(
        about,
        as_json=as_json,
        text=f"Up: people's door {about['url']}, confinement {about['level']}, "
        f"state {about['state']}\nNext: interlock run \"what to do\" --agent-command '…'",
    )
    for reason in about["reasons"]:
        say(f"  {reason}")
    return 0


@click.command()
@json_option
def down(as_json: bool) -> None:
    """Stop the server and its sessions."""
    _, layout = here()
    was_up = stop_background(layout)
    emit({"stopped": was_up}, as_json=as_json, text="Stopped." if was_up else "Nothing ran.")


def _monitor(layout: Layout, level: str) -> list[str]:
    module = "interlock.supervisor.monitor"
    return [sys.executable, "-m", module, "--state", str(layout.root), "--level", level]


def start_background(layout: Layout, level: str = "full") -> dict[str, Any]:
    """Start monitor, supervisor and server, wait until they answer; what they say of themselves.

    Raises:
        UnavailableError: they did not come up; the message ends with the last lines of their logs.
    """
    if (there := _ask(layout)) is not None:
        return there
    logs = layout.root / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    with (logs / "monitor.log").open("ab") as log:
        process = subprocess.Popen(
            _monitor(layout, level),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if (there := _ask(layout)) is not None:
            return there
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.terminate()
    raise UnavailableError(
        f"the server did not come up:\n{_last_words(logs)}",
        code="IL-CLI-010",
        remedy=f"less {logs / 'server.log'}",
    )


def _ask(layout: Layout) -> dict[str, Any] | None:
    if not layout.people_socket.exists() or not layout.about.exists():
        return None
    try:
        about = PeopleClient(f"unix:{layout.people_socket}").about()
        return {**json.loads(layout.about.read_text()), **about}
    except (InterlockError, OSError, ValueError):
        return None


def _last_words(logs: Path) -> str:
    lines: list[str] = []
    for name in ("server.log", "supervisor.log"):
        path = logs / name
        if path.exists():
            lines += [f"{name}: {line}" for line in path.read_text().splitlines()[-5:]]
    return "\n".join(lines)


def stop_background(layout: Layout) -> bool:
    """Stop what ``start_background`` started; whether anything ran."""
    try:
        pid = int(json.loads((layout.run / "up.json").read_text())["pid"])
        os.kill(pid, signal.SIGTERM)
    except (OSError, ValueError, KeyError):
        return False
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (layout.run / "up.json").exists():
        time.sleep(0.05)
    return True
