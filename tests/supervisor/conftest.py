"""A state directory with a repository, and real supervisors over it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interlock.adapters.confinement import probe
from interlock.adapters.runners.worker_door import WorkerDoor
from interlock.adapters.trees.repository import Repository
from interlock.ports.confinement import Level
from interlock.ports.runner import AgentCommand, SessionSpec

PATIENCE_S = 30.0
PYTHON = os.path.realpath(
    Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
)
SLOW_JUDGE = Path(__file__).with_name("slow_judge.py")

# What an agent does here: asks its door, keeps the answer in its tree, ends with the prompt's size.
AGENT = """
import os, urllib.request
answer = urllib.request.urlopen(os.environ["INTERLOCK_URL"] + "/hello", timeout=20).read()
open("answer.txt", "wb").write(answer)
prompt = open(os.environ["INTERLOCK_PROMPT_FILE"]).read()
print("the prompt was", prompt)
raise SystemExit(len(prompt))
"""


class Place:
    """One state directory, the supervisors started on it, and the base commit in it."""

    def __init__(self, state: Path, user_repository: Path) -> None:
        self.state = state
        self.complaints = state.with_name("supervisor.log")
        self.complaints.touch()
        self.started: list[subprocess.Popen[bytes]] = []
        user_repository.mkdir()
        (user_repository / "agent.py").write_text(AGENT)
        git = ["git", "-C", str(user_repository), "-c", "user.name=p", "-c", "user.email=p@x.org"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
            subprocess.run([*git, *words], check=True)
        state.mkdir(mode=0o700)
        (state / "run").mkdir(mode=0o700)
        repository = Repository.create(state / "repo.git", user_repository)
        self.commit = repository.fetch_base(user_repository).commit

    def supervise(self, *options: str, program: Path | None = None) -> subprocess.Popen[bytes]:
        """A supervisor process; ``program`` instead of the module for one with another judge."""
        source = ["-m", "interlock.supervisor"] if program is None else [str(program)]
        with self.complaints.open("ab") as stderr:
            process = subprocess.Popen(
                [sys.executable, *source, "--state", str(self.state), *options],
                env={"PATH": os.defpath},
                stderr=stderr,
            )
        self.started.append(process)
        return process

    @asynccontextmanager
    async def server(self) -> AsyncIterator[WorkerDoor]:
        """A server's worker door with the supervisor connected; on leaving, that server is gone."""
        door = WorkerDoor(self.state / "run" / "worker.sock", asyncio.get_running_loop())
        try:
            await door.connected(PATIENCE_S)
            yield door
        finally:
            door.close()

    async def spec(self, door: WorkerDoor, session_id: str, **fields: object) -> SessionSpec:
        """The specification of a session on a fresh scratch."""
        scratch = await door.make_scratch(self.commit, session_id)
        defaults: dict[str, object] = {
            "agent": AgentCommand(argv=(PYTHON, "agent.py")),
            "agent_id": "agent-1",
            "prompt": "seven ü",
        }
        return SessionSpec(session_id=session_id, scratch=scratch, **(defaults | fields))  # type: ignore[arg-type]  # fields by name

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, bounded."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.01)

    def processes_with(self, mark: str) -> list[str]:
        """Host processes that have ``mark`` in their command line."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark.encode() in (entry / "cmdline").read_bytes():
                    found.append(entry.name)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return found

    def end(self) -> None:
        """End all supervisors."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)
        sys.stderr.write(self.complaints.read_text())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "state", tmp_path / "project")
    yield place
    place.end()


@pytest.fixture(params=list(Level))
def level(request: pytest.FixtureRequest) -> Level:
    """Each level; ``full`` and ``partial`` only where they work."""
    wanted: Level = request.param
    if wanted is Level.FULL:
        request.getfixturevalue("full")
    elif probe(wanted).level is not wanted:
        pytest.skip(f"NOT RUN: {probe(wanted).reasons}")
    return wanted


@pytest.fixture
def full() -> None:
    """Skip where no sandbox can be had."""
    found = probe()
    if found.level is not Level.FULL:
        pytest.skip(f"NOT RUN: no full confinement here: {found.reasons}")
