"""One sandbox as a bubblewrap command line.

The root is an empty tmpfs that ends up read-only; the system's ``/usr`` and the few files of
``/etc`` that programs ask for are put in, then HOME, temporary directories and the mounts.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from interlock.adapters.confinement.mounts import HOME, TEMPORARY
from interlock.errors import UnavailableError
from interlock.ports.confinement import Mount

__all__ = ["FILES", "arguments", "program"]

_INSIDE_ID = "1000"
# Programs (Node, git, ssh) ask who they are and cannot do with "nobody knows".
FILES: Mapping[str, bytes] = {
    "/etc/passwd": f"agent:x:{_INSIDE_ID}:{_INSIDE_ID}:agent:{HOME}:/bin/sh\n".encode()
    + b"nobody:x:65534:65534:nobody:/:/bin/false\n",
    "/etc/group": f"agent:x:{_INSIDE_ID}:\nnogroup:x:65534:\n".encode(),
    "/etc/hosts": b"127.0.0.1 localhost sandbox\n::1 localhost\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
}
_NAMESPACES = (
    *("--unshare-user", "--uid", _INSIDE_ID, "--gid", _INSIDE_ID),
    *("--cap-drop", "ALL", "--disable-userns"),
    *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--unshare-net"),
    *("--hostname", "sandbox", "--die-with-parent", "--new-session"),
)
_ETC = (
    *("ssl", "pki", "ca-certificates", "crypto-policies"),
    *("ld.so.cache", "alternatives", "localtime"),
)


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
        files: path inside → descriptor of its content, for ``FILES``.
        filter_fd: descriptor of the system call filter.
        cwd: directory the program starts in.
        temporary_bytes: size of each private tmpfs.
        blank: further ones, path → size.
    """
    size = str(temporary_bytes)
    command = [*_NAMESPACES, *_system(), "--dir", "/etc"]
    for name in _ETC:
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for path, descriptor in files.items():
        command += ["--ro-bind-data", str(descriptor), path]
    command += ["--proc", "/proc", "--dev", "/dev"]
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
    command = ["--ro-bind", "/usr", "/usr"]
    for directory in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")):
        if directory.is_symlink():
            command += ["--symlink", os.readlink(directory), str(directory)]
        elif directory.is_dir():
            command += ["--ro-bind", str(directory), str(directory)]
    return command
