"""Running the scripted agent against the double, and reading what it printed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sdk.double import Double

import interlock
from interlock.testing.scripted.main import main

LIBRARY = str(Path(interlock.__file__).parent.parent)


@dataclass(frozen=True)
class Ran:
    """One run: exit code and lines."""

    code: int
    lines: Sequence[Mapping[str, Any]]

    def outcome(self, step: str) -> str:
        """How a step ended."""
        return next(str(line["outcome"]) for line in self.lines if line["step"] == step)

    def detail(self, step: str) -> str:
        """What was said about a step."""
        return next(str(line["detail"]) for line in self.lines if line["step"] == step)


class Agent:
    """Runs scripts in this process, in a directory of the test's own."""

    def __init__(self, door: Double, place: Path, capsys: Any) -> None:
        self._door = door
        self._place = place
        self._capsys = capsys

    def run(self, script: Mapping[str, Any]) -> Ran:
        """Run a script to its end."""
        path = self._place / "script.json"
        path.write_text(json.dumps(script))
        self._capsys.readouterr()
        code = main([str(path)])
        return Ran(code, lines(self._capsys.readouterr().out))

    def plan(self, *steps: Mapping[str, Any]) -> Ran:
        """Run steps in the phase PLAN, which is what the double hands out."""
        return self.run({"phases": {"PLAN": list(steps)}})


def lines(text: str) -> list[Mapping[str, Any]]:
    """The JSON lines of an output."""
    return [json.loads(line) for line in text.splitlines()]


def isolated(script: Path, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """The program as a sandbox runs it: no site-packages, nothing inherited."""
    start = "import os, sys; sys.path.insert(0, os.environ['INTERLOCK_LIB']); "
    start += "from interlock.testing.scripted.main import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", start, str(script)],
        env={"PATH": "/usr/bin:/bin", "INTERLOCK_LIB": LIBRARY, **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
