"""Where modules of the tree are imported from."""

from __future__ import annotations

import os
import site
import sys

__all__ = ["BUILT_AT", "editable"]

BUILT_AT = "/w"
"""Where the tree was when the environment was built: its ``.pth`` files say so."""


def editable(root: str) -> list[str]:
    """Directories of the tree that the environment's ``.pth`` files name.

    Python looked at those files when it started, and the tree was not there yet.
    """
    found: list[str] = []
    for directory in site.getsitepackages():
        names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
        for name in (name for name in names if name.endswith(".pth")):
            with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                lines = [line.strip() for line in file]
            for line in lines:
                if line == BUILT_AT or line.startswith(f"{BUILT_AT}/"):
                    path = root + line.removeprefix(BUILT_AT)
                    if os.path.isdir(path) and path not in sys.path:
                        found.append(path)
    return found
