"""One sandbox as a bubblewrap command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from interlock.adapters.confinement import layout
from interlock.adapters.confinement.mounts import HOME, TEMPORARY
from interlock.errors import UnavailableError
from interlock.ports.confinement import Mount

__all__ = ["INSIDE_ID", "arguments", "program"]

INSIDE_ID = 1000
"""User and group of the program, as it is seen inside."""

_NAMESPACES = (
    *("--unshare-user", "--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID)),
    *("--cap-drop", "ALL", "--disable-userns"),
    *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--unshare-net"),
    *("--hostname", "sandbox", "--die-with-parent", "--new-session"),
)
# The first process inside is bubblewrap's, and not stopped when all others are: its memory is not
# to be written by them. (The filter has the system calls that would do the same.)
_MEMORY_OF_THE_FIRST = ("/proc/1/mem", "/proc/1/task/1/mem")


def program() -> str:
    """Absolute path of bubblewrap.

    Raises:
        UnavailableError: it is not installed (IL-CNF-003).
    """
    found = shutil.which("bwrap", path=os.defpath + ":/usr/local/bin") or shutil.which("bwrap")
    if found is None:
        raise UnavailableError(
            "bubblewrap is not installed",
            code="IL-CNF-003",
            remedy="apt-get install bubblewrap   (dnf, pacman, apk: same name)",
        )
    return os.path.abspath(found)


def arguments(
    mounts: Sequence[Mount],
    *,
    files: Mapping[str, int],
    filter_fd: int,
    cwd: str,
    temporary_bytes: int,
    blank: Mapping[str, int],
) -> list[str]:
    """Everything between ``bwrap`` and the program.

    Args:
        mounts: outer before inner, sources readable by the user bubblewrap runs as.
        files: path inside → descriptor of its content, for ``layout.files``.
        filter_fd: descriptor of the system call filter.
        cwd: directory the program starts in.
        temporary_bytes: size of each private tmpfs.
        blank: further ones, path → size.
    """
    size = str(temporary_bytes)
    command = [*_NAMESPACES, *_system(), "--dir", "/etc"]
    for path in layout.ETC:
        command += ["--ro-bind-try", path, path]
    for path, descriptor in files.items():
        command += ["--ro-bind-data", str(descriptor), path]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for path in _MEMORY_OF_THE_FIRST:
        command += ["--ro-bind", "/dev/null", path]
    command += ["--perms", "1777", "--size", size, "--tmpfs", "/dev/shm"]  # noqa: S108 - private
    command += ["--perms", "1777", "--size", size, "--tmpfs", TEMPORARY]
    command += ["--perms", "0700", "--size", size, "--tmpfs", HOME]
    for path, capacity in blank.items():
        command += ["--perms", "0755", "--size", str(capacity), "--tmpfs", path]
    for mount in mounts:
        command += ["--bind" if mount.writable else "--ro-bind", mount.source, mount.target]
    # Both are tmpfs of the sandbox's own user: writable unless said otherwise.
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    return [*command, "--seccomp", str(filter_fd), "--chdir", cwd]


def _system() -> list[str]:
    """``/usr`` and what the distribution keeps beside it, as links where they are links."""
    command = []
    for directory in layout.directories():
        command += ["--ro-bind", directory, directory]
    for path, value in layout.links().items():
        command += ["--symlink", value, path]
    return command
