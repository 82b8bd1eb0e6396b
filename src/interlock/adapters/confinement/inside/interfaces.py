"""Interfaces of the kernel that have let programs out of sandboxes before."""

import ctypes
import mmap
import os
import signal
import struct

from .harness import (
    ALWAYS,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    PARTIAL,
    Arguments,
    NotApplicableError,
    call,
    in_child,
    refused,
    write,
)


@refused(
    PARTIAL,
    "No new user namespace can be made.",
    prevents="reaching kernel code that only a namespace's root may call",
)
def unshare_user_namespace(a: Arguments) -> None:
    call("unshare", ctypes.c_long(CLONE_NEWUSER))


@refused(ALWAYS, "No new mount namespace can be made.", prevents="arranging mounts of its own")
def unshare_mount_namespace(a: Arguments) -> None:
    call("unshare", ctypes.c_long(CLONE_NEWNS))


@refused(
    PARTIAL,
    "No process can be started in a new user namespace.",
    prevents="reaching kernel code that only a namespace's root may call",
)
def clone_user_namespace(a: Arguments) -> None:
    nothing = ctypes.c_long(0)
    child = call("clone", ctypes.c_long(CLONE_NEWUSER | 17), nothing, nothing, nothing, nothing)
    if child == 0:
        os._exit(0)


@refused(
    PARTIAL,
    "No process can be started in a new user namespace by the newer call either.",
    prevents="reaching kernel code that only a namespace's root may call",
)
def clone3_user_namespace(a: Arguments) -> None:
    arguments = struct.pack("=8Q", CLONE_NEWUSER, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    if call("clone3", ctypes.c_char_p(arguments), ctypes.c_long(len(arguments))) == 0:
        os._exit(0)


@refused(
    ALWAYS,
    "System calls of another architecture are not answered.",
    prevents="doing under another number what the filter refuses",
)
def use_foreign_architecture(a: Arguments) -> None:
    if os.uname().machine != "x86_64":
        raise NotApplicableError("this processor runs no other architecture's programs")
    in_child(_getpid_of_i386)


def _getpid_of_i386() -> None:
    code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov eax, 20; int 0x80; ret
    memory = mmap.mmap(-1, len(code), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    ctypes.CFUNCTYPE(ctypes.c_int)(start)()


@refused(
    ALWAYS,
    "The kernel's handler of crashes cannot be replaced.",
    prevents="running a program as root",
)
def write_core_pattern(a: Arguments) -> None:
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


@refused(
    ALWAYS,
    "The kernel's limits of namespaces cannot be raised.",
    prevents="making namespaces again",
)
def raise_namespace_limit(a: Arguments) -> None:
    write("/proc/sys/user/max_user_namespaces")


@refused(ALWAYS, "The kernel's emergency keys cannot be pressed.", prevents="stopping the machine")
def use_sysrq(a: Arguments) -> None:
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))


@refused(ALWAYS, "io_uring is closed.", prevents="doing by it what the filter refuses")
def use_io_uring(a: Arguments) -> None:
    os.close(
        call("io_uring_setup", ctypes.c_long(1), ctypes.byref(ctypes.create_string_buffer(256)))
    )


@refused(
    ALWAYS,
    "The kernel's key rings are closed.",
    prevents="reading keys that the kernel keeps for the user",
)
def use_kernel_keys(a: Arguments) -> None:
    call("keyctl", ctypes.c_long(0), ctypes.c_long(-4), ctypes.c_long(0))


@refused(
    ALWAYS,
    "No program can be loaded into the kernel.",
    prevents="watching other processes from the kernel",
)
def load_bpf(a: Arguments) -> None:
    attributes = ctypes.create_string_buffer(b"\2\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0", 128)
    os.close(
        call("bpf", ctypes.c_long(0), ctypes.byref(attributes), ctypes.c_long(len(attributes)))
    )


@refused(
    ALWAYS,
    "Page faults cannot be handled by a program.",
    prevents="holding the kernel still to win a race",
)
def handle_page_faults(a: Arguments) -> None:
    os.close(call("userfaultfd", ctypes.c_long(1)))
