"""What every sandbox with mounts of its own sees beside them: the system, and who it is.

The root is an empty tmpfs that ends up read-only; the system's ``/usr`` and the few files of
``/etc`` that programs ask for are put in, then HOME, temporary directories and the mounts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from interlock.adapters.confinement.mounts import HOME

__all__ = ["DEVICES", "ETC", "READABLE", "directories", "files", "links", "plain"]

ETC = tuple(
    f"/etc/{name}"
    for name in (
        *("ssl", "pki", "ca-certificates", "crypto-policies"),
        *("ld.so.cache", "alternatives", "localtime"),
    )
)
"""Of the host's ``/etc``, where there."""

READABLE = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/proc")
"""What can be read of the host where a sandbox has no mounts of its own. All of ``/etc``: programs
take a file there that is not to be read for a mistake, unlike one that is not there."""

DEVICES = tuple(f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom"))

_SYSTEM = tuple(map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")))


def files(uid: int) -> dict[str, str]:
    """Path inside → content. Programs (Node, git, ssh) ask who they are and cannot do with
    "nobody knows".

    Args:
        uid: of the program, as it is inside.
    """
    return {
        "/etc/passwd": f"agent:x:{uid}:{uid}:agent:{HOME}:/bin/sh\n"
        "nobody:x:65534:65534:nobody:/:/bin/false\n",
        "/etc/group": f"agent:x:{uid}:\nnogroup:x:65534:\n",
        "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }


def directories() -> list[str]:
    """What of the system is mounted read-only at its own path."""
    return ["/usr", *(str(path) for path in _SYSTEM if path.is_dir() and not path.is_symlink())]


def links() -> dict[str, str]:
    """What of the system is a link, and where to."""
    return {str(path): os.readlink(path) for path in _SYSTEM if path.is_symlink()}


def plain(uid: int) -> dict[str, Any]:
    """All of it as plain values, for the launcher."""
    return {
        "directories": [*directories(), *filter(os.path.exists, ETC)],
        "links": links(),
        "files": files(uid),
        "devices": [*DEVICES, "/dev/tty"],
    }
