"""What servers leave that were killed together with their launchers: removed by the next probe.

Everything is named after the process that had it made, and is left alone while that one lives.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

from interlock.adapters.confinement.launcher import cgroups, ending
from interlock.adapters.confinement.launcher.staging import SHARED_MEMORY
from interlock.adapters.confinement.uids import UidRange

__all__ = ["PROBE", "sweep"]

PROBE = "interlock-probe-"
"""What the probe makes is named so; its process id follows."""

# Directories of sandboxes without mounts, and of probes.
_NAMES = re.compile(rf"(?:interlock-|{PROBE})([0-9]+)-[0-9a-z_]+")


def sweep() -> None:
    """Remove cgroups, directories and, as root, processes that nobody owns any more."""
    cgroups.sweep()
    for place in {tempfile.gettempdir(), SHARED_MEMORY}:
        for path in _abandoned(Path(place)):
            # Somebody else's, or swept by another probe meanwhile.
            with contextlib.suppress(OSError):
                path.unlink() if path.is_file() else ending.remove_tree(str(path))
    if os.getuid() == 0:
        UidRange().sweep()


def _abandoned(place: Path) -> list[Path]:
    found = []
    with contextlib.suppress(OSError):
        for path in place.iterdir():
            name = _NAMES.fullmatch(path.name)
            if name and not Path("/proc", name[1]).exists() and not path.is_symlink():
                found.append(path)
    return found
