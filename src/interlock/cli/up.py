"""``interlock up`` and ``down``: supervisor and server of this repository, in the background or
here."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from interlock.adapters.lockfile import LockFile
from interlock.cli.levels import banner
from interlock.cli.output import emit, json_option, say
from interlock.cli.place import here
from interlock.errors import ConflictError, InterlockError, UnavailableError, from_problem
from interlock.sdk.people import PeopleClient
from interlock.server.layout import Layout

__all__ = ["down", "start_background", "stop_background", "up"]

_READY_S, _STOPPED_S = 60.0, 30.0


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
    root, layout = here()
    layout.create(root)
    if foreground:
        return subprocess.call(_monitor(layout, level))
    about = start_background(layout, level)
    state = "Already up" if about["already_up"] else "Up"
    emit(
        about,
        as_json=as_json,
        text=f"{state}: people's door {about['url']}, "
        f"confinement {about['level']}{banner(about['level'])}, "
        f"state {about['state']}\nNext: interlock run \"what to do\" --agent-command '…'",
    )
    for reason in (*about["reasons"], *about["notices"]):
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

    ``already_up`` is set where a monitor ran before: it is waited for if something was just killed.
    What a killed monitor left is stopped first.

    Raises:
        InterlockError: what the server ended with.
        UnavailableError: they did not come up; the message ends with the last lines of their logs.
    """
    layout.logs.mkdir(exist_ok=True, mode=0o700)
    is_watched = bool(_holders(layout.locks[:1]))
    process = None
    if not is_watched:
        stop_background(layout)
        layout.failure.unlink(missing_ok=True)
        process = _start_monitor(layout, level)
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if (there := _ask(layout)) is not None:
            return {**there, "already_up": is_watched}
        if process is not None and process.poll() is not None:
            if not _holders(layout.locks[:1]):
                break
            is_watched, process = True, None  # somebody else was faster
        time.sleep(0.02)
    if process is not None:
        process.terminate()
    raise _why_not(layout)


def _start_monitor(layout: Layout, level: str) -> subprocess.Popen[bytes]:
    with (layout.logs / "monitor.log").open("ab") as log:
        return subprocess.Popen(
            _monitor(layout, level),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )


def _why_not(layout: Layout) -> InterlockError:
    """What the server ended with; if it said nothing, what there is to read."""
    try:
        return from_problem(json.loads(layout.failure.read_text()))
    except (OSError, ValueError):
        return UnavailableError(
            f"the server did not come up:\n{_last_words(layout.logs)}",
            code="IL-CLI-010",
            remedy=f"less {layout.logs / 'server.log'}",
        )


def _ask(layout: Layout) -> dict[str, Any] | None:
    if not layout.people_socket.exists() or not layout.about.exists():
        return None
    try:
        with contextlib.closing(PeopleClient(f"unix:{layout.people_socket}")) as connection:
            return {**json.loads(layout.about.read_text()), **connection.about()}
    except (InterlockError, OSError, ValueError):
        return None


def _last_words(logs: Path) -> str:
    lines: list[str] = []
    for name in ("monitor.log", "server.log", "supervisor.log"):
        path = logs / name
        if path.exists():
            lines += [f"{name}: {line}" for line in path.read_text().splitlines()[-5:]]
    return "\n".join(lines)


def stop_background(layout: Layout) -> bool:
    """Stop what ``start_background`` started; whether anything ran.

    Raises:
        UnavailableError: something still runs after half a minute.
    """
    monitor, *children = layout.locks
    with contextlib.ExitStack() as stack:
        told = [_opened(pid, stack) for pid in _holders([monitor])]
        rest = [_opened(pid, stack) for pid in _holders(children)]
        # Without a monitor (killed) its children are stopped one by one.
        for process in told or rest:
            signal.pidfd_send_signal(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOPPED_S
        for process in (*told, *rest):
            if not select.select([process], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise UnavailableError(
                    "not everything has stopped", code="IL-CLI-011", remedy="interlock down"
                )
    return bool(told or rest)


def _opened(pid: int, stack: contextlib.ExitStack) -> int:
    """A descriptor of the process: readable once it is over, and never another one's."""
    descriptor = os.pidfd_open(pid)
    stack.callback(os.close, descriptor)
    return descriptor


def _holders(locks: Iterable[Path]) -> list[int]:
    """Processes that hold these locks: a process id in a file may be anybody's by now."""
    found = []
    for path in locks:
        if not path.exists():
            continue
        try:
            LockFile(path, code="IL-CLI-012", what=str(path)).release()
        except ConflictError as error:
            found.append(error.context["pid"])
    return [pid for pid in found if pid]
