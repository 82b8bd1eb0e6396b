"""System calls that the standard library (3.11) does not have. Failures are ``OSError``."""

import ctypes
import os
import struct

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x02000000, 0x04000000, 0x08000000
CLONE_NEWPID = 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_SLAVE = 0x4000, 0x80000

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 1, 4, 22, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 36, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECCOMP_MODE_FILTER = 2
_SYS_PIVOT_ROOT = 155 if os.uname().machine == "x86_64" else 41
_SYS_OPEN_TREE, _SYS_MOVE_MOUNT, _SYS_MOUNT_SETATTR = 428, 429, 442
_SYS_LANDLOCK_CREATE, _SYS_LANDLOCK_ADD, _SYS_LANDLOCK_RESTRICT = 444, 445, 446
_OPEN_TREE_CLONE, _AT_RECURSIVE, _AT_EMPTY_PATH, _MNT_DETACH = 1, 0x8000, 0x1000, 2
_MOVE_MOUNT_F_EMPTY_PATH, _MOVE_MOUNT_T_EMPTY_PATH = 0x04, 0x40
_LANDLOCK_VERSION = 1
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


def _call(number: int, *arguments: int | bytes) -> int:
    words = [a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *words), f"system call {number}")


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """``mount(2)``; ``kind`` is the file system, or None for a bind or a change of flags."""
    names = [None if name is None else os.fsencode(name) for name in (source, target, kind)]
    _checked(
        _libc.mount(*names, ctypes.c_ulong(flags), os.fsencode(options)),
        f"mount {source} on {target}",
    )


def copy_mount(source: int, target: int, flags: int) -> None:
    """Show what is below descriptor ``source`` at descriptor ``target``, submounts included.

    The flags (``MS_RDONLY``, ``MS_NOSUID``, ``MS_NODEV``, ``MS_NOEXEC``) hold for all of it before
    it can be seen.
    """
    tree = _call(
        _SYS_OPEN_TREE,
        source,
        b"",
        _OPEN_TREE_CLONE | _AT_RECURSIVE | _AT_EMPTY_PATH | os.O_CLOEXEC,
    )
    try:
        attributes = struct.pack("=QQQQ", flags, 0, 0, 0)  # their bits are the same there
        _call(_SYS_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH | _AT_RECURSIVE, attributes, 32)
        how = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH
        _call(_SYS_MOVE_MOUNT, tree, b"", target, b"", how)
    finally:
        os.close(tree)


def pivot_root(directory: str) -> None:
    """Make ``directory``, a mount point, the root; what was the root is gone."""
    os.chdir(directory)
    _call(_SYS_PIVOT_ROOT, b".", b".")
    _checked(_libc.umount2(b".", _MNT_DETACH), "umount the old root")
    os.chdir("/")


def landlock_version() -> int:
    """The newest Landlock of this kernel; 0 if there is none."""
    try:
        return _call(_SYS_LANDLOCK_CREATE, 0, 0, _LANDLOCK_VERSION)
    except OSError:
        return 0


def landlock_ruleset(attributes: bytes) -> int:
    """A descriptor of an empty ruleset that handles what ``struct landlock_ruleset_attr`` says."""
    return _call(_SYS_LANDLOCK_CREATE, attributes, len(attributes), 0)


def landlock_rule(ruleset: int, kind: int, attributes: bytes) -> None:
    """Add one rule: kind 1 for a path, 2 for a port."""
    _call(_SYS_LANDLOCK_ADD, ruleset, kind, attributes, 0)


def landlock_restrict(ruleset: int) -> None:
    """Hold the calling thread, and what it starts, to a ruleset for good."""
    _call(_SYS_LANDLOCK_RESTRICT, ruleset, 0)


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
    how = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_NO_SYMLINKS)
    try:
        return _call(_SYS_OPENAT2, _AT_FDCWD, os.fsencode(path), how, len(how))
    except OSError as error:
        raise OSError(error.errno, f"open {path}: {os.strerror(error.errno or 0)}") from None


def become_subreaper() -> None:
    """Orphans among the descendants become children of this process."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Be killed when the parent ends; at once if it is no longer ``parent``.

    A parent outside of our pid namespace is seen as 0: then the gate tells who is too late.
    """
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() not in (parent, 0):
        os._exit(1)


def no_new_privileges() -> None:
    """No program run from here on gains rights by its setuid bit."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def forbid_inspection() -> None:
    """Nobody of the same user may trace this process or read what it has, until it execs."""
    _prctl(_PR_SET_DUMPABLE, 0)


def drop_capabilities() -> None:
    """No program run from here on can have a capability: none is left to be given by a file."""
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        _prctl(_PR_CAPBSET_DROP, capability)


def load_filter(program: bytes) -> None:
    """Load a seccomp filter: an array of ``struct sock_filter`` of 8 bytes each."""
    fprog = _SockFprog(len(program) // 8, program)
    _checked(
        _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(fprog), 0, 0), "seccomp"
    )


def _prctl(option: int, value: int) -> None:
    _checked(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")
