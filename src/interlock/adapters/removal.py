"""Removing what somebody else filled: a program of the system gets through any depth of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

__all__ = ["remove_tree"]

# Either program may be killed over it.
_TRIES = 3


def remove_tree(path: Path) -> str:
    """Remove a directory with everything below, also what was made unreadable; quiet if it is gone.

    Returns:
        What stood against it, empty if it is gone.
    """
    complaint = ""
    for _ in range(_TRIES):
        # An ordinary user cannot empty a directory that is closed.
        _run("chmod", "-R", "u+rwX", "--", str(path))
        complaint = _run("rm", "-rf", "--", str(path))
        if not path.exists():
            return ""
    return complaint or "it is still there"


def _run(*argv: str) -> str:
    ended = subprocess.run(
        argv,
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return ended.stderr[:500].decode(errors="replace")
