"""Who the program is, and what it was given."""

import contextlib
import os
import pwd

from .harness import (
    ALWAYS,
    FULL,
    Arguments,
    NotApplicableError,
    refused,
    said,
    true,
    write,
)


def _status(field: str) -> str:
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith(field + ":"))


@true(
    ALWAYS,
    "A program has no capability.",
    prevents="everything that only root may do",
)
def has_no_capabilities(a: Arguments) -> bool:
    return all(int(_status(f"Cap{kind}"), 16) == 0 for kind in ("Eff", "Prm", "Inh", "Amb"))


@true(
    FULL,
    "A program cannot get a capability by a file that has it.",
    prevents="everything that only root may do",
)
def can_get_no_capability(a: Arguments) -> bool:
    return int(_status("CapBnd"), 16) == 0


@true(
    ALWAYS,
    "No setuid program gives a program more rights.",
    prevents="becoming root by sudo, su or ping",
)
def has_no_new_privileges(a: Arguments) -> bool:
    return _status("NoNewPrivs") == "1"


@true(
    ALWAYS,
    "System calls are filtered.",
    prevents="kernel interfaces that let programs out of sandboxes",
)
def is_filtered(a: Arguments) -> bool:
    return _status("Seccomp") == "2"


@true(ALWAYS, "A program is not root.", prevents="everything that only root may do")
def is_not_root(a: Arguments) -> bool:
    return 0 not in (*os.getresuid(), *os.getresgid())


@true(
    FULL,
    "A program is in no group but its own.",
    prevents="using a group's rights, for example those of docker",
)
def has_no_other_group(a: Arguments) -> bool:
    return set(os.getgroups()) <= {os.getgid()}


@true(
    ALWAYS,
    "A setuid program of root's runs as who started it.",
    prevents="becoming root by sudo, su or ping",
)
def setuid_program_runs_as_its_caller(a: Arguments) -> bool:
    if not a["setuid"]:
        raise NotApplicableError("only root can make a setuid program to try")
    return int(said(f"{a['env']}/id", "-u")) == os.getuid()


@true(FULL, "A program's user has a name.")
def has_a_name(a: Arguments) -> bool:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_dir == os.environ["HOME"]
    return False


@true(
    ALWAYS,
    "HOME is private and starts empty.",
    prevents="reading and changing settings in a person's home",
)
def has_private_home(a: Arguments) -> bool:
    write(os.environ["HOME"] + "/probe")
    return os.listdir(os.environ["HOME"]) == ["probe"]


@refused(ALWAYS, "A program cannot become root.", prevents="everything that only root may do")
def become_root(a: Arguments) -> None:
    os.setuid(0)


@refused(
    ALWAYS,
    "A program cannot give a file to root.",
    prevents="making files that only root can remove",
)
def give_to_root(a: Arguments) -> None:
    os.chown(str(a["w"]), 0, 0)


def _descriptors() -> dict[int, str]:
    """Open descriptors and what they are; the one that lists them is gone by then."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found


_AT_START = _descriptors()


@true(
    ALWAYS,
    "A program gets no open file of ours.",
    prevents="using a file, socket or database that we have open",
)
def has_no_stray_descriptors(a: Arguments) -> bool:
    if stray := _AT_START.keys() - {0, 1, 2, int(a["tty"])}:
        raise OSError(", ".join(f"{fd}: {_AT_START[fd]}" for fd in sorted(stray)))
    return True


@true(
    ALWAYS,
    "A program gets no variable of the host.",
    prevents="reading secrets from the environment",
)
def has_a_clean_environment(a: Arguments) -> bool:
    known = {"PATH", "HOME", "TMPDIR", "LANG", "PWD", "LC_CTYPE", f"INTERLOCK_PORT_{a['port']}"}
    return set(os.environ) <= known


@true(
    ALWAYS,
    "TMPDIR is private and starts empty.",
    prevents="reading and planting files in a shared /tmp",
)
def has_private_temporary_directory(a: Arguments) -> bool:
    write(os.environ["TMPDIR"] + "/probe")
    return os.listdir(os.environ["TMPDIR"]) == ["probe"]
