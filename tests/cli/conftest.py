"""The command as a person has it: in a process of its own, in a repository."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.server.process import git, in_background

from interlock.cli.main import main
from interlock.server.layout import Layout

PASSPHRASE = "correct horse"


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """Runs ``interlock`` with nothing of the person who runs the tests."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.repository.mkdir()
        (self.root / "home").mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "XDG_STATE_HOME": str(self.root / "state"),
            "GIT_CONFIG_GLOBAL": os.environ.get("GIT_CONFIG_GLOBAL", ""),
            "LANG": "C.UTF-8",
        }
        self.passphrase = self.root / "passphrase"
        self.passphrase.write_text(f"{PASSPHRASE}\n")

    @property
    def repository(self) -> Path:
        return self.root / "repo"

    @property
    def layout(self) -> Layout:
        (state,) = (self.root / "state" / "interlock").iterdir()
        return Layout(state)

    def interlock(
        self, *words: str, cwd: Path | None = None, stdin: str = "", **variables: str
    ) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "interlock", *words],
            cwd=cwd or self.repository,
            env={**self.environment, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def json(self, *words: str) -> Done:
        """The same with ``--json``, in this process: many of them are tried."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.repository)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.setattr("sys.stdin", io.StringIO())
            with redirect_stdout(out), redirect_stderr(err):
                code = main([*words, "--json"])
        return Done(code, out.getvalue(), err.getvalue())

    def init(self, *words: str, **more: Any) -> Done:
        given = ("--passphrase-file", str(self.passphrase))
        return self.interlock("init", *given, *words, **more)

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.repository, check=True, capture_output=True, text=True
        )
        return done.stdout.rstrip("\n")


def fresh(root: Path) -> Shell:
    """A repository with one commit and nothing of ours."""
    shell = Shell(root)
    git(shell.repository, "init", "-q", "-b", "main")
    (shell.repository / "a.py").write_text("A = 1\n")
    (shell.repository / "requirements.txt").write_text("pytest\n")
    git(shell.repository, "add", "-A")
    git(shell.repository, "commit", "-q", "-m", "First")
    return shell


@pytest.fixture
def shell() -> Iterator[Shell]:
    """A repository that was not set up; its path is short, as sockets want it."""
    with tempfile.TemporaryDirectory(prefix="il-") as name:
        yield fresh(Path(name))


@pytest.fixture(scope="module")
def unserved() -> Iterator[Shell]:
    """A repository that was set up, without a server."""
    with tempfile.TemporaryDirectory(prefix="il-") as name:
        shell = fresh(Path(name))
        assert shell.init("--trust").code == 0
        yield shell


@pytest.fixture(scope="module")
def served() -> Iterator[Shell]:
    """A repository that was set up, with a server whose supervisor does nothing."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        shell = fresh(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="il-"))))
        config = shell.root / "gitconfig"
        config.touch()
        for name, value in (("GIT_CONFIG_GLOBAL", str(config)), ("GIT_CONFIG_NOSYSTEM", "1")):
            patch.setenv(name, value)
        shell.environment["GIT_CONFIG_GLOBAL"] = str(config)
        assert shell.init("--trust").code == 0
        stack.enter_context(in_background(shell.layout))
        yield shell
