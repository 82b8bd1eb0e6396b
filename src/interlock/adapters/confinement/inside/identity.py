"""Who the program is, and what it was given."""

import contextlib
import os
import pwd

from .harness import (
    Arguments,
    refused,
    true,
    write,
)


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
    write(home + "/probe")
    return os.environ["HOME"] == home == "/home/agent"


@refused
def become_root(a: Arguments) -> None:
    os.setuid(0)


@refused
def give_to_root(a: Arguments) -> None:
    os.chown("/w", 0, 0)


def _descriptors() -> dict[int, str]:
    """Open descriptors and what they are; the one that lists them is gone by then."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found


_AT_START = _descriptors()


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
    write(os.environ["TMPDIR"] + "/probe")
    return os.listdir(os.environ["TMPDIR"]) == ["probe"]
