"""A supervisor process over a repository of generated files, and sessions started through it."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from interlock.adapters.runners.worker_door import WorkerDoor
from interlock.adapters.trees.repository import Base, Repository
from interlock.ports.runner import Session, SessionSpec

__all__ = ["Ground", "ground", "repository_of"]

_PATIENCE_S = 60.0
_PER_DIRECTORY = 100


class Ground:
    """What sessions are started on.

    Attributes:
        state: the state directory.
        base: the commit that scratches are made from, and its tree.
        runner: the supervisor's door.
    """

    def __init__(self, state: Path, base: Base, runner: WorkerDoor) -> None:
        self.state, self.base, self.runner = state, base, runner

    async def session(self) -> Session:
        """A session from nothing: a clone of its own, a sandbox, a toolhost that answers."""
        name = f"ses_{secrets.token_hex(6)}"
        scratch = await self.runner.make_scratch(self.base.commit, name)
        session = await self.runner.start(SessionSpec(session_id=name, scratch=scratch))
        await session.toolhost.call("ping")
        return session

    async def end(self, session: Session) -> None:
        """End it; its files are deleted before this returns, so that the disk is quiet."""
        await self.runner.end(session.session_id)
        removed = self.state / "scratch" / ".removed"
        async with asyncio.timeout(_PATIENCE_S):
            while any(removed.iterdir()):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def ground(files: int, parent: Path | None = None) -> AsyncIterator[Ground]:
    """A fresh state directory, a repository with so many files, and a supervisor.

    Args:
        parent: where; the directory for temporary files if not given.
    """
    with tempfile.TemporaryDirectory(
        prefix="il-bench-", dir=parent, ignore_cleanup_errors=True
    ) as name:
        place = Path(name)
        # Sessions run as another user and pass through here to their own scratch.
        place.chmod(0o711)
        state = place / "state"
        state.mkdir(mode=0o711)
        (state / "run").mkdir(mode=0o700)
        _, base = repository_of(place, files)
        command = [sys.executable, "-m", "interlock.supervisor", "--state", str(state)]
        with subprocess.Popen(command, env={"PATH": os.defpath, **_python_path()}) as supervisor:
            runner = WorkerDoor(state / "run" / "worker.sock", asyncio.get_running_loop())
            try:
                await runner.connected(_PATIENCE_S)
                yield Ground(state, base, runner)
            finally:
                supervisor.terminate()
                runner.close()


def repository_of(place: Path, files: int) -> tuple[Repository, Base]:
    """``state/repo.git`` below a place, with a base of so many files."""
    user = place / "user"
    _generate(user, files)
    repository = Repository.create(place / "state" / "repo.git", user)
    return repository, repository.fetch_base(user)


def _python_path() -> dict[str, str]:
    path = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": path} if path else {}


def _generate(place: Path, files: int) -> None:
    """A repository with one commit; written as a stream, which takes a second for 20,000 files."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(place)], check=True)
    stream = b"".join(_commit(files))
    subprocess.run(["git", "-C", str(place), "fast-import", "--quiet"], input=stream, check=True)


def _commit(files: int) -> Iterator[bytes]:
    yield b"commit refs/heads/main\ncommitter b <b@b> 1700000000 +0000\ndata 4\nbase\n"
    for number in range(files):
        text = b"def f_%d(x):\n    return x + %d\n" % (number, number) * (1 + number % 20)
        path = b"src/d%03d/m%05d.py" % (number // _PER_DIRECTORY, number)
        yield b"M 100644 inline %b\ndata %d\n%b\n" % (path, len(text), text)
