"""System calls that the standard library (3.11) does not have. Failures are ``OSError``."""

import ctypes
import os
import struct

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 2, 4, 32, 4096
MS_REC, MS_SLAVE = 0x4000, 0x80000

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
_SECCOMP_MODE_FILTER = 2
_SYS_OPENAT2, _RESOLVE_NO_SYMLINKS, _AT_FDCWD = 437, 0x04, -100
_SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


class _SockFprog(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _checked(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """``mount(2)``; ``kind`` is the file system, or None for a bind or a change of flags."""
    names = [None if name is None else os.fsencode(name) for name in (source, target, kind)]
    _checked(
        _libc.mount(*names, ctypes.c_ulong(flags), os.fsencode(options)),
        f"mount {source} on {target}",
    )


def unshare(flags: int) -> None:
    """Leave the namespaces named by ``CLONE_NEW*`` flags for new ones."""
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Join the namespace behind ``descriptor``."""
    _checked(_libc.setns(descriptor, kind), "setns")


def open_source(path: str) -> int:
    """An ``O_PATH`` descriptor of ``path``, which must have no symbolic link in any part.

    Sources may lie in a tree that an agent writes: a link there would open any directory of ours.
    """
    path_bytes = ctypes.c_char_p(os.fsencode(path))
    how = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_NO_SYMLINKS)
    return _checked(
        _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_long(_AT_FDCWD),
            path_bytes,
            how,
            ctypes.c_size_t(len(how)),
        ),
        f"open {path}",
    )


def become_subreaper() -> None:
    """Orphans among the descendants become children of this process."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Be killed when the parent ends; at once if it is no longer ``parent``."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def no_new_privileges() -> None:
    """No program run from here on gains rights by its setuid bit."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def load_filter(program: bytes) -> None:
    """Load a seccomp filter: an array of ``struct sock_filter`` of 8 bytes each."""
    fprog = _SockFprog(len(program) // 8, program)
    _checked(
        _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(fprog), 0, 0), "seccomp"
    )


def _prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")
