"""Sandboxes for the tests: a user of their own as root, and one line to run Python inside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
from tests.confinement.places import LEVEL_OF

from interlock.adapters.confinement import UidRange, interpreter, start
from interlock.adapters.confinement.handle import LaunchedSandbox
from interlock.ports.confinement import Mount, Rung, SandboxSpec


class Start(Protocol):
    """Starts Python source; keyword arguments go into the spec."""

    def __call__(
        self, code: str, rung: Rung = Rung.BUBBLEWRAP, *, stdout: int | None = None, **spec: object
    ) -> LaunchedSandbox: ...


@pytest.fixture
def uid() -> Iterator[int | None]:
    """A uid of its own for each test when root; None for an ordinary user."""
    uids = UidRange()
    leased = uids.lease()
    yield leased
    uids.release(leased)


@pytest.fixture
def scratch(tmp_path: Path, uid: int | None) -> Path:
    """A directory, below one that only its owner may search, that the sandbox's user owns."""
    private = tmp_path.resolve() / "private"
    private.mkdir(mode=0o700)
    directory = private / "scratch"
    directory.mkdir()
    if uid is not None:
        os.chown(directory, uid, uid)
    return directory


@pytest.fixture
def start_python(scratch: Path, uid: int | None, request: pytest.FixtureRequest) -> Iterator[Start]:
    """Start Python source in a sandbox with ``scratch`` at ``/w``; closed at the end."""
    started: list[LaunchedSandbox] = []

    def run(
        code: str, rung: Rung = Rung.BUBBLEWRAP, *, stdout: int | None = None, **spec: object
    ) -> LaunchedSandbox:
        if rung is Rung.BUBBLEWRAP and shutil.which("bwrap") is None:
            pytest.skip("NOT RUN: bubblewrap is not installed")
        program, mounts = interpreter()
        base = SandboxSpec(
            argv=(program, "-I", "-S", "-c", code),
            mounts=(*mounts, Mount(source=str(scratch), target="/w", writable=True)),
            uid=uid,
            cwd="/w",
        )
        asked = replace(base, **spec)  # type: ignore[arg-type]  # the caller names fields
        sandbox = start(asked, LEVEL_OF[rung], rung=rung, stdout=stdout, stderr=stdout)
        started.append(sandbox)
        return sandbox

    yield run
    for sandbox in started:
        sandbox.close()


@pytest.fixture
def output(start_python: Start) -> Callable[..., str]:
    """What Python source prints in a sandbox, standard error included."""

    def run(code: str, rung: Rung = Rung.BUBBLEWRAP, **spec: object) -> str:
        reader, writer = os.pipe()
        with os.fdopen(reader) as pipe:
            sandbox = start_python(code, rung, stdout=writer, **spec)
            os.close(writer)
            text = pipe.read()
            assert sandbox.wait(20) is not None
            return text

    return run
