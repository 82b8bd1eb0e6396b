"""The sample project is real: history, green tests, and an answer that is not in sight."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from interlock.definition.detect import detect_environment
from interlock.testing.sample_project import make_project


def git(repository: Path, *words: str) -> str:
    return subprocess.check_output(["git", "-C", str(repository), *words], text=True).strip()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("sample") / "textkit")


def test_history_has_several_commits_and_the_tree_is_clean(project: Path) -> None:
    assert len(git(project, "log", "--oneline").splitlines()) >= 6
    assert git(project, "status", "--short") == ""


def test_same_project_is_made_everywhere(project: Path, tmp_path: Path) -> None:
    again = make_project(tmp_path / "again")
    assert git(project, "rev-parse", "HEAD") == git(again, "rev-parse", "HEAD")


def test_answer_is_on_another_branch_only(project: Path) -> None:
    assert not (project / "textkit" / "slug.py").exists()
    assert "slugify" in git(project, "log", "--all", "--format=%s")
    assert "slugify" not in git(project, "log", "--format=%s")


def test_about_twenty_tests_pass(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "22 passed" in done.stdout


def test_environment_is_pinned_by_the_list_of_requirements(project: Path) -> None:
    def read(path: str) -> bytes | None:
        file = project / path
        return file.read_bytes() if file.is_file() else None

    proposed = detect_environment(git(project, "ls-files").splitlines(), read)
    found = proposed.environment if proposed else None
    assert found is not None
    assert found.setup == ("pip install -r requirements.txt",)
    assert "==" in (project / "requirements.txt").read_text()
