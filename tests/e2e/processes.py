"""The processes of a house: everything below its monitor, by what each of them is for."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Kind", "Process", "Table", "below", "kill", "kind", "mentions", "table"]

Kind = str
_GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class Process:
    """One process; ``started`` (ticks since boot) tells it from a later one of the same number."""

    pid: int
    parent: int
    started: int
    state: str
    uid: int
    command: tuple[str, ...]

    @property
    def key(self) -> tuple[int, int]:
        """What no other process ever has."""
        return self.pid, self.started

    @property
    def is_alive(self) -> bool:
        """Whether it can still do anything; one that waits for its parent to look cannot."""
        return self.state not in "ZX"


Table = Mapping[int, Process]


def table() -> dict[int, Process]:
    """Every process of this machine that can be seen."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(*_GONE):
            place = Path("/proc", name)
            fields = place.joinpath("stat").read_bytes().rpartition(b") ")[2].split()
            command = place.joinpath("cmdline").read_bytes().split(b"\0")[:-1]
            found[int(name)] = Process(
                pid=int(name),
                parent=int(fields[1]),
                started=int(fields[19]),
                state=fields[0].decode(),
                uid=place.stat().st_uid,
                command=tuple(word.decode(errors="replace") for word in command),
            )
    return found


def below(processes: Table, root: int) -> list[Process]:
    """A process and its descendants, parents first."""
    children: dict[int, list[Process]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process)
    found = [processes[root]] if root in processes else []
    for process in found:  # grows while it is walked
        found.extend(children.get(process.pid, ()))
    return found


def mentions(pid: int, text: str) -> bool:
    """Whether command line, environment, directory or mounts of a process name a path."""
    wanted, place = text.encode(), Path("/proc", str(pid))
    look: Iterable[Callable[[], bytes]] = (
        (place / "cmdline").read_bytes,
        (place / "environ").read_bytes,
        (place / "mountinfo").read_bytes,
        lambda: os.fsencode(os.readlink(place / "cwd")),
    )
    for read in look:
        with suppress(*_GONE, PermissionError, OSError):
            if wanted in read():
                return True
    return False


_PROGRAMS = {"bwrap": "sandbox", "git": "git"}
_MODULES = {
    "interlock.supervisor.monitor": "monitor",
    "interlock.supervisor": "supervisor",
    "interlock.server": "server",
}
_PARTS = (
    ("launcher/run.py", "launcher"),
    ("supervisor.toolhost", "toolhost"),
    ("judge/runner", "judge runner"),
    ("agents/honest.py", "agent"),
)


def kind(process: Process) -> Kind:
    """What a process is for, as its command line says; ``tool`` for every other program."""
    words = process.command
    if not words:
        return "tool"
    if known := _PROGRAMS.get(os.path.basename(words[0])):
        return known
    for word in words:
        if word in _MODULES:
            return _MODULES[word]
    line = " ".join(words)
    return next((name for part, name in _PARTS if part in line), "tool")


def kill(process: Process) -> bool:
    """SIGKILL exactly this process, never one that got its number meanwhile; whether it lived."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        fields = Path("/proc", str(process.pid), "stat").read_bytes().rpartition(b") ")[2].split()
        if int(fields[19]) != process.started or fields[0] in (b"Z", b"X"):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except _GONE:
        return False
    finally:
        os.close(handle)
    return True
