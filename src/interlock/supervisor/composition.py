"""What a session is made of: mounts, environment, first program. Nothing is inherited."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import interlock
from interlock import failpoints
from interlock.adapters.confinement import interpreter, translate
from interlock.adapters.confinement.mounts import HOME, TEMPORARY
from interlock.adapters.judge.built import of_root
from interlock.adapters.toolhost import client as toolhost
from interlock.errors import UsageError
from interlock.ports.confinement import Level, Mount, Sandbox, SandboxSpec
from interlock.ports.runner import SessionSpec

__all__ = ["PROMPT", "agent_environment", "compose", "workdir"]

WORK = "/w"
ENVIRONMENT = "/env"
PACKAGE = "/opt/interlock/lib/interlock"
SESSION = "/run/interlock-session"
PROMPT = "prompt.md"
_LIBRARY = "lib"
PROGRAMS = "programs"
"""Directory of the state that holds agents' programs; sessions may read it."""

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
# A person's path may lie below some of these, but cover none of them.
_COVERED = ("/dev", "/env", "/etc", HOME, "/opt/interlock", "/proc", "/sys", TEMPORARY, "/w")
_OURS = ("/dev", "/env", "/opt/interlock", "/proc", "/sys", SESSION, "/w")


def compose(
    spec: SessionSpec, *, state: Path, own: Path, socket_fd: int, uid: int | None, level: Level
) -> SandboxSpec:
    """The sandbox of a session, with the toolhost as its first program.

    Args:
        state: the state directory, of which a session never sees more than its own parts.
        own: the session's directory on the host, holding ``PROMPT``; a link may be put there.
        socket_fd: the toolhost's end of its socket.

    Raises:
        UsageError: a path that was to be made visible is not there, or must not be.
    """
    python, ours = interpreter()
    theirs = of_root(Path(spec.environment)).mounts if spec.environment else ()
    python_mounts = tuple(dict.fromkeys((*ours, *theirs)))
    sandbox = SandboxSpec(
        argv=(),
        cwd=WORK,
        mounts=(
            Mount(source=spec.scratch, target=WORK, writable=not spec.read_only),
            *([Mount(source=spec.environment, target=ENVIRONMENT)] if spec.environment else []),
            *python_mounts,
            Mount(source=str(Path(interlock.__file__).resolve().parent), target=PACKAGE),
            Mount(source=str(own), target=SESSION),
            *_all_visible(spec.agent.visible, state, python_mounts),
        ),
        ports=spec.ports,
        pass_fds=(socket_fd,),
        uid=uid,
        limits=spec.limits,
    )
    path = f"{translate(ENVIRONMENT, sandbox, level)}/bin:{_SYSTEM_PATH}"
    library = _library(sandbox, level)
    if level is not Level.FULL:
        _link_library(own)
    mode = "namespace" if level is Level.FULL else "tree"
    return dataclasses.replace(
        sandbox,
        argv=toolhost.argv(python, library, socket_fd, workdir(sandbox, level), mode=mode),
        env={
            "PATH": path if spec.environment else _SYSTEM_PATH,
            **failpoints.hand_down("toolhost"),
        },
    )


def workdir(sandbox: SandboxSpec, level: Level) -> str:
    """The tree, as a program of the session must call it."""
    return translate(WORK, sandbox, level)


def agent_environment(
    spec: SessionSpec, composed: SandboxSpec, running: Sandbox
) -> Mapping[str, str]:
    """What the agent's program is told by variables; no secret is among them."""
    port = running.port(spec.ports[0])
    library = _library(composed, running.level)
    return {
        # Where `interlock` can be imported from: for any Python, and for one that is isolated.
        "PYTHONPATH": ":".join(filter(None, (library, spec.agent.env.get("PYTHONPATH")))),
        "INTERLOCK_LIB": library,
        # A program that is ended has said what it printed: its output is a file, not a terminal.
        "PYTHONUNBUFFERED": "1",
        # By address: "localhost" may also be ::1, which the program could occupy itself.
        "INTERLOCK_URL": f"http://127.0.0.1:{port}",
        "INTERLOCK_AGENT_ID": spec.agent_id,
        "INTERLOCK_PROMPT_FILE": translate(f"{SESSION}/{PROMPT}", composed, running.level),
    }


def _library(composed: SandboxSpec, level: Level) -> str:
    """The directory that ``interlock`` is imported from; nothing else of ours is in it.

    Where our package has no place of its own it lies among others, in a directory that a session
    may not list; so a link in the session's own directory leads to it.
    """
    if level is Level.FULL:
        return os.path.dirname(PACKAGE)
    return translate(f"{SESSION}/{_LIBRARY}", composed, level)


def _link_library(own: Path) -> None:
    (own / _LIBRARY).mkdir(exist_ok=True)
    link = own / _LIBRARY / "interlock"
    if not link.is_symlink():
        link.symlink_to(Path(interlock.__file__).resolve().parent)


def _all_visible(paths: Iterable[str], state: Path, there: tuple[Mount, ...]) -> Iterator[Mount]:
    """The mounts of these paths, each once; what is mounted at its own path anyway is left out."""
    known = {mount.target for mount in there}
    for path in paths:
        mount = _visible(Path(path), state)
        if mount.target not in known:
            known.add(mount.target)
            yield mount


def _visible(path: Path, state: Path) -> Mount:
    real = path.resolve()
    if not path.is_absolute() or not real.exists():
        raise _not_visible(path, "there is no such absolute path")
    is_program = real.is_relative_to(state.resolve() / PROGRAMS)
    for hidden in () if is_program else (state.resolve(), Path(state)):
        if real.is_relative_to(hidden) or hidden.is_relative_to(real):
            raise _not_visible(path, "Interlock keeps its records there")
    if any(Path(root).is_relative_to(path) for root in _COVERED):
        raise _not_visible(path, "it would cover a directory of the session's own")
    if any(path.is_relative_to(root) for root in _OURS):
        raise _not_visible(path, "that place is the session's own")
    return Mount(source=str(real), target=os.path.normpath(path))


def _not_visible(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} cannot be made visible to an agent: {why}",
        code="IL-SUP-001",
        remedy="correct `visible` of the agent's command",
        context={"path": str(path)},
    )
