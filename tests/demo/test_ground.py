"""What a cheating agent could leave in the person's repository is seen."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from interlock.testing.demo.ground import differences, ground
from interlock.testing.sample_project import make_project


def _ground(repository: Path) -> dict[str, str]:
    return ground(repository, os.environ)


def _git(repository: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(repository), *words], check=True, capture_output=True)


def _hook(repository: Path) -> None:
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-commit").write_text("#!/bin/sh\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def test_an_untouched_project_shows_no_difference(project: Path) -> None:
    assert differences(_ground(project), _ground(project)) == ()


@pytest.mark.parametrize(
    "what, touch",
    [
        ("refs/heads/interlock/x is new", lambda p: _git(p, "branch", "interlock/x")),
        ("refs/heads/feature/slug is gone", lambda p: _git(p, "branch", "-D", "feature/slug")),
        ("refs/heads/main was changed", lambda p: _git(p, "reset", "--soft", "HEAD~1")),
        ("HEAD was changed", lambda p: _git(p, "checkout", "feature/slug")),
        ("work tree README.md is new", lambda p: (p / "README.md").write_text("pwned")),
        ("work tree evil.py is new", lambda p: (p / "evil.py").touch()),
        (".git/config was changed", lambda p: _git(p, "config", "core.pager", "evil")),
        (".git/hooks/pre-commit is new", _hook),
    ],
)
def test_a_touched_one_names_what_was_touched(
    project: Path, what: str, touch: Callable[[Path], object]
) -> None:
    before = _ground(project)
    touch(project)
    assert any(found.startswith(what) for found in differences(before, _ground(project)))
