"""The part of a repository whose tests' environment is meant: that of the directory one stands in.

Paths of a workflow are from the repository's root, and so are those of a recipe that is proposed
for a part of it.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Collection

from interlock.core.model import EnvironmentSpec
from interlock.definition.detect import detect_environment

__all__ = ["detect_within", "project_of"]

_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "requirements.lock")


def project_of(directory: str, files: Collection[str]) -> str:
    """The nearest directory, itself or above, that says how it is installed; ``""`` for the root.

    Args:
        directory: relative to the root, ``"."`` for the root itself.
        files: paths from the root.
    """
    there = frozenset(files)
    place = posixpath.normpath(directory)
    while place not in ("", "."):
        if any(f"{place}/{mark}" in there for mark in _MARKS):
            return place
        place = posixpath.dirname(place)
    return ""


def detect_within(
    directory: str, files: Collection[str], read: Callable[[str], bytes | None]
) -> EnvironmentSpec | None:
    """A recipe for the project that a directory is in; see ``detect_environment``.

    Args:
        directory: relative to the root, ``"."`` for the root itself.
        files: paths from the root.
        read: a path → its bytes, ``None`` when it cannot be read.
    """
    project = project_of(directory, files)
    if not project:
        return detect_environment(files, read)
    below = f"{project}/"
    inner = [path.removeprefix(below) for path in files if path.startswith(below)]
    found = detect_environment(inner, lambda path: read(below + path))
    if found is None:
        return None
    setup = tuple(f"cd {shlex.quote(project)} && {command}" for command in found.setup)
    return EnvironmentSpec(
        setup=setup, lockfiles=tuple(f"{below}{path}" for path in found.lockfiles)
    )
