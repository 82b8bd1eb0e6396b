"""Interfaces of the kernel that have let programs out of sandboxes before."""

import ctypes
import os

from .harness import (
    CLONE_NEWNS,
    CLONE_NEWUSER,
    Arguments,
    call,
    refused,
    write,
)


@refused
def unshare_user_namespace(a: Arguments) -> None:
    call("unshare", ctypes.c_long(CLONE_NEWUSER))


@refused
def unshare_mount_namespace(a: Arguments) -> None:
    call("unshare", ctypes.c_long(CLONE_NEWNS))


@refused
def clone_user_namespace(a: Arguments) -> None:
    nothing = ctypes.c_long(0)
    child = call("clone", ctypes.c_long(CLONE_NEWUSER | 17), nothing, nothing, nothing, nothing)
    if child == 0:
        os._exit(0)


@refused
def write_core_pattern(a: Arguments) -> None:
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


@refused
def raise_namespace_limit(a: Arguments) -> None:
    write("/proc/sys/user/max_user_namespaces")


@refused
def use_sysrq(a: Arguments) -> None:
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))


@refused
def use_io_uring(a: Arguments) -> None:
    os.close(
        call("io_uring_setup", ctypes.c_long(1), ctypes.byref(ctypes.create_string_buffer(256)))
    )


@refused
def use_kernel_keys(a: Arguments) -> None:
    call("keyctl", ctypes.c_long(0), ctypes.c_long(-4), ctypes.c_long(0))


@refused
def load_bpf(a: Arguments) -> None:
    attributes = ctypes.create_string_buffer(b"\2\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0", 128)
    os.close(
        call("bpf", ctypes.c_long(0), ctypes.byref(attributes), ctypes.c_long(len(attributes)))
    )


@refused
def handle_page_faults(a: Arguments) -> None:
    os.close(call("userfaultfd", ctypes.c_long(1)))
