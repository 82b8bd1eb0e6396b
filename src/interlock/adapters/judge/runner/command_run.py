"""One command of the workflow's in a process of its own, on a tree that was just written."""

from __future__ import annotations

import os
from typing import Any, NoReturn

__all__ = ["run"]


def run(job: dict[str, Any], root: str, _frames: int) -> NoReturn:
    """Become the command, as a shell reads it; how it ends is how this process ends."""
    os.chdir(os.path.join(root, job["directory"]))
    os.execv("/bin/sh", ["/bin/sh", "-c", job["command"]])  # noqa: S606 — a shell is what is meant
