"""The filter is run by a small BPF machine, so that each architecture is tried on every other."""

from __future__ import annotations

import errno
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.adapters.confinement.seccomp import build
from interlock.errors import UnavailableError

ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, EAFNOSUPPORT = 0x00050000 | errno.EPERM, 0x00050000 | errno.EAFNOSUPPORT
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SOCKET, IOCTL = {"x86_64": 41, "aarch64": 198}, {"x86_64": 16, "aarch64": 29}
MACHINES = pytest.mark.parametrize("machine", sorted(ARCHITECTURES))

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
ALLOWED = {"read": (0, 63), "openat": (257, 56), "execve": (59, 221), "clone3": (435, 435)}
TRACING = {"ptrace": (101, 117), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438)}


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
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def _column(machine: str) -> int:
    return 0 if machine == "x86_64" else 1


@MACHINES
@pytest.mark.parametrize("outside", [False, True])
def test_dangerous_calls_are_refused_and_ordinary_ones_are_not(machine: str, outside: bool) -> None:
    program, arch = build(machine=machine, outside=outside), ARCHITECTURES[machine]
    for numbers in DENIED.values():
        assert _verdict(program, arch, numbers[_column(machine)]) == EPERM
    for numbers in ALLOWED.values():
        assert _verdict(program, arch, numbers[_column(machine)]) == ALLOW
    for numbers in TRACING.values():
        expected = EPERM if outside else ALLOW
        assert _verdict(program, arch, numbers[_column(machine)]) == expected


@MACHINES
@given(arch=st.integers(0, 2**32 - 1), number=st.integers(0, 2**32 - 1))
def test_foreign_architectures_are_killed(machine: str, arch: int, number: int) -> None:
    if arch != ARCHITECTURES[machine]:
        assert _verdict(build(machine=machine), arch, number) == KILL


@given(number=st.integers(0x40000000, 2**32 - 1))
def test_x32_calls_are_refused(number: int) -> None:
    assert _verdict(build(machine="x86_64"), ARCHITECTURES["x86_64"], number) == EPERM


@MACHINES
@given(family=st.integers(0, 64), high=st.integers(0, 2**32 - 1))
def test_only_listed_socket_families_open(machine: str, family: int, high: int) -> None:
    """The kernel looks at the low word only, so the high one must not change the verdict."""
    arch, argument = ARCHITECTURES[machine], high << 32 | family
    for outside, families in ((False, {1, 2, 10, 16}), (True, {2, 10, 16})):
        program = build(machine=machine, outside=outside)
        expected = ALLOW if family in families else EAFNOSUPPORT
        assert _verdict(program, arch, SOCKET[machine], argument) == expected


@MACHINES
@given(high=st.integers(0, 2**32 - 1))
def test_typing_into_terminals_is_refused_whatever_the_high_bits(machine: str, high: int) -> None:
    program, arch = build(machine=machine), ARCHITECTURES[machine]
    for request in (0x5412, 0x541C):
        assert _verdict(program, arch, IOCTL[machine], 0, high << 32 | request) == EPERM
    assert _verdict(program, arch, IOCTL[machine], 0, high << 32 | 0x5413) == ALLOW


def test_machine_without_a_table_has_no_filter() -> None:
    with pytest.raises(UnavailableError) as caught:
        build(machine="riscv64")
    assert caught.value.code == "IL-CNF-006"
