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
        root: the session's tree.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.runner = asyncio.Runner()
        ours, theirs = socket_pair()
        self.spare = ours.dup()
        self.process = subprocess.Popen(
            argv(sys.executable, LIBRARY, theirs.fileno(), str(root), mode="tree"),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
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
            if self.process.returncode is None:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The session's tree."""
    tree = tmp_path / "tree"
    tree.mkdir()
    return tree


@pytest.fixture
def host(root: Path) -> Iterator[Host]:
    """A running toolhost in mode ``tree``."""
    made = Host(root)
    yield made
    made.close()


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
