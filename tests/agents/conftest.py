"""A door that answers as told and an agent that runs scripts against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.agents.support import Agent
from tests.sdk.double import Double, serving


@pytest.fixture
def door() -> Iterator[Double]:
    """An agent door."""
    with serving(Double()) as double:
        yield double


@pytest.fixture
def agent(
    door: Double,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Agent:
    """The scripted agent of that door, in a work directory of its own."""
    work = tmp_path / "w"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("INTERLOCK_URL", door.url)
    return Agent(door, tmp_path, capsys)
