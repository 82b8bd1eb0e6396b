"""The Python that runs us, as it is named and mounted inside a sandbox."""

from __future__ import annotations

import os
import sys

from interlock.ports.confinement import Mount

__all__ = ["interpreter"]


def interpreter() -> tuple[str, tuple[Mount, ...]]:
    """Path of the interpreter, and the mount it needs (none if it lies below ``/usr``).

    It is mounted at the path it was built for: a Python elsewhere does not find its library.
    """
    prefix, program = os.path.realpath(sys.base_prefix), os.path.realpath(sys.executable)
    if prefix == "/usr" or prefix.startswith("/usr/"):
        return program, ()
    return program, (Mount(source=prefix, target=prefix),)
