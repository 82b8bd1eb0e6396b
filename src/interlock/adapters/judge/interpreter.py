"""The Python that environments are made with: the server's own, at the path it was built for."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from interlock.ports.confinement import Mount

__all__ = ["identity", "mounts", "python"]


def python() -> str:
    """The interpreter itself, not the virtual environment that may have started us."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return os.path.realpath(os.path.join(sys.base_prefix, "bin", version))


def mounts() -> tuple[Mount, ...]:
    """What a sandbox must see for it, beyond ``/usr``."""
    prefix = Path(sys.base_prefix)
    if prefix.resolve().is_relative_to("/usr"):
        return ()
    targets = dict.fromkeys((str(prefix.resolve()), str(prefix)))
    return tuple(Mount(source=str(prefix.resolve()), target=target) for target in targets)


def identity() -> tuple[str, ...]:
    """What decides whether compiled packages fit: version and build, machine, C library."""
    return (sys.version, sys.base_prefix, platform.machine(), *platform.libc_ver())
