"""Interpreters of this machine that environments can be made with."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from interlock.adapters.confinement import interpreter
from interlock.errors import InvalidInputError
from interlock.ports.confinement import Mount

__all__ = ["Python", "python_of"]

_ASKED = """
import json, os, platform, sys
print(json.dumps([
    platform.python_version(), sys.version, os.path.realpath(sys.executable),
    os.path.realpath(sys.base_prefix),
]))
"""
# Where people's tools put interpreters that are not on every PATH.
_PLACES = (
    "/usr/local/bin",
    "/usr/bin",
    "~/.pyenv/versions/{version}.*/bin",
    "~/.local/share/uv/python/cpython-{version}.*/bin",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """One interpreter.

    Args:
        release: its version, patch included.
        build: what it says of itself in full.
        program: its path, the same inside a sandbox.
        mounts: what has to be there for it to run.
    """

    release: str
    build: str
    program: str
    mounts: tuple[Mount, ...]


@lru_cache(maxsize=16)
def python_of(version: str) -> Python:
    """The interpreter of a version, ``3.12``; the one that runs us if that is empty.

    Raises:
        InvalidInputError: this machine has none (IL-JUD-008).
    """
    ours = platform.python_version()
    if not version or ours.startswith(f"{version}."):
        program, mounts = interpreter()
        return Python(release=ours, build=sys.version, program=program, mounts=mounts)
    for candidate in _candidates(version):
        if (found := _asked(candidate)) is not None and found.release.startswith(f"{version}."):
            return found
    raise InvalidInputError(
        f"the environment asks for Python {version}, and this machine has none",
        code="IL-JUD-008",
        remedy=f"install it (`uv python install {version}`, `pyenv install {version}`, or your "
        "system's package), then request the transition again",
    )


def _candidates(version: str) -> Iterator[str]:
    name = f"python{version}"
    on_path = shutil.which(name)
    places = [*_PLACES]
    if on_path and os.path.basename(os.path.dirname(on_path)) == "shims":
        # pyenv's stand-in asks who calls it; what it stands for is beside it.
        places.insert(0, f"{Path(on_path).parent.parent}/versions/{{version}}.*/bin")
    elif on_path:
        yield on_path
    for place in places:
        directory = Path(place.format(version=version)).expanduser()
        pattern = directory.relative_to("/") / name
        yield from sorted(map(str, Path("/").glob(str(pattern))), reverse=True)


def _asked(program: str) -> Python | None:
    """What an interpreter says of itself; ``None`` if it does not run."""
    try:
        done = subprocess.run(
            [program, "-I", "-S", "-c", _ASKED],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
            cwd="/",
            env={"PATH": os.defpath, "HOME": os.environ.get("HOME", "/")},
        )
        release, build, executable, prefix = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    is_systems = prefix == "/usr" or prefix.startswith("/usr/")
    mounts = () if is_systems else (Mount(source=prefix, target=prefix),)
    return Python(release=release, build=build, program=executable, mounts=mounts)
