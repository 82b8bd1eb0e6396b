"""A real toolhost per test, and a blocking way to call it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

import interlock
from interlock.adapters.toolhost.client import Reply, ToolhostClient, argv, socket_pair
from interlock.adapters.toolhost.errors import ToolError

LIBRARY = str(Path(interlock.__file__).resolve().parents[1])
T = TypeVar("T")


class Host:
    """A server of its own event loop around one toolhost; ``call`` blocks.

    Args:
        launch: starts the toolhost with the descriptor of its end, and returns its process.
    """

    def __init__(self, launch: Callable[[int], Any]) -> None:
        self.runner = asyncio.Runner()
        ours, theirs = socket_pair()
        self.spare = ours.dup()
        with theirs:
            self.process = launch(theirs.fileno())
        self.client = ToolhostClient(ours, self.runner.get_loop())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop."""
        return self.runner.run(work)

    def call(self, op: str, **args: Any) -> Reply:
        """One call, waited for."""
        return self.run(self.client.call(op, **args))

    def ok(self, op: str, **args: Any) -> dict[str, Any]:
        """The result of a call."""
        return self.call(op, **args).ok

    def refused(self, op: str, **args: Any) -> str:
        """The kind of refusal that a call must meet."""
        with pytest.raises(ToolError) as caught:
            self.call(op, **args)
        return caught.value.kind

    def crash(self) -> None:
        """The server dies and another takes over the supervisor's duplicate of the socket."""
        self.client.close("crash")
        self.client = ToolhostClient(self.spare.dup(), self.runner.get_loop())

    def close(self) -> None:
        """End the session and wait for it."""
        self.client.close()
        self.spare.close()
        self.runner.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait(10)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The session's tree."""
    tree = tmp_path / "tree"
    tree.mkdir()
    return tree


@pytest.fixture
def host(root: Path) -> Iterator[Host]:
    """A running toolhost in mode ``tree``."""

    def launch(fd: int) -> subprocess.Popen[bytes]:
        command = argv(sys.executable, LIBRARY, fd, str(root), mode="tree")
        return subprocess.Popen(command, pass_fds=[fd], stdin=subprocess.DEVNULL)

    made = Host(launch)
    yield made
    made.close()


@pytest.fixture
def make_host() -> Callable[[Callable[[int], Any]], Host]:
    """A host around a toolhost that the test starts in its own way; the test closes it."""
    return Host


@pytest.fixture
def eventually() -> Callable[[Callable[[], T]], T]:
    """Wait, at most 10 s, until a condition holds; its value."""

    def wait(condition: Callable[[], T]) -> T:
        deadline = time.monotonic() + 10
        while not (value := condition()):
            assert time.monotonic() < deadline, "did not happen within 10 s"
            time.sleep(0.005)
        return value

    return wait


@pytest.fixture
def outsider() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of the session's."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
