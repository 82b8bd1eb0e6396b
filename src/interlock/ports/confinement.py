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

__all__ = ["Capability", "Level", "Limits", "Mount", "Sandbox", "SandboxSpec"]


class Level(StrEnum):
    """How much the kernel holds: private everything, some, or only what any process has."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"


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
        temporary_bytes: size of each of TMPDIR, HOME and ``/dev/shm`` (at ``none`` only what root
            starts is limited so, and ``/dev/shm`` is the host's).
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
        env: added to PATH, LANG, HOME and TMPDIR; nothing of the host's environment is passed.
            HOME and TMPDIR are always the sandbox's own.
        cwd: directory inside, translated by the adapter.
        mounts: see ``Mount``; a later target may lie inside an earlier one.
        ports: TCP ports of 127.0.0.1 inside, whose listeners are handed out in this order.
        pass_fds: descriptors that the program gets, under the same numbers.
        uid: user and group the program runs as; needed when the caller is root, never 0. At
            ``none`` it must be the sandbox's alone: all processes of that user end with it.
        limits: see ``Limits``.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    mounts: tuple[Mount, ...] = ()
    ports: tuple[int, ...] = ()
    pass_fds: tuple[int, ...] = ()
    uid: int | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What was found by really starting a sandbox.

    Args:
        level: the strongest level whose properties all held.
        reasons: one sentence each: why not a stronger level, and how each limit is held.
        uid_drop: sandboxes run as another user than the caller.
    """

    level: Level
    reasons: tuple[str, ...]
    uid_drop: bool


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
        """The port the program must use for ``inner``: itself, or a free one at ``none``.

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
