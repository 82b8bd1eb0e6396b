"""One small project for the tests of this room, made once and copied for each of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.trees.support import Project, commit_all, git, put

from interlock.adapters.trees import Base, Repository


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Base]:
    """A person's repository with sources, tests and documentation; ours; a working copy."""
    root = tmp_path_factory.mktemp("template")
    user = root / "user"
    user.mkdir()
    git("init", "-q", "-b", "main", at=user)
    put(user, ".gitignore", "build/\n*.log\n")
    put(user, "src/m.py", "def m():\n    return 1\n")
    put(user, "src/pkg/__init__.py", "")
    put(user, "src/pkg/a.py", "a = 1\n")
    put(user, "src/pkg/b.py", "b = 1\n")
    put(user, "src/run.sh", "#!/bin/sh\n", 0o755)
    put(user, "tests/test_m.py", "def test_m():\n    assert True\n")
    put(user, "docs/index.md", "# Docs\n")
    commit_all(user)
    project = Project(user, Repository.create(root / "repo.git", user), root / "scratch")
    project.start()
    return root, project.base


@pytest.fixture
def project(template: tuple[Path, Base], tmp_path: Path) -> Project:
    """A project with a working copy for an agent."""
    root, base = template
    for name in ("user", "repo.git", "scratch"):
        shutil.copytree(root / name, tmp_path / name, symlinks=True)
    repository = Repository.open(tmp_path / "repo.git")
    return Project(tmp_path / "user", repository, tmp_path / "scratch", base)


@pytest.fixture
def user(project: Project) -> Path:
    """The person's repository of that project."""
    return project.user


@pytest.fixture(scope="session")
def project_readonly(template: tuple[Path, Base]) -> Project:
    """The template itself, for tests that import nothing."""
    root, base = template
    return Project(root / "user", Repository.open(root / "repo.git"), root / "scratch", base)
