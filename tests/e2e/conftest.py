"""A whole installation as a person has it: a repository, its state, supervisor and server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from interlock.adapters.agents.command import command_agent
from interlock.sdk.people import PeopleClient

AGENT = Path(__file__).parent / "agents" / "honest.py"


@dataclass
class House:
    """One repository with Interlock set up."""

    root: Path
    environment: dict[str, str]
    _client: PeopleClient | None = None

    @property
    def repository(self) -> Path:
        return self.root / "repo"

    @property
    def state(self) -> Path:
        (state,) = (self.root / "state" / "interlock").iterdir()
        return state

    @property
    def client(self) -> PeopleClient:
        if self._client is None:
            self._client = PeopleClient(f"unix:{self.state}/run/people.sock", patience_s=30)
        return self._client

    def interlock(self, *words: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run the command in the repository as a person would."""
        done = subprocess.run(
            [sys.executable, "-m", "interlock", *words],
            cwd=self.repository,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if code is not None:
            assert done.returncode == code, f"{words}\n{done.stdout}\n{done.stderr}"
        return done

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words],
            cwd=self.repository,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"git {words}: {done.stderr}"
        return done.stdout.strip()

    def pid(self, name: str) -> int | None:
        """Process id of ``server``, ``supervisor`` or the monitor (``pid``)."""
        try:
            about = json.loads((self.state / "run" / "up.json").read_text())
        except (OSError, ValueError):
            return None
        found = about.get(name)
        return int(found) if found else None

    def program(self, script: Path = AGENT, *words: str) -> dict[str, Any]:
        """A program of the tests as an agent."""
        return asdict(command_agent(" ".join(["python3", str(script), *words]), self.repository))

    def start_task(self, script: Path = AGENT, *words: str, **more: Any) -> str:
        """A task, started; without a script an honest one."""
        agent = {"author": self.program(script, *words), "reviewers": {"default": self.program()}}
        made = self.client.create_task("Add slugify to textkit", agent=agent, **more)
        return str(made["task_id"])

    def wait(
        self, task_id: str, until: Callable[[dict[str, Any]], bool], timeout_s: float = 120
    ) -> dict[str, Any]:
        """The task as soon as ``until`` holds for it."""
        deadline, cursor = time.monotonic() + timeout_s, 0
        task = self.client.task(task_id)
        while not until(task) and time.monotonic() < deadline:
            _, cursor = self.client.events(cursor, task_id=task_id, wait_s=2)
            task = self.client.task(task_id)
        if until(task):
            return task
        raise AssertionError(f"{task}\n{self.logs()}")

    def completed(self, task_id: str, timeout_s: float = 120) -> dict[str, Any]:
        return self.wait(task_id, lambda task: task["status"] == "completed", timeout_s)

    def events(self, task_id: str, *types: str) -> list[dict[str, Any]]:
        found, _ = self.client.events(0, types=types, task_id=task_id, limit=1000)
        return found

    def logs(self) -> str:
        places = [*self.state.glob("logs/*.log"), *self.state.glob("sessions/*.log")]
        return "\n".join(f"--- {p.name}\n{p.read_text()[-1500:]}" for p in places)


def sample_repository(place: Path, environment: dict[str, str]) -> None:
    (place / "textkit").mkdir(parents=True)
    (place / "tests").mkdir()
    (place / "textkit" / "__init__.py").write_text("")
    (place / "textkit" / "num.py").write_text("def double(x):\n    return 2 * x\n")
    (place / "tests" / "test_num.py").write_text(
        "from textkit.num import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
    )
    (place / "requirements.txt").write_text("pytest\n")
    commands = (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("-c", "user.name=p", "-c", "user.email=p@h", "commit", "-qm", "First"),
    )
    for words in commands:
        subprocess.run(["git", *words], cwd=place, env=environment, check=True)


@pytest.fixture(scope="module", params=["full"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def house(level: str) -> Iterator[House]:
    """Initialised, trusted and up; one for all tests of a file."""
    # Unix socket paths are short: not below pytest's own deep directories.
    with tempfile.TemporaryDirectory(prefix="il-") as name:
        root = Path(name)
        for own in ("home", "tmp"):
            (root / own).mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root / "home"),
            "TMPDIR": str(root / "tmp"),
            "XDG_STATE_HOME": str(root / "state"),
            "LANG": "C.UTF-8",
            **{k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_"))},
        }
        house = House(root, environment)
        sample_repository(house.repository, environment)
        (root / "passphrase").write_text("correct horse\n")
        house.interlock("init", "--passphrase-file", str(root / "passphrase"), "--trust")
        try:
            house.interlock("up", "--level", level)
            yield house
        finally:
            house.client.close()
            house.interlock("down", code=None)
            if (pid := house.pid("pid")) is not None:
                os.kill(pid, signal.SIGKILL)
