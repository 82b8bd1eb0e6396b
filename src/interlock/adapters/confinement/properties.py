"""What must hold inside a sandbox, each tried from inside and never read from flags.

This file runs *in* the sandbox (``python -I -S -c TEXT ARGUMENTS``): standard library only, no
import of ours. Each property is one function: it holds when the function returns, or, for what
must be refused, when it raises ``OSError``. ``witness`` makes what it is tried against.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import platform
import pwd
import socket
import sys
import termios
from collections.abc import Callable

Arguments = dict[str, int | str]
_PROPERTIES: dict[str, tuple[Callable[[Arguments], object], bool]] = {}
_libc = ctypes.CDLL(None, use_errno=True)
_COLUMN = 0 if platform.machine() == "x86_64" else 1
_CALLS = {
    "unshare": (272, 97),
    "clone": (56, 220),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "shmget": (29, 194),
    "ioctl": (16, 29),
    "open_tree": (428, 428),
}
_CLONE_NEWUSER, _CLONE_NEWNS, _MS_BIND, _MS_REMOUNT = 0x10000000, 0x20000, 4096, 32
_TIOCLINUX = 0x541C


def _descriptors() -> dict[int, str]:
    """Open descriptors and what they are; the one that lists them is gone by then."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found


_AT_START = _descriptors()


def refused(function: Callable[[Arguments], object]) -> Callable[[Arguments], object]:
    """Holds when the kernel says no."""
    _PROPERTIES[function.__name__] = (function, True)
    return function


def true(function: Callable[[Arguments], object]) -> Callable[[Arguments], object]:
    """Holds when the function returns something true."""
    _PROPERTIES[function.__name__] = (function, False)
    return function


def _call(name: str, *arguments: object) -> int:
    result: int = _libc.syscall(ctypes.c_long(_CALLS[name][_COLUMN]), *arguments)
    return _checked(result)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _here_or_in_own_namespace(action: Callable[[], object]) -> None:
    """Whoever is refused here may be allowed as the owner of namespaces that it made."""
    try:
        action()
    except OSError:
        _call("unshare", ctypes.c_long(_CLONE_NEWUSER | _CLONE_NEWNS))
        action()


def _write(path: str, mode: str = "w") -> None:
    with open(path, mode) as file:
        file.write("x")


def _status(field: str) -> str:
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith(field + ":"))


@true
def has_no_capabilities(a: Arguments) -> bool:
    return all(int(_status(f"Cap{kind}"), 16) == 0 for kind in ("Eff", "Prm", "Bnd", "Inh", "Amb"))


@true
def has_no_new_privileges(a: Arguments) -> bool:
    return _status("NoNewPrivs") == "1"


@true
def is_filtered(a: Arguments) -> bool:
    return _status("Seccomp") == "2"


@true
def is_an_ordinary_user(a: Arguments) -> bool:
    return os.getresuid() == (1000, 1000, 1000) and os.getgroups() in ([], [1000])


@true
def has_a_name_and_a_home(a: Arguments) -> bool:
    home = pwd.getpwuid(os.getuid()).pw_dir
    _write(home + "/probe")
    return os.environ["HOME"] == home == "/home/agent"


@true
def can_write_its_tree(a: Arguments) -> bool:
    _write("/w/probe")
    os.unlink("/w/probe")
    return True


@refused
def write_read_only_file(a: Arguments) -> None:
    _write("/w/frozen/file")


@refused
def create_in_read_only_directory(a: Arguments) -> None:
    _write("/w/frozen/new")


@refused
def rename_read_only_directory(a: Arguments) -> None:
    os.rename("/w/frozen", "/w/moved")


@refused
def rename_parent_of_read_only(a: Arguments) -> None:
    os.rename("/w/parent", "/w/moved")


@refused
def write_system(a: Arguments) -> None:
    _write("/usr/probe")


@refused
def write_environment(a: Arguments) -> None:
    _write("/env/probe")


@refused
def write_root(a: Arguments) -> None:
    _write("/probe")


@refused
def write_etc(a: Arguments) -> None:
    _write("/etc/passwd", "a")


@refused
def write_dev(a: Arguments) -> None:
    _write("/dev/probe")


@refused
def remount_writable(a: Arguments) -> None:
    for place in (b"/w/frozen", b"/usr", b"/"):
        if _libc.mount(b"none", place, None, ctypes.c_ulong(_MS_REMOUNT | _MS_BIND), None) == 0:
            return
    _checked(-1)


@refused
def mount_tmpfs(a: Arguments) -> None:
    _here_or_in_own_namespace(
        lambda: _checked(_libc.mount(b"tmpfs", b"/w", b"tmpfs", ctypes.c_ulong(0), None))
    )


@refused
def unmount(a: Arguments) -> None:
    _checked(_libc.umount2(b"/w/frozen", 2))


@refused
def copy_a_mount(a: Arguments) -> None:
    _here_or_in_own_namespace(
        lambda: _call("open_tree", ctypes.c_long(-100), b"/env", ctypes.c_long(1))
    )


@refused
def unshare_user_namespace(a: Arguments) -> None:
    _call("unshare", ctypes.c_long(_CLONE_NEWUSER))


@refused
def unshare_mount_namespace(a: Arguments) -> None:
    _call("unshare", ctypes.c_long(_CLONE_NEWNS))


@refused
def clone_user_namespace(a: Arguments) -> None:
    nothing = ctypes.c_long(0)
    child = _call("clone", ctypes.c_long(_CLONE_NEWUSER | 17), nothing, nothing, nothing, nothing)
    if child == 0:
        os._exit(0)


@refused
def write_core_pattern(a: Arguments) -> None:
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


@refused
def raise_namespace_limit(a: Arguments) -> None:
    _write("/proc/sys/user/max_user_namespaces")


@refused
def use_sysrq(a: Arguments) -> None:
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))


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


@refused
def signal_host_process(a: Arguments) -> None:
    os.kill(int(a["pid"]), 0)


@true
def sees_only_own_processes(a: Arguments) -> bool:
    return all(int(name) < 50 for name in os.listdir("/proc") if name.isdigit())


@refused
def reach_unix_socket(a: Arguments) -> None:
    socket.socket(socket.AF_UNIX).connect(str(a["socket"]))


@refused
def reach_abstract_socket(a: Arguments) -> None:
    socket.socket(socket.AF_UNIX).connect("\0" + str(a["abstract"]))


@refused
def reach_host_loopback(a: Arguments) -> None:
    socket.create_connection(("127.0.0.1", int(a["tcp"])), 1)


@refused
def reach_the_internet(a: Arguments) -> None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.connect(("192.0.2.1", 9))


@true
def has_only_loopback(a: Arguments) -> bool:
    return [name for _, name in socket.if_nameindex()] == ["lo"]


@true
def reaches_its_listener(a: Arguments) -> bool:
    socket.create_connection(("127.0.0.1", int(a["port"])), 5).close()
    return True


@refused
def take_over_its_listener(a: Arguments) -> None:
    for address in ("127.0.0.1", ""):
        thief = socket.socket()
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            thief.bind((address, int(a["port"])))
        except OSError:
            continue
        return
    raise OSError


@refused
def open_vsock(a: Arguments) -> None:
    socket.socket(40, socket.SOCK_STREAM)


@refused
def open_kernel_crypto_socket(a: Arguments) -> None:
    socket.socket(38, socket.SOCK_SEQPACKET)


@refused
def open_packet_socket(a: Arguments) -> None:
    socket.socket(17, socket.SOCK_RAW)


@refused
def open_terminal_of_host(a: Arguments) -> None:
    os.close(os.open("/dev/tty", os.O_RDWR))


@true
def terminal_is_its_own(a: Arguments) -> bool:
    """Without this the next three would be refused for a reason that says nothing."""
    _typed_by_owner(int(a["tty"]), termios.TIOCOUTQ, b"....")
    return True


def _typed_by_owner(terminal: int, request: int, data: bytes) -> None:
    """The ioctl, made by a session leader whose controlling terminal is ``terminal``."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        error = 0
        try:
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
            _call("ioctl", ctypes.c_long(terminal), ctypes.c_ulong(request), ctypes.c_char_p(data))
        except OSError as failure:
            error = failure.errno or 1
        os.write(writer, bytes([error]))
        os._exit(0)
    os.wait()
    with os.fdopen(reader, "rb") as pipe, os.fdopen(writer, "wb"):
        if error := pipe.read(1)[0]:
            raise OSError(error, os.strerror(error))


@refused
def type_into_terminal(a: Arguments) -> None:
    _typed_by_owner(int(a["tty"]), termios.TIOCSTI, b"#")


@refused
def type_into_terminal_with_high_bits(a: Arguments) -> None:
    _typed_by_owner(int(a["tty"]), 0x1_0000_0000 | termios.TIOCSTI, b"#")


@refused
def select_in_console(a: Arguments) -> None:
    _typed_by_owner(int(a["tty"]), _TIOCLINUX, b"\3")


@refused
def use_io_uring(a: Arguments) -> None:
    os.close(
        _call("io_uring_setup", ctypes.c_long(1), ctypes.byref(ctypes.create_string_buffer(256)))
    )


@refused
def use_kernel_keys(a: Arguments) -> None:
    _call("keyctl", ctypes.c_long(0), ctypes.c_long(-4), ctypes.c_long(0))


@refused
def load_bpf(a: Arguments) -> None:
    attributes = ctypes.create_string_buffer(b"\2\0\0\0\4\0\0\0\4\0\0\0\1\0\0\0", 128)
    os.close(
        _call("bpf", ctypes.c_long(0), ctypes.byref(attributes), ctypes.c_long(len(attributes)))
    )


@refused
def handle_page_faults(a: Arguments) -> None:
    os.close(_call("userfaultfd", ctypes.c_long(1)))


@refused
def use_shared_memory_of_host(a: Arguments) -> None:
    _call("shmget", ctypes.c_long(int(a["shm"])), ctypes.c_long(0), ctypes.c_long(0))


@refused
def make_device(a: Arguments) -> None:
    os.mknod("/w/device", 0o60666, os.makedev(254, 0))


@refused
def become_root(a: Arguments) -> None:
    os.setuid(0)


@refused
def give_to_root(a: Arguments) -> None:
    os.chown("/w", 0, 0)


@true
def has_no_stray_descriptors(a: Arguments) -> bool:
    if stray := _AT_START.keys() - {0, 1, 2, int(a["tty"])}:
        raise OSError(", ".join(f"{fd}: {_AT_START[fd]}" for fd in sorted(stray)))
    return True


@true
def has_a_clean_environment(a: Arguments) -> bool:
    return set(os.environ) <= {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "LC_CTYPE"}


@true
def has_private_temporary_directory(a: Arguments) -> bool:
    _write(os.environ["TMPDIR"] + "/probe")
    return os.listdir(os.environ["TMPDIR"]) == ["probe"]


def _broken(function: Callable[[Arguments], object], must_refuse: bool, a: Arguments) -> str:
    """What happened instead of what should; empty if the property holds."""
    try:
        result = function(a)
    except OSError as error:
        return "" if must_refuse else str(error)
    if must_refuse:
        return "was not refused"
    return "" if result else "does not hold"


def _apart(function: Callable[[Arguments], object], must_refuse: bool, a: Arguments) -> str:
    """The same in a process of its own, so that what one property changes no other sees."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        try:
            answer = _broken(function, must_refuse, a)
        except BaseException as error:
            answer = repr(error)
        os.set_blocking(writer, False)
        os.write(writer, answer.encode() or b"\0")
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.wait()
    return answer.strip("\0") if answer else "its process died"


def main(arguments: Arguments) -> dict[str, str]:
    """Every property that does not hold, with what happened instead."""
    answers = {name: _apart(*kind, arguments) for name, kind in _PROPERTIES.items()}
    return {name: answer for name, answer in answers.items() if answer}


def names() -> tuple[str, ...]:
    """All properties in the order they are tried."""
    return tuple(_PROPERTIES)


if __name__ == "__main__":
    print(json.dumps({"broken": main(json.loads(sys.argv[1])), "tried": names()}))
