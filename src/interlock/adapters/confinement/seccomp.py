"""The system call filter, as classic BPF built by hand: a table of names and one small assembler.

Closed are the doors that namespaces leave open: kernel interfaces with a history of escapes,
socket families that reach past the network namespace (vsock, AF_ALG, …), and terminal ioctls that
type into somebody else's shell. Foreign architectures are killed: their numbers mean other calls.

``ptrace`` stays open where a sandbox has processes of its own: debuggers and leak sanitizers are
honest test tools, and its reach ends at the private pid namespace, of which only the first process
is not the program's. Elsewhere it is closed with its relatives.

Where Landlock is the boundary, what it does not see is closed as well: each rule there is a way
around it that works without the rule.
"""

from __future__ import annotations

import errno
import platform
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from interlock.errors import UnavailableError
from interlock.ports.confinement import Rung

__all__ = ["build"]

_LOAD, _AND = 0x20, 0x54
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGS = 0, 4, 16
_X32_BIT = 0x40000000

_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE_MASK = 1, 5, 0xF
_TCP, _NETLINK_ROUTE = 6, 0
_MSG_FASTOPEN, _CLONE_NEWUSER = 0x20000000, 0x10000000
_TIOCSTI, _TIOCLINUX, _TIOCSETD = 0x5412, 0x541C, 0x5423
_FIRST_PROCESS = 1

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
    "pidfd_getfd": (438, 438),
}
_TRACING = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
}
# A socket that listens without having been bound gets a port without a question to Landlock;
# System V's shared memory, queues and semaphores are no files to it.
_UNSEEN_BY_LANDLOCK = {
    "listen": (50, 201),
    "shmget": (29, 194),
    "shmctl": (31, 195),
    "shmat": (30, 196),
    "semget": (64, 190),
    "semctl": (66, 191),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgctl": (71, 187),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
}
_IOCTL, _SOCKET, _SOCKETPAIR = (16, 29), (41, 198), (53, 199)
# name: numbers, and the argument that holds the flags of a message
_SENDING = {"sendto": ((44, 206), 3), "sendmsg": ((46, 211), 2), "sendmmsg": ((307, 269), 3)}
_UNSHARE, _CLONE, _CLONE3 = (272, 97), (56, 220), (435, 435)
_PRLIMIT = (302, 261)


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


def _refused(error: int = errno.EPERM) -> bytes:
    return _step(_RETURN, _ERRNO | error)


_ALLOWED = _step(_RETURN, _ALLOW)


def _when(value: int, body: Sequence[bytes]) -> list[bytes]:
    """``body``, which must end in a verdict, if that was loaded; else it is jumped over."""
    return [_step(_IF_EQUAL, value, 0, len(body)), *body]


def _each(values: Iterable[int], verdict: bytes) -> list[bytes]:
    return [step for value in values for step in _when(value, [verdict])]


def _if_any_bit(bits: int, verdict: bytes) -> list[bytes]:
    return [_step(_IF_ANY_BIT, bits, 0, 1), verdict]


def _low_word(argument: int) -> bytes:
    """Load the low 32 bits of an argument: the kernel ignores the high ones here, so must we."""
    return _step(_LOAD, _OFFSET_ARGS + 8 * argument)


def build(rung: Rung, *, machine: str | None = None) -> bytes:
    """The filter as an array of ``struct sock_filter`` (8 bytes each, native order).

    Args:
        rung: what it stands beside.
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
    own_processes = rung in (Rung.BUBBLEWRAP, Rung.NAMESPACES)
    denied = {
        **_DENIED,
        **({} if own_processes else _TRACING),
        **(_UNSEEN_BY_LANDLOCK if rung is Rung.LANDLOCK else {}),
    }
    program = [
        _step(_LOAD, _OFFSET_ARCH),
        _step(_IF_EQUAL, this.audit, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _OFFSET_NUMBER),
    ]
    if this.x32:
        program += [_step(_IF_AT_LEAST, _X32_BIT, 0, 1), _refused()]
    program += _each((numbers[this.column] for numbers in denied.values()), _refused())
    program += _when(_IOCTL[this.column], _terminals())
    program += _when(_SOCKET[this.column], _sockets(rung))
    if own_processes:
        for number, argument in (("ptrace", 1), ("process_vm_readv", 0), ("process_vm_writev", 0)):
            program += _when(_TRACING[number][this.column], _not_the_first(argument))
    else:
        program += _when(_SOCKETPAIR[this.column], _pairs())
    if rung in (Rung.NAMESPACES, Rung.LANDLOCK):
        program += _no_user_namespaces(this.column)
    if rung is Rung.LANDLOCK:
        program += _around_landlock(this.column)
    return b"".join([*program, _ALLOWED])


def _terminals() -> list[bytes]:
    return [_low_word(1), *_each((_TIOCSTI, _TIOCLINUX, _TIOCSETD), _refused()), _ALLOWED]


def _sockets(rung: Rung) -> list[bytes]:
    """Families that a sandbox may open; of netlink only what tells about interfaces."""
    netlink = [_low_word(2), *_when(_NETLINK_ROUTE, [_ALLOWED]), _refused(errno.EPROTONOSUPPORT)]
    internet = _tcp_only() if rung is Rung.LANDLOCK else [_ALLOWED]
    steps = [_low_word(0), *_when(_AF_NETLINK, netlink)]
    for family in (_AF_INET, _AF_INET6):
        steps += _when(family, internet)
    if rung in (Rung.BUBBLEWRAP, Rung.NAMESPACES):
        steps += _when(_AF_UNIX, [_ALLOWED])
    return [*steps, _refused(errno.EAFNOSUPPORT)]


def _tcp_only() -> list[bytes]:
    """Landlock knows ports of TCP: not of UDP, and not of MPTCP, which connects to the same."""
    return [
        _low_word(1),
        _step(_AND, _SOCK_TYPE_MASK),
        *_when(_SOCK_STREAM, [_low_word(2), *_each((0, _TCP), _ALLOWED), _refused(_NO_FAMILY)]),
        _refused(_NO_FAMILY),
    ]


_NO_FAMILY = errno.EAFNOSUPPORT


def _pairs() -> list[bytes]:
    """Pairs that stay pairs: one of datagrams can be connected again, to a socket of the host."""
    return [
        _low_word(1),
        _step(_AND, _SOCK_TYPE_MASK),
        *_each((_SOCK_STREAM, _SOCK_SEQPACKET), _ALLOWED),
        _refused(errno.EAFNOSUPPORT),
    ]


def _not_the_first(argument: int) -> list[bytes]:
    """The namespace's first process is spared when all others are stopped: it must stay ours."""
    return [_low_word(argument), *_when(_FIRST_PROCESS, [_refused()]), _ALLOWED]


def _no_user_namespaces(column: int) -> list[bytes]:
    """The flags of ``clone3`` lie in memory, which a filter cannot read; libraries then use
    ``clone``."""
    body = [_low_word(0), *_if_any_bit(_CLONE_NEWUSER, _refused()), _ALLOWED]
    return [
        *_when(_UNSHARE[column], body),
        *_when(_CLONE[column], body),
        *_when(_CLONE3[column], [_refused(errno.ENOSYS)]),
    ]


def _around_landlock(column: int) -> list[bytes]:
    steps: list[bytes] = []
    for numbers, flags in _SENDING.values():
        body = [_low_word(flags), *_if_any_bit(_MSG_FASTOPEN, _refused(errno.EOPNOTSUPP)), _ALLOWED]
        steps += _when(numbers[column], body)
    # Limits of another process of the user: one of zero would end the server.
    own = [_low_word(0), *_when(0, [_ALLOWED]), _refused()]
    return [*steps, *_when(_PRLIMIT[column], own)]
