"""What every test gets: an environment that says nothing about this machine or its user."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir

# The checkout may not be ours to write to, and what one run found must not decide the next one.
_hypothesis_home = tempfile.TemporaryDirectory(prefix="interlock-hypothesis-")
set_hypothesis_home_dir(_hypothesis_home.name)

# Shared CI machines stall: a deadline per example would test them, not us. CI always draws the
# same examples; elsewhere each run draws new ones.
settings.register_profile("default", deadline=None, database=None)
settings.register_profile("ci", deadline=None, database=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")

_OURS = ("ORCHESTRATOR_", "INTERLOCK_", "GIT_")


def _isolate(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Take the person's settings away: no variable of ours or git's, a home of its own."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        monkeypatch.delenv(name)
    for name in ("CACHE_HOME", "CONFIG_HOME", "DATA_HOME", "RUNTIME_DIR", "STATE_HOME"):
        directory = home / name.lower()
        directory.mkdir(mode=0o700)
        monkeypatch.setenv(f"XDG_{name}", str(directory))
    # A file, never /dev/null: git replaces its configuration by rename, as root even a device.
    gitconfig = home / "gitconfig"
    gitconfig.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(gitconfig))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture(scope="session", autouse=True)
def _isolated_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Cover fixtures that live longer than a test, for example a shared server."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _isolate(monkeypatch, tmp_path_factory.mktemp("home"))
        yield


@pytest.fixture(autouse=True)
def _isolated_test(
    _isolated_session: None,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Give each test a home that no other test has written to."""
    _isolate(monkeypatch, tmp_path_factory.mktemp("home"))
