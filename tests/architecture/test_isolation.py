"""The tests see nothing of the person who runs them: what conftest.py promises."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path


def test_no_setting_of_the_person_reaches_a_test() -> None:
    ours = [name for name in os.environ if name.startswith(("ORCHESTRATOR_", "INTERLOCK_"))]
    assert not ours
    temporary = Path(tempfile.gettempdir()).resolve()
    assert Path.home().resolve().is_relative_to(temporary)
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        assert Path(os.environ[name]).is_relative_to(Path.home())


def test_git_knows_no_person_and_can_be_configured() -> None:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "config", "--global", *words], capture_output=True, text=True, check=True
        ).stdout

    assert git("--list") == ""
    git("user.name", "somebody")
    assert git("user.name") == "somebody\n"
    assert Path(os.environ["GIT_CONFIG_GLOBAL"]).is_relative_to(Path.home())
