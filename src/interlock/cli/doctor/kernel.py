"""What the kernel offers for confinement, asked of the kernel itself."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from pathlib import Path

from interlock.cli.doctor.findings import Check, Standing, as_root

__all__ = ["landlock", "landlock_version", "refused_namespace", "seccomp", "user_namespaces"]

_NOBODY = 65534
_CLONE_NEWUSER = 0x10000000
_LANDLOCK_CREATE_RULESET, _VERSION = 444, 1
_NETWORK_RULES = 4
SETTINGS = Path("/proc/sys")
_SYSCTLS = (
    # What refuses user namespaces, the value that does, and the one that does not.
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("user/max_user_namespaces", "0", "15000"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
)
CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def user_namespaces() -> Check:
    """Whether an ordinary process may make one, by making one."""
    if not (refusal := refused_namespace()):
        return Check(
            id="user-namespaces",
            standing=Standing.OK,
            says="The kernel lets ordinary users make user namespaces.",
        )
    return Check(
        id="user-namespaces",
        standing=Standing.FINDING,
        says=f"No user namespace can be made here ({refusal}): bubblewrap needs them.",
        remedy=_namespace_remedy(),
    )


def refused_namespace() -> str:
    """Why an ordinary child of ours gets no user namespace; empty if it gets one."""
    reader, writer = os.pipe()
    libc = ctypes.CDLL(None, use_errno=True)
    if not (child := os.fork()):
        if os.getuid() == 0:
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        failed = libc.unshare(_CLONE_NEWUSER) and ctypes.get_errno()
        os.write(writer, str(failed or 0).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = int(answer.read() or errno.EINVAL)
    os.waitpid(child, 0)
    return os.strerror(number) if number else ""


def _namespace_remedy() -> str:
    for name, refuses, allows in _SYSCTLS:
        try:
            value = (SETTINGS / name).read_text().strip()
        except OSError:
            continue
        if value == refuses:
            return as_root(f"sysctl -w {name.replace('/', '.')}={allows}")
    if any(mark.exists() for mark in CONTAINERS):
        return (
            "Start the container with --security-opt seccomp=unconfined "
            "--security-opt systempaths=unconfined, or as root with --cap-add SYS_ADMIN."
        )
    return "Ask who administers this machine what forbids unshare(CLONE_NEWUSER)."


def landlock() -> Check:
    """Which version of Landlock there is: files from 1 on, TCP ports from 4 on."""
    version, release = landlock_version(), platform.release()
    if version >= _NETWORK_RULES:
        says = f"Landlock {version} restricts files and TCP ports where namespaces cannot be had."
        return Check(id="landlock", standing=Standing.OK, says=says)
    if version > 0:
        return Check(
            id="landlock",
            standing=Standing.NOTE,
            says=f"Landlock {version} of kernel {release} restricts files but no network: "
            "that needs Linux 6.7.",
            remedy="Use a newer kernel.",
        )
    if version == -errno.EOPNOTSUPP:
        return Check(
            id="landlock",
            standing=Standing.NOTE,
            says="The kernel has Landlock and was started without it.",
            remedy="Add landlock to lsm= on the kernel's command line.",
        )
    return Check(
        id="landlock",
        standing=Standing.NOTE,
        says=f"Kernel {release} has no Landlock: that needs Linux 5.13.",
        remedy="Use a newer kernel.",
    )


def landlock_version() -> int:
    """Its version, or the negative number of the error."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = int(libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION))
    return version if version >= 0 else -ctypes.get_errno()


def seccomp() -> Check:
    """Whether system calls can be filtered."""
    if Path("/proc/sys/kernel/seccomp/actions_avail").exists():
        return Check(id="seccomp", standing=Standing.OK, says="System calls can be filtered.")
    return Check(
        id="seccomp",
        standing=Standing.FINDING,
        says="The kernel cannot filter system calls, which every level does.",
        remedy="Use a kernel with CONFIG_SECCOMP_FILTER.",
    )
