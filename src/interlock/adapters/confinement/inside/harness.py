"""A property is a function that holds when it returns, or is refused; and how it is tried."""

import ctypes
import os
import platform
from collections.abc import Callable

Arguments = dict[str, int | str]
Function = Callable[[Arguments], object]
Register = Callable[[Function], Function]
ALWAYS = ("full", "partial", "none")
PARTIAL = ("full", "partial")
FULL = ("full",)


class NotApplicableError(Exception):
    """There is nothing to try here; the text says why."""


class Property:
    """Something that holds at some levels.

    Attributes:
        name: of its function, and its id with dashes for underscores.
        levels: that promise it.
        says, prevents: as in ``ports.confinement.Property``.
    """

    def __init__(
        self, function: Function, levels: tuple[str, ...], says: str, prevents: str, refused: bool
    ) -> None:
        self.name, self.levels, self.says, self.prevents = (
            function.__name__,
            levels,
            says,
            prevents,
        )
        self._function, self._refused = function, refused

    def broken(self, a: Arguments) -> str:
        """What happened instead of what should; empty if the property holds."""
        try:
            result = self._function(a)
        except OSError as error:
            return "" if self._refused else f"it failed: {error}"
        if self._refused:
            return "it was not refused"
        return "" if result else "it does not hold"


PROPERTIES: dict[str, Property] = {}
libc = ctypes.CDLL(None, use_errno=True)
_COLUMN = 0 if platform.machine() == "x86_64" else 1
_CALLS = {
    "unshare": (272, 97),
    "clone": (56, 220),
    "clone3": (435, 435),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "process_vm_readv": (310, 270),
    "ptrace": (101, 117),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "shmget": (29, 194),
    "ioctl": (16, 29),
    "open_tree": (428, 428),
}
CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x20000


def _registered(levels: tuple[str, ...], says: str, prevents: str, refused: bool) -> Register:
    def register(function: Function) -> Function:
        PROPERTIES[function.__name__] = Property(function, levels, says, prevents, refused)
        return function

    return register


def refused(
    levels: tuple[str, ...], says: str, *, prevents: str = ""
) -> Callable[[Function], Function]:
    """Holds when the kernel says no."""
    return _registered(levels, says, prevents, True)


def true(
    levels: tuple[str, ...], says: str, *, prevents: str = ""
) -> Callable[[Function], Function]:
    """Holds when the function returns something true."""
    return _registered(levels, says, prevents, False)


def call(name: str, *arguments: object) -> int:
    result: int = libc.syscall(ctypes.c_long(_CALLS[name][_COLUMN]), *arguments)
    return checked(result)


def checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def here_or_in_own_namespace(action: Callable[[], object]) -> None:
    """Whoever is refused here may be allowed as the owner of namespaces that it made."""
    try:
        action()
    except OSError:
        call("unshare", ctypes.c_long(CLONE_NEWUSER | CLONE_NEWNS))
        action()


def write(path: str, mode: str = "w") -> None:
    with open(path, mode) as file:
        file.write("x")


def in_child(action: Callable[[], object]) -> None:
    """Do it in a process that it may end.

    Raises:
        OSError: as the action did; or a signal ended the process.
    """
    child = os.fork()
    if child == 0:
        try:
            action()
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    if code := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise OSError(code, os.strerror(code) if code > 0 else f"ended by signal {-code}")


def said(*argv: str) -> str:
    """What a program prints."""
    reader, writer = os.pipe()
    child = os.posix_spawn(argv[0], argv, {}, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def on_host(a: Arguments) -> int:
    """The process outside that may be tried; its number may be another's inside.

    Raises:
        OSError: it cannot be seen.
    """
    pid = int(a["pid"])
    with open(f"/proc/{pid}/stat") as file:
        if file.read().rpartition(")")[2].split()[19] != a["started"]:
            raise ProcessLookupError
    return pid


def _apart(tried: Property, a: Arguments) -> tuple[str, str]:
    """How it went, in a process of its own, so that what one property changes no other sees."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        try:
            broken = tried.broken(a)
            answer = f"no {broken}" if broken else "yes"
        except NotApplicableError as reason:
            answer = f"not_applicable {reason}"
        except BaseException as error:
            answer = f"no {error!r}"
        os.set_blocking(writer, False)
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.wait()
    held, _, why = (answer or "no its process died").partition(" ")
    return held, why


def try_all(arguments: Arguments) -> dict[str, tuple[str, str]]:
    """For every property ``yes``, ``no`` or ``not_applicable``, and why."""
    return {name: _apart(tried, arguments) for name, tried in PROPERTIES.items()}


def names() -> tuple[str, ...]:
    """All properties in the order they are tried."""
    return tuple(PROPERTIES)
