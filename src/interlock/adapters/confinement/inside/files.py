"""What the program can see and write."""

import ctypes
import os

from .harness import (
    ALWAYS,
    FULL,
    PARTIAL,
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


@true(
    ALWAYS,
    "A program can write its own tree.",
)
def can_write_its_tree(a: Arguments) -> bool:
    write(f"{a['w']}/probe")
    os.unlink(f"{a['w']}/probe")
    return True


@refused(
    FULL,
    "A file that is mounted read-only inside the tree cannot be written.",
    prevents="early writes to files that its phase may not change",
)
def write_read_only_file(a: Arguments) -> None:
    write(f"{a['w']}/frozen/file")


@refused(
    FULL,
    "Nothing can be created in a directory that is mounted read-only inside the tree.",
    prevents="early writes to directories that its phase may not change",
)
def create_in_read_only_directory(a: Arguments) -> None:
    write(f"{a['w']}/frozen/new")


@refused(
    FULL,
    "A read-only directory inside the tree cannot be moved away.",
    prevents="putting a directory of its own in the place of a read-only one",
)
def rename_read_only_directory(a: Arguments) -> None:
    _move_and_return(f"{a['w']}/frozen")


@refused(
    FULL,
    "No parent of a read-only directory inside the tree can be moved away.",
    prevents="putting a tree of its own in the place of a read-only one",
)
def rename_parent_of_read_only(a: Arguments) -> None:
    _move_and_return(f"{a['w']}/parent")


def _move_and_return(directory: str) -> None:
    os.rename(directory, f"{directory}-moved")
    os.rename(f"{directory}-moved", directory)


@refused(
    PARTIAL,
    "The system's programs cannot be written.",
    prevents="changing programs that people run",
)
def write_system(a: Arguments) -> None:
    write("/usr/probe")


@refused(
    PARTIAL,
    "The environment cannot be written.",
    prevents="changing packages that the judge or a person runs",
)
def write_environment(a: Arguments) -> None:
    write(f"{a['env']}/probe")


@refused(
    PARTIAL, "Nothing can be created beside the mounts.", prevents="leaving files outside its tree"
)
def write_root(a: Arguments) -> None:
    write("/probe")


@refused(
    PARTIAL,
    "The system's settings cannot be written.",
    prevents="changing users, names or start-up files",
)
def write_etc(a: Arguments) -> None:
    write("/etc/passwd", "a")


@refused(
    PARTIAL, "Nothing can be created among the devices.", prevents="leaving files outside its tree"
)
def write_dev(a: Arguments) -> None:
    write("/dev/probe")


@refused(
    ALWAYS, "A read-only mount cannot be made writable.", prevents="undoing what was made read-only"
)
def remount_writable(a: Arguments) -> None:
    for place in (f"{a['w']}/frozen".encode(), b"/usr", b"/"):
        if libc.mount(b"none", place, None, ctypes.c_ulong(_MS_REMOUNT | _MS_BIND), None) == 0:
            return
    checked(-1)


@refused(
    ALWAYS,
    "Nothing can be mounted, not even in a namespace of its own.",
    prevents="hiding files below others and reaching file systems of the kernel",
)
def mount_tmpfs(a: Arguments) -> None:
    here_or_in_own_namespace(
        lambda: checked(
            libc.mount(b"tmpfs", str(a["w"]).encode(), b"tmpfs", ctypes.c_ulong(0), None)
        )
    )


@refused(ALWAYS, "Nothing can be unmounted.", prevents="uncovering what lies below a mount")
def unmount(a: Arguments) -> None:
    checked(libc.umount2(f"{a['w']}/frozen".encode(), 2))


@refused(
    ALWAYS, "A mount cannot be copied.", prevents="getting at a mount without its restrictions"
)
def copy_a_mount(a: Arguments) -> None:
    here_or_in_own_namespace(
        lambda: call("open_tree", ctypes.c_long(-100), str(a["env"]).encode(), ctypes.c_long(1))
    )


@refused(ALWAYS, "Device files cannot be made.", prevents="reading and writing the disk itself")
def make_device(a: Arguments) -> None:
    os.mknod(f"{a['w']}/device", 0o60666, os.makedev(254, 0))


@refused(
    ALWAYS,
    "The system's password hashes cannot be read.",
    prevents="guessing passwords of the machine",
)
def read_shadow(a: Arguments) -> None:
    with open("/etc/shadow") as file:
        file.read()


@refused(
    PARTIAL,
    "The home of whoever runs Interlock cannot be listed.",
    prevents="finding keys, tokens and other repositories",
)
def see_host_home(a: Arguments) -> None:
    if set(os.listdir(str(a["home"]))) <= {a["home_mount"]}:  # on the way to the interpreter
        raise OSError


@refused(
    FULL,
    "Files outside the mounts are not even seen.",
    prevents="learning names, sizes and dates of other files",
)
def see_host_file(a: Arguments) -> None:
    os.stat(f"{a['outside']}/file")


@refused(
    PARTIAL,
    "Files outside the mounts cannot be read.",
    prevents="reading keys, tokens, other repositories and other sessions",
)
def read_host_file(a: Arguments) -> None:
    with open(f"{a['outside']}/file") as file:
        file.read()


@refused(
    PARTIAL,
    "Files outside the mounts cannot be written.",
    prevents="changing what runs later: shell start-up files, git hooks, other repositories",
)
def write_host_file(a: Arguments) -> None:
    write(f"{a['outside']}/file", "a")


@refused(
    PARTIAL,
    "Nothing can be created outside the mounts.",
    prevents="planting files where people and programs look",
)
def create_host_file(a: Arguments) -> None:
    write(f"{a['outside']}/new")


@refused(
    PARTIAL,
    "Nothing can be moved or linked out of the tree.",
    prevents="planting files where people and programs look",
)
def move_out_of_its_tree(a: Arguments) -> None:
    inside, outside = f"{a['w']}/leaving", f"{a['outside']}/arrived"
    write(inside)
    try:
        os.link(inside, outside)
    except OSError:
        os.rename(inside, outside)


@refused(
    FULL,
    "Modes and dates of files outside the mounts cannot be changed.",
    prevents="opening a private file of the same user to everybody",
)
def change_mode_of_host_file(a: Arguments) -> None:
    os.chmod(f"{a['outside']}/file", 0o600)


@refused(
    FULL,
    "Files in shared memory of other programs cannot be opened.",
    prevents="reading and changing what other programs of the user share",
)
def open_shared_memory_file_of_host(a: Arguments) -> None:
    os.close(os.open(str(a["shared"]), os.O_RDWR))


@true(
    FULL,
    "No mount lets a setuid bit work.",
    prevents="becoming another user by a program that was found or planted",
)
def mounts_ignore_setuid_bits(a: Arguments) -> bool:
    with open("/proc/self/mountinfo") as file:
        return all("nosuid" in line.split()[5].split(",") for line in file)
