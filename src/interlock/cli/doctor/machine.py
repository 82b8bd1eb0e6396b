"""The programs and the room that Interlock needs, and those that make it stronger."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from interlock.cli.doctor.findings import Check, Standing, install

__all__ = ["machine"]

LEAST_GIT = (2, 36)
"""Before it git cannot be told to sync what it writes before it refers to it."""

LEAST_FREE = 2 << 30
"""Bytes below which a task may not have the room for its scratch and the records theirs."""

SERVER = ("msgspec", "starlette", "uvicorn", "jwt", "yaml", "jsonschema_rs", "pathspec", "re2")
_EXTRAS = {
    # command: (package, what is not there without it)
    "strace": ("strace", "the tests that trace what is synced before an answer are skipped"),
    "tmux": ("tmux", "sessions cannot be watched in a terminal multiplexer"),
    "setpriv": ("util-linux", "the tests do not run again as an ordinary user"),
}


def machine(state: Path) -> Iterator[Check]:
    """Everything that does not depend on the level.

    Args:
        state: where the state lies or would lie.
    """
    yield _python()
    yield _server()
    yield _git()
    yield _venv()
    yield _room(state)
    for command, (package, cost) in _EXTRAS.items():
        if shutil.which(command) is None:
            yield Check(
                id=command,
                standing=Standing.NOTE,
                says=f"{command} is not installed: {cost}.",
                remedy=install(package),
            )


def _python() -> Check:
    says = f"Python {platform.python_version()} on {platform.platform(terse=True)}."
    return Check(id="python", standing=Standing.OK, says=says)


def _server() -> Check:
    missing = [name for name in SERVER if importlib.util.find_spec(name) is None]
    if not missing:
        return Check(id="server", standing=Standing.OK, says="The server's packages are installed.")
    return Check(
        id="server",
        standing=Standing.FINDING,
        says=f"No server can run from here: {', '.join(missing)} cannot be imported.",
        remedy="pip install 'interlock[server]'",
    )


def _git() -> Check:
    least = ".".join(map(str, LEAST_GIT))
    try:
        said = subprocess.run(
            ["git", "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return Check(
            id="git",
            standing=Standing.FINDING,
            says="git does not run, and trees, imports and commits are git's.",
            remedy=install("git"),
        )
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < LEAST_GIT:
        return Check(
            id="git",
            standing=Standing.FINDING,
            says=f"{said} is older than {least}, which is the first that syncs what it writes.",
            remedy=install("git"),
        )
    return Check(id="git", standing=Standing.OK, says=f"{said}.")


def _venv() -> Check:
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        says = "Test environments can be built: venv and ensurepip are there."
        return Check(id="venv", standing=Standing.OK, says=says)
    return Check(
        id="venv",
        standing=Standing.FINDING,
        says=f"{sys.executable} -m venv does not work, so no test environment can be built.",
        remedy=install("python3-venv"),
    )


def _room(state: Path) -> Check:
    place = next((p for p in (state, *state.parents) if p.is_dir()), Path("/"))
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Check(
            id="disk",
            standing=Standing.FINDING,
            says=f"{place} cannot be looked at: {error.strerror}.",
            remedy=f"ls -ld {place}",
        )
    if not os.access(place, os.W_OK | os.X_OK):
        return Check(
            id="disk",
            standing=Standing.FINDING,
            says=f"The state cannot be written to {place}.",
            remedy="export XDG_STATE_HOME=DIRECTORY",
        )
    says = f"{free / (1 << 30):.1f} GiB are free for the state at {place}."
    if free < LEAST_FREE:
        return Check(
            id="disk",
            standing=Standing.FINDING,
            says=f"Only {says}",
            remedy="Make room, or export XDG_STATE_HOME=DIRECTORY on another disk.",
        )
    return Check(id="disk", standing=Standing.OK, says=says)
