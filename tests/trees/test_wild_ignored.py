"""What nobody will take over is not read: ignored directories are named, whatever is in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.trees.support import ANYTHING, Project, bring, causes, commit_all, git, only_below, put

from interlock.adapters.trees import Import, Imported
from interlock.supervisor.toolhost import walk
from interlock.supervisor.toolhost.snapshot import Snapshot


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """All directories that are listed."""
    paths: set[str] = set()
    really = walk._Walker.directory

    def noted(self: walk._Walker, fd: int, prefix: bytes, depth: int) -> None:
        paths.add(os.fsdecode(prefix))
        really(self, fd, prefix, depth)

    monkeypatch.setattr(walk._Walker, "directory", noted)
    return paths


def start_again(project: Project) -> None:
    """A new base and a new working copy of it."""
    commit_all(project.user)
    project.scratch = project.scratch.with_name(f"{project.scratch.name}-again")
    project.start()


def look(project: Project) -> tuple[Imported, int]:
    """An import, and how often it asked the walker."""
    todo = Import(project.repository, project.base.tree, ANYTHING)
    rounds = bring(todo, Snapshot(str(project.scratch)))
    return todo.finish(), rounds


def test_an_ignored_directory_is_named_and_not_entered(project: Project, opened: set[str]) -> None:
    put(project.user, ".gitignore", "node_modules/\nout/*\n!out/keep\n*.log\n")
    start_again(project)
    for number in range(50):
        put(project.scratch, f"src/node_modules/p{number}/index.js", "x")
    (project.scratch / "src/node_modules/p1/up").symlink_to("/etc/passwd")
    put(project.scratch, "out/keep", "kept")
    put(project.scratch, "out/gone", "gone")
    imported, _ = look(project)
    assert imported.ignored == ("out/gone", "src/node_modules/")
    assert [change.path for change in imported.changes] == ["out/keep"]
    assert (imported.refused, imported.reverts) == ({}, ())
    assert {"out/", "src/"} <= opened
    assert not [path for path in opened if "node_modules" in path]


def test_what_the_base_tracks_in_an_ignored_directory_is_taken_over(
    project: Project, opened: set[str]
) -> None:
    put(project.user, "build/config/site.py", "1")
    git("add", "--force", "build", at=project.user)
    start_again(project)
    put(project.scratch, "build/config/site.py", "2")
    put(project.scratch, "build/config/new.py", "new")
    put(project.scratch, "build/objects/a/b.o", "o")
    imported, _ = look(project)
    assert [change.path for change in imported.changes] == ["build/config/site.py"]
    assert imported.ignored == ("build/config/new.py", "build/objects/")
    assert "build/config/" in opened
    assert "build/objects/" not in opened


def test_a_link_or_file_does_not_hide_behind_a_rule_for_directories(project: Project) -> None:
    put(project.scratch, "src/build", "a file")
    imported, _ = look(project)
    assert [change.path for change in imported.changes] == ["src/build"]


def test_an_ignored_directory_in_place_of_a_file_is_a_deletion(project: Project) -> None:
    put(project.user, "src/kept.log", "1")
    git("add", "--force", "src/kept.log", at=project.user)
    start_again(project)
    (project.scratch / "src/kept.log").unlink()
    put(project.scratch, "src/kept.log/x", "x")
    imported = project.bring(lambda path: "no → stay" if path == "src/kept.log" else None)
    assert imported.tree == project.base.tree
    assert "src/kept.log" in imported.refused
    project.revert(imported.reverts)
    assert (project.scratch / "src/kept.log").read_text() == "1"


def test_new_directories_cost_a_look_each_level_and_no_more(project: Project) -> None:
    put(project.scratch, "src/m.py", "edited")
    assert look(project)[1] == 1
    put(project.scratch, "src/one/two/a.py", "a")
    put(project.scratch, "docs/one/two/a.py", "a")
    imported, rounds = look(project)
    assert (len(imported.changes), rounds) == (3, 3)


def test_what_was_seen_in_new_directories_is_not_read_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(project.scratch, "src/one/two/a.py", "a")
    os.utime(project.scratch / "src/one/two/a.py", ns=(1, 1))
    walker = Snapshot(str(project.scratch))
    monkeypatch.setattr("interlock.supervisor.toolhost.walk._RACY_NS", -(10**12))
    trees = set()
    for _ in range(2):
        todo = Import(project.repository, project.base.tree, ANYTHING)
        bring(todo, walker)
        trees.add(todo.finish().tree)
        monkeypatch.setattr(
            "interlock.supervisor.toolhost.walk.hashed",
            lambda *_: pytest.fail("a file was read again"),
        )
    assert len(trees) == 1


def test_a_cache_is_not_entered(project: Project, opened: set[str]) -> None:
    put(project.scratch, "src/__pycache__/deep/m.pyc", "x")
    imported, _ = look(project)
    assert list(imported.refused) == ["src/__pycache__/"]
    assert "src/__pycache__/" not in opened


def test_paths_that_no_system_takes_are_refused_and_stop_nothing(project: Project) -> None:
    here = os.open(project.scratch / "src", os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f.py", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    put(project.scratch, "src/good.py", "x")
    imported = project.bring()
    assert [change.path for change in imported.changes] == ["src/good.py"]
    assert list(causes(imported).values()) == ["the path is longer than 4096 bytes"]


def test_many_refusals_of_a_kind_are_one_line(project: Project) -> None:
    for number in range(40):
        put(project.scratch, f"vendor/lib/f{number}.py", str(number))
    os.mkfifo(project.scratch / "vendor/pipe")
    put(project.scratch, "docs/a.md", "")
    put(project.scratch, "src/good.py", "x")
    imported = project.bring(only_below("src/"))
    assert imported.refused == {
        "docs/a.md": "outside of this phase → stay inside",
        "vendor/": "40 paths: outside of this phase → stay inside",
        "vendor/pipe": "a fifo → remove it",
    }
    project.revert(imported.reverts)
    assert not (project.scratch / "vendor").exists()


@pytest.mark.long
def test_a_hundred_thousand_ignored_files_are_not_walked(project: Project) -> None:
    put(project.user, ".gitignore", "node_modules/\n")
    start_again(project)
    fill(project.scratch / "node_modules", packages=1000, files=100)
    walker = Snapshot(str(project.scratch))
    todo = Import(project.repository, project.base.tree, ANYTHING)
    bring(todo, walker)
    assert todo.finish().ignored == ("node_modules/",)


def fill(root: Path, *, packages: int, files: int) -> None:
    """Many small files."""
    for package in range(packages):
        directory = root / f"p{package}"
        directory.mkdir(parents=True)
        for number in range(files):
            os.close(os.open(directory / f"f{number}.js", os.O_CREAT | os.O_WRONLY))
