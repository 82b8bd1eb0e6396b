"""What the program can see and write."""

import ctypes
import os

from .harness import (
    Arguments,
    call,
    checked,
    here_or_in_own_namespace,
    libc,
    refused,
    true,
    write,
)

_MS_BIND, _MS_REMOUNT = 4096, 32


@true
def can_write_its_tree(a: Arguments) -> bool:
    write("/w/probe")
    os.unlink("/w/probe")
    return True


@refused
def write_read_only_file(a: Arguments) -> None:
    write("/w/frozen/file")


@refused
def create_in_read_only_directory(a: Arguments) -> None:
    write("/w/frozen/new")


@refused
def rename_read_only_directory(a: Arguments) -> None:
    os.rename("/w/frozen", "/w/moved")


@refused
def rename_parent_of_read_only(a: Arguments) -> None:
    os.rename("/w/parent", "/w/moved")


@refused
def write_system(a: Arguments) -> None:
    write("/usr/probe")


@refused
def write_environment(a: Arguments) -> None:
    write("/env/probe")


@refused
def write_root(a: Arguments) -> None:
    write("/probe")


@refused
def write_etc(a: Arguments) -> None:
    write("/etc/passwd", "a")


@refused
def write_dev(a: Arguments) -> None:
    write("/dev/probe")


@refused
def remount_writable(a: Arguments) -> None:
    for place in (b"/w/frozen", b"/usr", b"/"):
        if libc.mount(b"none", place, None, ctypes.c_ulong(_MS_REMOUNT | _MS_BIND), None) == 0:
            return
    checked(-1)


@refused
def mount_tmpfs(a: Arguments) -> None:
    here_or_in_own_namespace(
        lambda: checked(libc.mount(b"tmpfs", b"/w", b"tmpfs", ctypes.c_ulong(0), None))
    )


@refused
def unmount(a: Arguments) -> None:
    checked(libc.umount2(b"/w/frozen", 2))


@refused
def copy_a_mount(a: Arguments) -> None:
    here_or_in_own_namespace(
        lambda: call("open_tree", ctypes.c_long(-100), b"/env", ctypes.c_long(1))
    )


@refused
def make_device(a: Arguments) -> None:
    os.mknod("/w/device", 0o60666, os.makedev(254, 0))


@refused
def read_shadow(a: Arguments) -> None:
    with open("/etc/shadow") as file:
        file.read()


@refused
def see_host_home(a: Arguments) -> None:
    if set(os.listdir(str(a["home"]))) <= {a["home_mount"]}:  # on the way to the interpreter
        raise OSError


@refused
def see_host_file(a: Arguments) -> None:
    os.stat(str(a["file"]))
