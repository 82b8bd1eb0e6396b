"""``start``: a spec becomes a job for the launcher, and the launcher's answer a ``Sandbox``."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from interlock import failpoints
from interlock.adapters.confinement import bubblewrap, layout, mounts, rungs, seccomp
from interlock.adapters.confinement.handle import LaunchedSandbox
from interlock.adapters.confinement.launcher import staging
from interlock.adapters.confinement.launcher.job import Job
from interlock.errors import UsageError
from interlock.ports.confinement import PORT_VARIABLE, Level, Mount, Rung, SandboxSpec

__all__ = ["start"]

_SCRIPT = Path(__file__).parent / "launcher" / "run.py"
_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_LOOPBACK = "127.0.0.1"


def start(
    spec: SandboxSpec,
    level: Level,
    *,
    rung: Rung | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> LaunchedSandbox:
    """Start a program confined at ``level``; returns when it runs and its listeners are bound.

    Args:
        spec: the program and what it sees.
        level: exactly this one is built, or nothing.
        rung: how it is built; the one that works here by default.
        stdin, stdout, stderr: descriptors for the program; ``/dev/null`` for None. What
            bubblewrap itself has to say goes to ``stderr``.

    Raises:
        UsageError: the spec contradicts itself (IL-CNF-001), or asks for uid 0 (IL-CNF-002).
        UnavailableError: bubblewrap is missing (IL-CNF-003), the sandbox could not be set up
            (IL-CNF-004), no filter for this machine (IL-CNF-006).
    """
    _check(spec, level)
    rung = rung or rungs.of(level)
    descriptors: list[int] = []
    listeners: list[socket.socket] = []
    try:
        job = _job(spec, rung, descriptors, listeners)
        job.rung = rung.value
        job.name = f"{os.getpid()}-{secrets.token_hex(6)}"
        job.uid = spec.uid if os.getuid() == 0 else None
        job.limits = asdict(spec.limits)
        job.ports = list(spec.ports)
        job.descriptors = [*descriptors, *dict.fromkeys(spec.pass_fds)]
        process, control = _launch(job, (stdin, stdout, stderr))
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    sandbox = LaunchedSandbox(level, spec, process, control, listeners, job.name)
    sandbox.begin()
    return sandbox


def _check(spec: SandboxSpec, level: Level) -> None:
    if not spec.argv:
        raise UsageError("a sandbox needs a program", code="IL-CNF-001")
    if spec.blank and level is not Level.FULL:
        raise UsageError(
            f"{next(iter(spec.blank))} cannot be a file system of its own at level {level.value}",
            code="IL-CNF-001",
            remedy="mount a directory there",
        )
    root = os.getuid() == 0
    if spec.uid == 0 or (root and spec.uid is None):
        raise UsageError(
            "nothing is run as uid 0: the kernel's sandboxes do not hold it",
            code="IL-CNF-002",
            remedy="lease a uid of its own for each sandbox (UidRange)",
        )
    if not root and spec.uid not in (None, os.getuid()):
        raise UsageError(
            f"only root can run a program as uid {spec.uid}", code="IL-CNF-002", remedy="leave uid"
        )


def _job(
    spec: SandboxSpec, rung: Rung, descriptors: list[int], listeners: list[socket.socket]
) -> Job:
    """The job; what it needs beside is added to ``descriptors`` and ``listeners``."""
    match rung:
        case Rung.BUBBLEWRAP:
            return _bubblewrap_job(spec, descriptors)
        case Rung.NAMESPACES:
            return _namespaces_job(spec)
        case _:
            return _plain_job(spec, rung, listeners)


def _bubblewrap_job(spec: SandboxSpec, descriptors: list[int]) -> Job:
    planned = mounts.plan(spec.mounts)
    files = {}
    for path, content in layout.files(bubblewrap.INSIDE_ID).items():
        files[path] = _memory_file(content.encode())
        descriptors.append(files[path])
    filter_fd = _memory_file(seccomp.build(Rung.BUBBLEWRAP))
    descriptors.append(filter_fd)
    inside = bubblewrap.arguments(
        _staged(planned) if os.getuid() == 0 else planned,
        files=files,
        filter_fd=filter_fd,
        cwd=spec.cwd,
        temporary_bytes=spec.limits.temporary_bytes,
        blank=spec.blank,
    )
    return Job(
        sources=_sources(planned),
        command=[bubblewrap.program(), *inside, "--", *spec.argv],
        env=_private_environment(spec),
    )


def _namespaces_job(spec: SandboxSpec) -> Job:
    return Job(
        sources=_sources(mounts.plan(spec.mounts)),
        command=list(spec.argv),
        env=_private_environment(spec),
        cwd=spec.cwd,
        filter=seccomp.build(Rung.NAMESPACES).hex(),
        blank=dict(spec.blank),
        layout=layout.plain(spec.uid or 0),
    )


def _plain_job(spec: SandboxSpec, rung: Rung, listeners: list[socket.socket]) -> Job:
    """The job for ``partial`` and ``none``; the listeners are bound here, on free ports."""
    for _ in spec.ports:
        listeners.append(socket.create_server((_LOOPBACK, 0), backlog=128))
    numbers = [listener.getsockname()[1] for listener in listeners]
    return Job(
        sources=_sources(mounts.plan(spec.mounts)),
        command=list(spec.argv),
        env={**_ENV, **spec.env, **_port_variables(spec, numbers)},
        cwd=mounts.translate(spec.cwd, spec, Level.NONE),
        filter=seccomp.build(rung).hex(),
        temporary=os.path.realpath(tempfile.gettempdir()),
        connect=numbers,
        readable=list(layout.READABLE),
        writable=list(layout.DEVICES),
    )


def _private_environment(spec: SandboxSpec) -> dict[str, str]:
    home = {"HOME": mounts.HOME, "TMPDIR": mounts.TEMPORARY}
    return {**_ENV, **spec.env, **home, **_port_variables(spec, spec.ports)}


def _port_variables(spec: SandboxSpec, numbers: Iterable[int]) -> dict[str, str]:
    """Without a network of its own a program learns only here which ports it got."""
    return {f"{PORT_VARIABLE}{port}": str(n) for port, n in zip(spec.ports, numbers, strict=True)}


def _sources(planned: Iterable[Mount]) -> list[tuple[str, str, bool]]:
    return [(mount.source, mount.target, mount.writable) for mount in planned]


def _staged(planned: tuple[Mount, ...]) -> list[Mount]:
    return [replace(mount, source=staging.place(i)) for i, mount in enumerate(planned)]


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("interlock", os.MFD_CLOEXEC)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _launch(
    job: Job, standard: tuple[int | None, int | None, int | None]
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The launcher with its job delivered, and our end of its control socket."""
    ours, theirs = socket.socketpair()
    stdin, stdout, stderr = (subprocess.DEVNULL if fd is None else fd for fd in standard)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_SCRIPT), str(theirs.fileno())],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=failpoints.hand_down("launcher"),
            cwd="/",
            pass_fds=(theirs.fileno(), *job.descriptors),
            start_new_session=True,
        )
    text = json.dumps(vars(job)).encode()
    # If the launcher is gone already, waiting for its answer says so.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        ours.sendall(struct.pack(">I", len(text)) + text)
    return process, ours
