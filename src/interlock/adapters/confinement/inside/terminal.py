"""Typing into a terminal that is shared with a person's shell."""

import ctypes
import fcntl
import os
import termios

from .harness import (
    ALWAYS,
    PARTIAL,
    Arguments,
    call,
    refused,
    true,
)

_TIOCLINUX = 0x541C


@refused(
    ALWAYS,
    "The terminal of whoever started Interlock cannot be opened.",
    prevents="reading what a person types",
)
def open_terminal_of_host(a: Arguments) -> None:
    os.close(os.open("/dev/tty", os.O_RDWR))


@refused(
    PARTIAL,
    "Another terminal of the machine cannot be opened.",
    prevents="reading what a person types, and writing over what they see",
)
def open_another_terminal(a: Arguments) -> None:
    os.close(os.open(str(a["terminal"]), os.O_RDWR | os.O_NOCTTY))


@true(
    ALWAYS,
    "A terminal that a program is given works.",
)
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
            call("ioctl", ctypes.c_long(terminal), ctypes.c_ulong(request), ctypes.c_char_p(data))
        except OSError as failure:
            error = failure.errno or 1
        os.write(writer, bytes([error]))
        os._exit(0)
    os.wait()
    with os.fdopen(reader, "rb") as pipe, os.fdopen(writer, "wb"):
        if error := pipe.read(1)[0]:
            raise OSError(error, os.strerror(error))


@refused(
    ALWAYS, "Nothing can be typed into a terminal.", prevents="running commands in a person's shell"
)
def type_into_terminal(a: Arguments) -> None:
    _typed_by_owner(int(a["tty"]), termios.TIOCSTI, b"#")


@refused(
    ALWAYS,
    "Nothing can be typed into a terminal by a request with high bits set.",
    prevents="running commands in a person's shell",
)
def type_into_terminal_with_high_bits(a: Arguments) -> None:
    _typed_by_owner(int(a["tty"]), 0x1_0000_0000 | termios.TIOCSTI, b"#")


@refused(
    ALWAYS, "Nothing can be pasted into a console.", prevents="running commands in a person's shell"
)
def select_in_console(a: Arguments) -> None:
    _typed_by_owner(int(a["tty"]), _TIOCLINUX, b"\3")
