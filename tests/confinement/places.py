"""Where sandboxes are tried: each rung that this machine and this user can have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import interlock
from interlock.adapters.confinement.launcher import kernel, landlock
from interlock.ports.confinement import Level, Rung

__all__ = [
    "LEVEL_OF",
    "ORDINARY",
    "RUNGS",
    "as_root",
    "needs_bubblewrap",
    "needs_landlock",
    "readable_python",
    "run_as",
]

ORDINARY = 64999
"""A user that stands for a person who is not root."""

as_root = pytest.mark.skipif(os.getuid() != 0, reason="NOT RUN: needs root")
needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="NOT RUN: bubblewrap is not installed"
)
needs_landlock = pytest.mark.skipif(
    kernel.landlock_version() < landlock.OLDEST, reason="NOT RUN: the kernel has no such Landlock"
)
LEVEL_OF = {
    Rung.BUBBLEWRAP: Level.FULL,
    Rung.NAMESPACES: Level.FULL,
    Rung.LANDLOCK: Level.PARTIAL,
    Rung.PLAIN: Level.NONE,
}
RUNGS = pytest.mark.parametrize(
    "rung",
    [
        pytest.param(Rung.BUBBLEWRAP, marks=needs_bubblewrap),
        pytest.param(Rung.NAMESPACES, marks=as_root),
        pytest.param(Rung.LANDLOCK, marks=needs_landlock),
        Rung.PLAIN,
    ],
)


def run_as(
    uid: int, program: str, code: str, before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python source with this package as another user; as ourselves if we are not root.

    Args:
        program: the interpreter.
        before: called in the new process, with its user's rights.
    """
    source = Path(interlock.__file__).parent.parent
    user = uid if os.getuid() == 0 else None
    return subprocess.run(
        [program, "-c", code],
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        preexec_fn=before,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@cache
def readable_python() -> str:
    """A Python that an ordinary user can run with this package."""
    for program in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        try:
            tried = run_as(ORDINARY, program, "import interlock.adapters.confinement")
        except PermissionError:
            continue
        if tried.returncode == 0:
            return program
    pytest.skip("NOT RUN: no Python that another user can run with this checkout")
