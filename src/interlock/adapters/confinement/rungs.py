"""Which rung stands for a level on this machine.

For ``full`` it is found by trying, once: whether a user like a sandbox's can make a user namespace
with bubblewrap. If not, root makes the other namespaces itself.
"""

from __future__ import annotations

import os
import subprocess
import threading

from interlock.adapters.confinement import bubblewrap
from interlock.errors import UnavailableError
from interlock.ports.confinement import Level, Rung

__all__ = ["forget", "of", "why_not_bubblewrap"]

_ANY_UID = 65534
_PATIENCE_S = 20.0
_TRY = ("--unshare-user", "--unshare-pid", "--unshare-net", "--dev-bind", "/", "/", "--")
_guard = threading.Lock()
_found: list[str] = []


def of(level: Level) -> Rung:
    """The rung that ``start`` uses for a level."""
    match level:
        case Level.PARTIAL:
            return Rung.LANDLOCK
        case Level.NONE:
            return Rung.PLAIN
        case Level.FULL if os.getuid() == 0 and why_not_bubblewrap():
            return Rung.NAMESPACES
        case Level.FULL:
            return Rung.BUBBLEWRAP


def why_not_bubblewrap() -> str:
    """What it said when it was tried; empty if it works."""
    with _guard:
        if not _found:
            _found.append(_try())
        return _found[0]


def forget() -> None:
    """Try again when it is asked for the next time."""
    with _guard:
        _found.clear()


def _try() -> str:
    try:
        command = [bubblewrap.program(), *_TRY, "/bin/true"]
    except UnavailableError as error:
        return error.message
    user = _ANY_UID if os.getuid() == 0 else None
    tried = subprocess.run(
        command,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        cwd="/",
        env={},
        timeout=_PATIENCE_S,
    )
    if tried.returncode == 0:
        return ""
    return (
        tried.stderr.decode(errors="replace").strip() or f"bubblewrap ended with {tried.returncode}"
    )
