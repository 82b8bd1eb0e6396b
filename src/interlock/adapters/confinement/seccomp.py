"""The system call filter, as classic BPF built by hand: a table of names and one small assembler.

Closed are the doors that namespaces leave open: kernel interfaces with a history of escapes,
socket families that reach past the network namespace (vsock, AF_ALG, …), and terminal ioctls that
type into somebody else's shell. Foreign architectures are killed: their numbers mean other calls.

``ptrace`` stays open in a sandbox: debuggers and leak sanitizers are honest test tools, and its
reach ends at the private pid namespace. Where there is none (``outside``), it is closed with its
relatives, because a tracer there could take over whatever runs under the same user.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from interlock.errors import UnavailableError

__all__ = ["build"]

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGS = 0, 4, 16
_X32_BIT = 0x40000000

_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_TIOCSTI, _TIOCLINUX, _TIOCSETD = 0x5412, 0x541C, 0x5423

# name: (x86_64, aarch64)
_DENIED = {
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "syslog": (103, 116),
}
_DENIED_OUTSIDE = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
}
_SOCKET, _IOCTL = (41, 198), (16, 29)


@dataclass(frozen=True, slots=True)
class _Machine:
    column: int
    audit: int
    x32: bool


_MACHINES = {
    "x86_64": _Machine(0, 0xC000003E, True),
    "aarch64": _Machine(1, 0xC00000B7, False),
}


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _refuse(error: int) -> bytes:
    return _step(_RETURN, _ERRNO | error)


def _when(number: int, body: list[bytes]) -> list[bytes]:
    """``body`` for one system call; the others jump over it with the number still loaded."""
    return [_step(_IF_EQUAL, number, 0, len(body)), *body]


def _each(values: Iterable[int], verdict: bytes) -> list[bytes]:
    return [step for value in values for step in (_step(_IF_EQUAL, value, 0, 1), verdict)]


def _low_word(argument: int) -> bytes:
    """Load the low 32 bits of an argument: the kernel ignores the high ones here, so must we."""
    return _step(_LOAD, _OFFSET_ARGS + 8 * argument)


def build(*, outside: bool = False, machine: str | None = None) -> bytes:
    """The filter as an array of ``struct sock_filter`` (8 bytes each, native order).

    Args:
        outside: for a program without namespaces of its own: no tracing, and no Unix sockets
            (tmux, docker and the session bus listen on them).
        machine: as ``platform.machine()`` says it; this one's by default.

    Raises:
        UnavailableError: no table for this machine (IL-CNF-006).
    """
    name = machine or platform.machine()
    this = _MACHINES.get(name)
    if this is None:
        raise UnavailableError(
            f"there is no table of system calls for {name}",
            code="IL-CNF-006",
            remedy="run on x86_64 or aarch64",
        )
    allow, refuse = _step(_RETURN, _ALLOW), _refuse(errno.EPERM)
    denied = {**_DENIED, **(_DENIED_OUTSIDE if outside else {})}
    families = (_AF_INET, _AF_INET6, _AF_NETLINK) + (() if outside else (_AF_UNIX,))
    program = [
        _step(_LOAD, _OFFSET_ARCH),
        _step(_IF_EQUAL, this.audit, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _OFFSET_NUMBER),
    ]
    if this.x32:
        program += [_step(_IF_AT_LEAST, _X32_BIT, 0, 1), refuse]
    program += _each((numbers[this.column] for numbers in denied.values()), refuse)
    program += _when(
        _IOCTL[this.column],
        [_low_word(1), *_each((_TIOCSTI, _TIOCLINUX, _TIOCSETD), refuse), allow],
    )
    program += _when(
        _SOCKET[this.column],
        [_low_word(0), *_each(families, allow), _refuse(errno.EAFNOSUPPORT)],
    )
    return b"".join([*program, allow])
