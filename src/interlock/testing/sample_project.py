"""A real small Python project with history and tests, made anew wherever one is needed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

__all__ = ["make_project"]

_BRANCH = "main"
_FIRST = 1_760_000_000
"""Seconds since the epoch of the first commit; the others follow by the hour."""


def make_project(dest: Path) -> Path:
    """Build the project with its history in ``dest``, which is made and must be empty.

    The same files, dates and names give the same commits everywhere. A branch ``feature/slug`` on
    top holds the answer to the task of the demo; the checked-out branch does not.

    Raises:
        subprocess.CalledProcessError: git did not do it.
    """
    file = resources.files("interlock.testing") / "sample_project.yaml"
    project: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    dest.mkdir(parents=True, exist_ok=True)
    _git(dest, 0, "init", "--quiet", f"--initial-branch={_BRANCH}")
    commits = project["commits"]
    for number, commit in enumerate(commits):
        _commit(dest, number, commit["message"], commit["files"])
    future = project["future"]
    _git(dest, 0, "checkout", "--quiet", "-b", future["branch"])
    _commit(dest, len(commits), future["message"], future["files"])
    _git(dest, 0, "checkout", "--quiet", _BRANCH)
    return dest


def _commit(repository: Path, number: int, message: str, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _git(repository, number, "add", "--all")
    _git(repository, number, "commit", "--quiet", "--message", message)


def _git(repository: Path, number: int, *words: str) -> None:
    """git with nothing of the person's: their hooks, signatures and templates stay out."""
    date = f"{_FIRST + 3600 * number} +0000"
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(repository),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TEMPLATE_DIR": "",
        "GIT_AUTHOR_NAME": "Textkit",
        "GIT_AUTHOR_EMAIL": "textkit@example.org",
        "GIT_COMMITTER_NAME": "Textkit",
        "GIT_COMMITTER_EMAIL": "textkit@example.org",
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
    }
    subprocess.run(["git", *words], cwd=repository, env=environment, check=True)
