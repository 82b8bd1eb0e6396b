"""What an agent did becomes a tree: all that may land lands, and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.trees.support import Project, causes, commit_all, git, only_below, put

from interlock.adapters.trees import Limits
from interlock.adapters.trees.entry import shown
from interlock.adapters.trees.merge import Merged
from interlock.core.facts import ChangeKind, TreeChange
from interlock.errors import IntegrityError, TooLargeError
from interlock.supervisor.toolhost import steady, walk

SRC = only_below("src/")


def changed(*paths: tuple[str, ChangeKind]) -> tuple[TreeChange, ...]:
    return tuple(TreeChange(path=path, kind=kind) for path, kind in paths)


def test_untouched_copy_is_the_base(project: Project) -> None:
    imported = project.bring()
    assert imported.tree == project.base.tree
    assert (imported.changes, imported.refused, imported.ignored) == ((), {}, ())
    assert imported.reverts == ()


def test_edits_additions_deletions_and_modes_land(project: Project) -> None:
    put(project.scratch, "src/m.py", "def m():\n    return 2\n", 0o755)
    put(project.scratch, "src/new/n.py", "n = 1\n")
    (project.scratch / "src/pkg/b.py").unlink()
    (project.scratch / "src/link.py").symlink_to("m.py")
    imported = project.bring()
    assert imported.changes == changed(
        ("src/link.py", ChangeKind.ADDED),
        ("src/m.py", ChangeKind.MODIFIED),
        ("src/new/n.py", ChangeKind.ADDED),
        ("src/pkg/b.py", ChangeKind.DELETED),
    )
    listed = git("ls-tree", "-r", imported.tree, at=project.repository.path)
    assert "100755 blob" in next(line for line in listed.splitlines() if line.endswith("src/m.py"))
    assert project.repository.read(imported.tree, "src/link.py") == b"m.py"
    assert imported.refused == {}


def test_what_a_commit_in_the_copy_says_means_nothing(project: Project) -> None:
    put(project.scratch, "src/m.py", "x = 3\n")
    commit_all(project.scratch, "agent's own")
    assert project.files(project.bring().tree)["src/m.py"] == b"x = 3\n"


def test_forbidden_paths_keep_the_base_and_are_reverted(project: Project) -> None:
    put(project.scratch, "src/m.py", "x = 2\n")
    put(project.scratch, "tests/test_m.py", "def test_m(): pass\n")
    put(project.scratch, "tests/test_new.py", "")
    (project.scratch / "docs/index.md").unlink()
    imported = project.bring(SRC)
    assert imported.changes == changed(("src/m.py", ChangeKind.MODIFIED))
    why = "outside of this phase"
    assert causes(imported) == dict.fromkeys(
        ("docs/index.md", "tests/test_m.py", "tests/test_new.py"), why
    )
    project.revert(imported.reverts)
    again = project.bring(SRC)
    assert (again.tree, again.refused, again.reverts) == (imported.tree, {}, ())


def test_revert_does_not_write_through_a_hard_link(project: Project) -> None:
    os.link(project.scratch / "tests/test_m.py", project.scratch / "src/twin.py")
    put(project.scratch, "src/twin.py", "evil = 1\n")
    imported = project.bring(SRC)
    project.revert(imported.reverts)
    assert (project.scratch / "src/twin.py").read_text() == "evil = 1\n"
    assert "assert True" in (project.scratch / "tests/test_m.py").read_text()


def test_ignored_files_are_listed_and_stay(project: Project) -> None:
    put(project.scratch, "build/deep/o.bin", "o")
    put(project.scratch, "build/deep/p.bin", "p")
    put(project.scratch, "src/x.log", "l")
    imported = project.bring(SRC)
    assert imported.ignored == ("build/", "src/x.log")
    assert (imported.tree, imported.refused) == (project.base.tree, {})
    assert imported.reverts == ()


def test_agents_own_ignore_rules_hide_nothing(project: Project) -> None:
    put(project.scratch, "src/.gitignore", "*\n")
    put(project.scratch, ".git/info/exclude", "*\n")
    put(project.scratch, "src/hidden.py", "h = 1\n")
    assert "src/hidden.py" in project.files(project.bring(SRC).tree)


def test_ignored_file_that_the_base_tracks_is_imported(user: Path, project: Project) -> None:
    put(user, "src/kept.log", "1")
    git("add", "-f", "src/kept.log", at=user)
    commit_all(user)
    shutil.rmtree(project.scratch)
    project.start()
    put(project.scratch, "src/kept.log", "2")
    assert project.files(project.bring(SRC).tree)["src/kept.log"] == b"2"


def test_ignored_names_that_look_like_patterns_are_names(project: Project) -> None:
    for name in (":!x.log", ":(top)y.log", "a\nb.log", "*.py"):
        put(project.scratch, f"src/{name}", "")
    imported = project.bring(SRC)
    assert set(imported.ignored) == {"src/:!x.log", "src/:(top)y.log", '"src/a\\nb.log"'}
    assert "src/*.py" in project.files(imported.tree)


@pytest.mark.parametrize(
    "name, root",
    [
        ("src/__pycache__/m.cpython-311.pyc", "src/__pycache__/"),
        ("src/evil.pyc", "src/evil.pyc"),
        (".pytest_cache/v/x", ".pytest_cache/"),
        (".mypy_cache/3.11/x.json", ".mypy_cache/"),
    ],
)
def test_bytecode_and_caches_are_refused(project: Project, name: str, root: str) -> None:
    put(project.scratch, name, "x")
    imported = project.bring()
    assert list(imported.refused) == [root]
    assert (imported.tree, imported.reverts) == (project.base.tree, ())


def test_bytecode_that_the_base_tracks_is_a_file_like_any_other(
    user: Path, project: Project
) -> None:
    put(user, "src/tracked.pyc", "1")
    commit_all(user)
    shutil.rmtree(project.scratch)
    project.start()
    put(project.scratch, "src/tracked.pyc", "2")
    assert project.files(project.bring(SRC).tree)["src/tracked.pyc"] == b"2"


def test_directory_replaced_by_an_outward_link_deletes_nothing(project: Project) -> None:
    shutil.rmtree(project.scratch / "src/pkg")
    (project.scratch / "src/pkg").symlink_to("/etc")
    imported = project.bring(SRC)
    assert imported.tree == project.base.tree
    assert causes(imported) == {"src/pkg": "a link that may lead out of the tree"}
    project.revert(imported.reverts)
    assert (project.scratch / "src/pkg/a.py").read_text() == "a = 1\n"


def test_directory_replaced_by_a_fifo_deletes_nothing(project: Project) -> None:
    shutil.rmtree(project.scratch / "src/pkg")
    os.mkfifo(project.scratch / "src/pkg")
    imported = project.bring(SRC)
    assert (imported.tree, causes(imported)) == (project.base.tree, {"src/pkg": "a fifo"})
    project.revert(imported.reverts)
    assert project.bring(SRC).refused == {}


def test_directory_replaced_by_a_file_lands_where_deleting_is_allowed(project: Project) -> None:
    shutil.rmtree(project.scratch / "src/pkg")
    put(project.scratch, "src/pkg", "one module")
    files = project.files(project.bring(SRC).tree)
    assert files["src/pkg"] == b"one module"
    assert "src/pkg/a.py" not in files


def test_directory_replaced_by_a_file_stays_where_one_file_may_not_go(project: Project) -> None:
    shutil.rmtree(project.scratch / "src/pkg")
    put(project.scratch, "src/pkg", "one module")
    imported = project.bring(lambda path: "frozen → thaw it" if path == "src/pkg/b.py" else None)
    assert imported.tree == project.base.tree
    assert causes(imported) == {
        "src/pkg": "it stands where a directory stays",
        "src/pkg/b.py": "frozen",
    }
    project.revert(imported.reverts)
    assert project.bring().tree == project.base.tree


def test_file_replaced_by_a_directory_stays_where_the_file_may_not_go(project: Project) -> None:
    (project.scratch / "src/m.py").unlink()
    put(project.scratch, "src/m.py/inner.py", "x")
    imported = project.bring(lambda path: "frozen → thaw it" if path == "src/m.py" else None)
    assert imported.tree == project.base.tree
    assert set(imported.refused) == {"src/m.py", "src/m.py/inner.py"}
    project.revert(imported.reverts)
    assert (project.scratch / "src/m.py").is_file()


def test_exact_move_to_a_forbidden_place_restores_its_source(project: Project) -> None:
    (project.scratch / "src/m.py").rename(project.scratch / "tests/m.py")
    imported = project.bring(SRC)
    assert imported.tree == project.base.tree
    assert causes(imported) == {
        "src/m.py": "moved to tests/m.py, which stays out",
        "tests/m.py": "outside of this phase",
    }
    project.revert(imported.reverts)
    assert project.bring(SRC).refused == {}


def test_move_over_a_forbidden_file_restores_its_source(project: Project) -> None:
    (project.scratch / "src/m.py").replace(project.scratch / "tests/test_m.py")
    assert project.bring(SRC).tree == project.base.tree


def test_deleting_an_empty_file_is_no_move(project: Project) -> None:
    (project.scratch / "src/pkg/__init__.py").unlink()
    put(project.scratch, "docs/__init__.py", "")
    assert "src/pkg/__init__.py" not in project.files(project.bring(SRC).tree)


def test_move_within_what_is_allowed_lands_although_a_copy_is_refused(project: Project) -> None:
    shutil.copy(project.scratch / "src/m.py", project.scratch / "docs/m.py")
    (project.scratch / "src/m.py").rename(project.scratch / "src/n.py")
    files = project.files(project.bring(SRC).tree)
    assert "src/n.py" in files
    assert "src/m.py" not in files


def test_case_only_rename_is_a_rename(project: Project) -> None:
    (project.scratch / "src/m.py").rename(project.scratch / "src/M.py")
    imported = project.bring(SRC)
    assert imported.refused == {}
    assert "src/M.py" in project.files(imported.tree)


@pytest.mark.parametrize(
    "name, other",
    [
        ("src/M.py", "src/m.py"),
        ("SRC/other.py", "src"),
        ("src/PKG/new.py", "src/pkg"),
        ("src/m\u200d.py", "src/m.py"),
    ],
)
def test_name_that_differs_by_case_only_is_refused(project: Project, name: str, other: str) -> None:
    put(project.scratch, name, "x = 1\n")
    imported = project.bring()
    named = shown(name.encode())
    assert causes(imported) == {named: f"differs from {other} only by case or Unicode form"}
    assert imported.tree == project.base.tree


def test_of_two_new_names_that_collide_one_lands(project: Project) -> None:
    put(project.scratch, "src/e\u0301.py", "1")
    put(project.scratch, "src/\u00e9.py", "2")
    put(project.scratch, "src/\u00c9.py", "3")
    assert len(project.bring(SRC).refused) == 2


def test_count_limit_refuses_by_name(project: Project) -> None:
    for number in range(5):
        put(project.scratch, f"src/n{number}.py", str(number))
    entries = len(project.repository.entries(project.base.tree))
    imported = project.bring(SRC, limits=Limits(entries=entries + 3))
    assert set(imported.refused) == {"src/n3.py", "src/n4.py"}


def test_byte_limit_counts_every_copy(project: Project) -> None:
    for number in range(5):
        put(project.scratch, f"src/n{number}.bin", b"x" * 1000)
    start = project.repository.total_bytes(project.base.tree)
    imported = project.bring(SRC, limits=Limits(total_bytes=start + 2500))
    assert set(imported.refused) == {f"src/n{number}.bin" for number in (2, 3, 4)}
    assert project.repository.total_bytes(imported.tree) <= start + 2500


def test_tree_that_starts_over_a_limit_can_still_be_edited(project: Project) -> None:
    put(project.scratch, "src/m.py", "x")
    put(project.scratch, "src/more.py", "y")
    imported = project.bring(SRC, limits=Limits(entries=1, total_bytes=1))
    assert [change.path for change in imported.changes] == ["src/m.py"]
    assert set(imported.refused) == {"src/more.py"}


def test_too_large_file_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    put(project.scratch, "src/big.bin", b"x" * 3000)
    put(project.scratch, "src/m.py", b"x" * 3000)
    assert set(project.bring(SRC, limits=Limits(file_bytes=2000)).refused) == {
        "src/big.bin",
        "src/m.py",
    }
    monkeypatch.setattr(steady, "MAX_FILE_BYTES", 2000)
    project.walkers.clear()
    imported = project.bring(SRC)
    assert imported.tree == project.base.tree
    assert causes(imported)["src/big.bin"] == "3000 bytes, 2000 are allowed"


def test_too_large_file_of_the_base_is_left_alone(
    user: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(user, "src/big.bin", b"x" * 3000)
    commit_all(user)
    shutil.rmtree(project.scratch)
    project.start()
    monkeypatch.setattr(steady, "MAX_FILE_BYTES", 2000)
    imported = project.bring(SRC, limits=Limits(file_bytes=2000))
    assert (imported.tree, imported.refused) == (project.base.tree, {})
    assert imported.reverts == ()


def test_more_names_than_can_be_walked_is_an_error(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "MAX_NAMES", 5)
    with pytest.raises(TooLargeError, match="more than 5 names"):
        project.bring()


def test_a_merge_that_went_wrong_does_not_land(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last look is independent of how the tree came about."""
    monkeypatch.setattr(
        "interlock.adapters.trees.imports.merge",
        lambda start, files, refused, may: Merged(dict(files), {}),
    )
    (project.scratch / "docs/index.md").unlink()
    with pytest.raises(IntegrityError) as caught:
        project.bring(SRC)
    assert caught.value.code == "IL-TRE-023"


def test_thousands_of_new_files_land_as_they_are(project: Project) -> None:
    expected = {f"src/many/f{number}.txt": b"%d\r\n" % number for number in range(1500)}
    for name, data in expected.items():
        put(project.scratch, name, data)
    files = project.files(project.bring(SRC).tree)
    assert {name: files[name] for name in expected} == expected
    git("fsck", "--strict", at=project.repository.path)
