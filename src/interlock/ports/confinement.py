"""Confinement: what the kernel keeps a program from doing, as records and one live handle.

A ``SandboxSpec`` says what a program sees (mounts, ports, descriptors) and how much it may use;
a ``Sandbox`` is that program running. Paths in a spec are the sandbox's own; at a level without
private mounts a program must use the path that the adapter's ``translate`` gives.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

__all__ = [
    "PORT_VARIABLE",
    "Capability",
    "Held",
    "Level",
    "Limits",
    "Mount",
    "Property",
    "Rung",
    "Sandbox",
    "SandboxSpec",
]


PORT_VARIABLE = "INTERLOCK_PORT_"
"""A program finds the port for ``SandboxSpec.ports`` in the variable of this name and the inner
number: where it has no network of its own that is another one."""


class Level(StrEnum):
    """How much the kernel holds: private everything, some, or only what any process has."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


class Rung(StrEnum):
    """How a level is built; the first two give ``full``."""

    BUBBLEWRAP = "bubblewrap"
    """User namespaces, by bubblewrap: for root and for ordinary users."""
    NAMESPACES = "namespaces"
    """Namespaces that root makes itself, where the kernel refuses user namespaces."""
    LANDLOCK = "landlock"
    PLAIN = "plain"


class Held(StrEnum):
    """What was seen when a property was tried."""

    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "not applicable"
    """There is nothing to try here: the machine, or who started Interlock, has no such thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file or directory of the host that the program sees.

    Args:
        source: absolute host path without symbolic links; a directory or a regular file.
        target: absolute normal path inside.
        writable: read-only unless set. The parents of a read-only target inside a writable one
            are kept from being renamed.
    """

    source: str
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a sandbox may use; ``None`` means not limited.

    Args:
        memory_bytes: of all processes together where a cgroup can be made, else of each one.
        processes: processes and threads at one time.
        file_bytes: size of one file.
        open_files: descriptors of one process.
        cpu_seconds: processor time of one process.
        temporary_bytes: size of each of TMPDIR, HOME and ``/dev/shm`` (below ``full`` only what
            root starts is limited so, and for others ``/dev/shm`` is the host's).
    """

    memory_bytes: int | None = 4 << 30
    processes: int | None = 512
    file_bytes: int | None = 1 << 30
    open_files: int = 1024
    cpu_seconds: int | None = None
    temporary_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """One program and what it sees.

    Args:
        argv: program (absolute, or looked up in PATH) and arguments.
        env: added to PATH, LANG, HOME, TMPDIR and one ``PORT_VARIABLE`` per port; nothing of the
            host's environment is passed. HOME and TMPDIR are always the sandbox's own.
        cwd: directory inside, translated by the adapter.
        mounts: see ``Mount``; a later target may lie inside an earlier one.
        ports: TCP ports of 127.0.0.1 inside, whose listeners are handed out in this order.
        pass_fds: descriptors that the program gets, under the same numbers.
        uid: user and group the program runs as; needed when the caller is root, never 0. It must
            be the sandbox's alone: below ``full`` all processes of that user end with it.
        limits: see ``Limits``.
        blank: absolute directories that begin empty, are the program's to write, and end with it:
            path → bytes they may hold. Only where mounts are private (``full``).
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    mounts: tuple[Mount, ...] = ()
    ports: tuple[int, ...] = ()
    pass_fds: tuple[int, ...] = ()
    uid: int | None = None
    limits: Limits = field(default_factory=Limits)
    blank: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One thing that confinement does, tried at one level on this machine.

    Args:
        id: what it is called everywhere, in kebab-case.
        level: the level it was tried at.
        says: one sentence that is true where it is held.
        prevents: what an agent could do without it, in words that follow "prevents"; empty for what
            makes sandboxes usable and prevents nothing.
        levels: the levels that promise it. At another level it may be held all the same.
        held: what was seen.
        why: what happened instead, or why there is nothing to try; empty if it is held.
    """

    id: str
    level: Level
    says: str
    prevents: str
    levels: tuple[Level, ...]
    held: Held
    why: str = ""

    @property
    def broken(self) -> bool:
        """Its level promises it and does not keep it."""
        return self.held is Held.NO and self.level in self.levels


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What was found by really starting sandboxes.

    Args:
        level: the strongest level whose promised properties all held.
        reasons: one sentence each: why not a stronger level, and how each limit is held.
        uid_drop: sandboxes run as another user than the caller.
        rung: how ``level`` is built here.
        properties: everything that was tried, at ``level`` and at levels above that failed; each
            id once per level.
    """

    level: Level
    reasons: tuple[str, ...]
    uid_drop: bool
    rung: Rung = Rung.PLAIN
    properties: tuple[Property, ...] = ()


class Sandbox(Protocol):
    """A running program with everything it started. Closing it (or losing it) ends them all."""

    @property
    def level(self) -> Level:
        """The level it was started at."""

    @property
    def pid(self) -> int:
        """Process id, on the host, of the small parent that owns the sandbox's lifetime."""

    @property
    def listeners(self) -> tuple[socket.socket, ...]:
        """Listening sockets in the order of ``SandboxSpec.ports``; duplicate one to keep it."""

    def port(self, inner: int) -> int:
        """The port the program must use for ``inner``: itself, or a free one below ``full``.

        Raises:
            UsageError: ``inner`` is not in ``SandboxSpec.ports``.
        """

    def fileno(self) -> int:
        """Readable when the sandbox has ended: for event loops; call ``wait(0)`` then."""

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Exit status of the program, or ``None`` if it still runs after ``timeout_s`` seconds.

        128 + n if signal n ended it; -9 if ``kill`` or the loss of its parent ended it.
        When the program ends, everything it started is ended too.
        """

    def kill(self) -> None:
        """End everything inside and return when it has ended. May be called again."""

    def close(self) -> None:
        """``kill``, then close the listeners and give everything back. May be called again."""

    def __enter__(self) -> Self:
        """Itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """``close``."""
