"""Where sandboxes are tried: each rung that this machine and this user can have."""

from __future__ import annotations

import os
import shutil

import pytest

from interlock.adapters.confinement.launcher import kernel, landlock
from interlock.ports.confinement import Level, Rung

__all__ = ["LEVEL_OF", "RUNGS", "as_root", "needs_bubblewrap", "needs_landlock"]

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
