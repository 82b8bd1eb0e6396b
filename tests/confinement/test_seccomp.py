"""The filter is run by a small BPF machine, so that each architecture is tried on every other."""

from __future__ import annotations

import errno
import struct
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.adapters.confinement.seccomp import build
from interlock.errors import UnavailableError
from interlock.ports.confinement import Rung

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, EAFNOSUPPORT = ERRNO | errno.EPERM, ERRNO | errno.EAFNOSUPPORT
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = pytest.mark.parametrize("machine", sorted(ARCHITECTURES))
RUNGS = pytest.mark.parametrize("rung", list(Rung))
OWN_PROCESSES = (Rung.BUBBLEWRAP, Rung.NAMESPACES)

# From the kernel's own tables: number on x86_64, number on aarch64.
DENIED = {
    "io_uring_setup": (425, 425),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "mount": (165, 40),
    "move_mount": (429, 429),
    "setns": (308, 268),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
}
ALLOWED = {"read": (0, 63), "openat": (257, 56), "execve": (59, 221), "bind": (49, 200)}
TRACING = {"ptrace": (101, 117), "process_vm_writev": (311, 271), "process_vm_readv": (310, 270)}
UNSEEN_BY_LANDLOCK = {
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
SENDING = {"sendto": (44, 206, 3), "sendmsg": (46, 211, 2), "sendmmsg": (307, 269, 3)}
OTHERS = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "ioctl": (16, 29),
    "unshare": (272, 97),
    "clone": (56, 220),
    "clone3": (435, 435),
    "prlimit64": (302, 261),
}
WORDS = st.integers(0, 2**32 - 1)


def _verdict(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the kernel's machine answers for one system call."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *padded)
    steps = list(struct.iter_unpack("=HBBI", program))
    position, loaded = 0, 0
    while True:
        code, yes, no, value = steps[position]
        position += 1
        match code:
            case 0x20:
                (loaded,) = struct.unpack_from("<I", data, value)
            case 0x15:
                position += yes if loaded == value else no
            case 0x35:
                position += yes if loaded >= value else no
            case 0x45:
                position += yes if loaded & value else no
            case 0x54:
                loaded &= value
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


class Filter:
    """The filter of a rung, asked by name."""

    def __init__(self, rung: Rung, machine: str) -> None:
        self._program, self._arch = build(rung, machine=machine), ARCHITECTURES[machine]
        self._column = 0 if machine == "x86_64" else 1

    def of(self, numbers: tuple[int, ...], *arguments: int) -> int:
        return _verdict(self._program, self._arch, numbers[self._column], *arguments)

    def __call__(self, name: str, *arguments: int) -> int:
        return self.of(OTHERS[name], *arguments)


@cache
def _filter(rung: Rung, machine: str) -> Filter:
    return Filter(rung, machine)


@MACHINES
@RUNGS
def test_dangerous_calls_are_refused_and_ordinary_ones_are_not(machine: str, rung: Rung) -> None:
    ask = _filter(rung, machine)
    for numbers in DENIED.values():
        assert ask.of(numbers) == EPERM
    for numbers in ALLOWED.values():
        assert ask.of(numbers) == ALLOW
    for numbers in UNSEEN_BY_LANDLOCK.values():
        assert ask.of(numbers) == (EPERM if rung is Rung.LANDLOCK else ALLOW)


@MACHINES
@RUNGS
def test_only_a_sandboxs_own_processes_are_traced_and_never_the_first(
    machine: str, rung: Rung
) -> None:
    ask = _filter(rung, machine)
    own = ALLOW if rung in OWN_PROCESSES else EPERM
    for name, numbers in TRACING.items():
        other, first = ((0, 2), (0, 1)) if name == "ptrace" else ((2, 0), (1, 0))
        assert ask.of(numbers, *other) == own
        assert ask.of(numbers, *first) == EPERM


@MACHINES
@RUNGS
@given(arch=WORDS, number=WORDS)
def test_foreign_architectures_are_killed(machine: str, rung: Rung, arch: int, number: int) -> None:
    if arch != ARCHITECTURES[machine]:
        assert _verdict(build(rung, machine=machine), arch, number) == KILL


@RUNGS
@given(number=st.integers(0x40000000, 2**32 - 1))
def test_x32_calls_are_refused(rung: Rung, number: int) -> None:
    assert _verdict(build(rung, machine="x86_64"), ARCHITECTURES["x86_64"], number) == EPERM


@MACHINES
@RUNGS
@given(family=st.integers(0, 64), high=WORDS)
def test_only_listed_socket_families_open(machine: str, rung: Rung, family: int, high: int) -> None:
    """The kernel looks at the low word only, so the high one must not change the verdict."""
    families = {1, 2, 10, 16} if rung in OWN_PROCESSES else {2, 10, 16}
    verdict = _filter(rung, machine)("socket", high << 32 | family, 1, 0)
    assert verdict == (ALLOW if family in families else EAFNOSUPPORT)


@MACHINES
@RUNGS
def test_netlink_tells_about_interfaces_only(machine: str, rung: Rung) -> None:
    ask = _filter(rung, machine)
    assert ask("socket", 16, 3, 0) == ALLOW
    for protocol in range(1, 32):
        assert ask("socket", 16, 3, protocol) == ERRNO | errno.EPROTONOSUPPORT


@MACHINES
@pytest.mark.parametrize("family", [2, 10])
@given(flags=st.sampled_from([0, 0o4000, 0o2000000, 0o2004000]), protocol=st.integers(0, 300))
def test_beside_landlock_only_tcp_opens(
    machine: str, family: int, flags: int, protocol: int
) -> None:
    """MPTCP and Fast Open connect to ports that Landlock refuses to TCP; UDP is not seen at all."""
    ask = _filter(Rung.LANDLOCK, machine)
    opens = protocol in (0, 6)
    assert ask("socket", family, 1 | flags, protocol) == (ALLOW if opens else EAFNOSUPPORT)
    for kind in (2, 3, 5):
        assert ask("socket", family, kind | flags, protocol) == EAFNOSUPPORT
    assert _filter(Rung.BUBBLEWRAP, machine)("socket", family, 2 | flags, protocol) == ALLOW


@MACHINES
@RUNGS
@given(flags=WORDS)
def test_beside_landlock_no_connection_begins_with_data(
    machine: str, rung: Rung, flags: int
) -> None:
    ask = _filter(rung, machine)
    fast = rung is Rung.LANDLOCK and flags & 0x20000000
    for *numbers, at in SENDING.values():
        arguments = [0] * 6
        arguments[at] = flags
        assert ask.of(tuple(numbers), *arguments) == (ERRNO | errno.EOPNOTSUPP if fast else ALLOW)


@MACHINES
@RUNGS
def test_pairs_of_sockets_stay_pairs_where_the_hosts_are_in_reach(machine: str, rung: Rung) -> None:
    ask = _filter(rung, machine)
    own = rung in OWN_PROCESSES
    for flags in (0, 0o2000000):
        assert ask("socketpair", 1, 1 | flags) == ask("socketpair", 1, 5 | flags) == ALLOW
        for kind in (2, 3):  # the kernel makes datagrams of raw ones
            assert ask("socketpair", 1, kind | flags) == (ALLOW if own else EAFNOSUPPORT)


@MACHINES
@RUNGS
@given(flags=WORDS)
def test_user_namespaces_are_refused_where_nothing_else_does(
    machine: str, rung: Rung, flags: int
) -> None:
    ask = _filter(rung, machine)
    here = rung in (Rung.NAMESPACES, Rung.LANDLOCK)
    for name in ("unshare", "clone"):
        assert ask(name, flags) == (EPERM if here and flags & 0x10000000 else ALLOW)
    assert ask("clone3") == (ERRNO | errno.ENOSYS if here else ALLOW)


@MACHINES
@RUNGS
@given(pid=WORDS)
def test_beside_landlock_limits_are_set_for_oneself_only(
    machine: str, rung: Rung, pid: int
) -> None:
    refused = rung is Rung.LANDLOCK and pid
    assert _filter(rung, machine)("prlimit64", pid) == (EPERM if refused else ALLOW)


@MACHINES
@RUNGS
@given(high=WORDS)
def test_typing_into_terminals_is_refused_whatever_the_high_bits(
    machine: str, rung: Rung, high: int
) -> None:
    ask = _filter(rung, machine)
    for request in (0x5412, 0x541C, 0x5423):
        assert ask("ioctl", 0, high << 32 | request) == EPERM
    assert ask("ioctl", 0, high << 32 | 0x5413) == ALLOW


def test_machine_without_a_table_has_no_filter() -> None:
    with pytest.raises(UnavailableError) as caught:
        build(Rung.PLAIN, machine="riscv64")
    assert caught.value.code == "IL-CNF-006"
