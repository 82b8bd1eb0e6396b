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
from dataclasses import asdict, replace
from pathlib import Path

from interlock import failpoints
from interlock.adapters.confinement import bubblewrap, mounts, seccomp
from interlock.adapters.confinement.handle import LaunchedSandbox
from interlock.adapters.confinement.launcher import staging
from interlock.adapters.confinement.launcher.job import Job
from interlock.errors import UnavailableError, UsageError
from interlock.ports.confinement import Level, Mount, SandboxSpec

__all__ = ["start"]

_SCRIPT = Path(__file__).parent / "launcher" / "run.py"
_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_LOOPBACK = "127.0.0.1"


def start(
    spec: SandboxSpec,
    level: Level,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> LaunchedSandbox:
    """Start a program confined at ``level``; returns when it runs and its listeners are bound.

    Args:
        spec: the program and what it sees.
        level: exactly this one is built, or nothing.
        stdin, stdout, stderr: descriptors for the program; ``/dev/null`` for None. What
            bubblewrap itself has to say goes to ``stderr``.

    Raises:
        UsageError: the spec contradicts itself (IL-CNF-001), or asks for uid 0 (IL-CNF-002).
        UnavailableError: bubblewrap is missing or the level is not built (IL-CNF-003), the
            sandbox could not be set up (IL-CNF-004), no filter for this machine (IL-CNF-006).
    """
    _check(spec, level)
    full = level is Level.FULL
    descriptors: list[int] = []
    listeners: list[socket.socket] = []
    try:
        job = _private_job(spec, descriptors) if full else _plain_job(spec, listeners)
        job.private = full
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
    sandbox = LaunchedSandbox(level, spec, process, control, listeners)
    sandbox.begin()
    return sandbox


def _check(spec: SandboxSpec, level: Level) -> None:
    if level is Level.PARTIAL:
        raise UnavailableError(
            "level partial is not built", code="IL-CNF-003", remedy="use full, or accept none"
        )
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


def _private_job(spec: SandboxSpec, descriptors: list[int]) -> Job:
    """The job for level ``full``; memory files for bubblewrap are added to ``descriptors``."""
    planned = mounts.plan(spec.mounts)
    files = {}
    for path, content in bubblewrap.FILES.items():
        files[path] = _memory_file(content)
        descriptors.append(files[path])
    filter_fd = _memory_file(seccomp.build())
    descriptors.append(filter_fd)
    inside = bubblewrap.arguments(
        _staged(planned) if os.getuid() == 0 else planned,
        files=files,
        filter_fd=filter_fd,
        cwd=spec.cwd,
        temporary_bytes=spec.limits.temporary_bytes,
        blank=spec.blank,
    )
    home = {"HOME": mounts.HOME, "TMPDIR": mounts.TEMPORARY}
    return Job(
        sources=[(mount.source, mount.writable) for mount in planned],
        command=[bubblewrap.program(), *inside, "--", *spec.argv],
        env={**_ENV, **spec.env, **home},
    )


def _plain_job(spec: SandboxSpec, listeners: list[socket.socket]) -> Job:
    """The job for level ``none``; the listeners are bound here, on free ports."""
    planned = mounts.plan(spec.mounts)
    for _ in spec.ports:
        listeners.append(socket.create_server((_LOOPBACK, 0), backlog=128))
    return Job(
        sources=[(mount.source, mount.writable) for mount in planned],
        command=list(spec.argv),
        env={**_ENV, **spec.env},
        cwd=mounts.translate(spec.cwd, spec, Level.NONE),
        filter=seccomp.build(outside=True).hex(),
        temporary=os.path.realpath(tempfile.gettempdir()),
    )


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
