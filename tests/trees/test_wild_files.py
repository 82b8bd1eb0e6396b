"""Files as agents and people make them: links, modes, sizes, depths, names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.trees.support import Project, allowed, causes, commit_all, git, put

from interlock.adapters.trees import Limits, names
from interlock.adapters.trees.changes import differing
from interlock.adapters.trees.entry import shown
from interlock.adapters.trees.names import unusable
from interlock.core.policy import pathshape
from interlock.supervisor.toolhost import steady, walk
from interlock.supervisor.toolhost.steady import MAX_FILE_BYTES


def anew(project: Project) -> Project:
    """The project on what its person's working tree holds now."""
    commit_all(project.user)
    shutil.rmtree(project.scratch)
    project.start()
    return project


# -- links ---------------------------------------------------------------------------------------


def test_links_within_the_tree_work_and_land(project: Project, tmp_path: Path) -> None:
    scratch = project.scratch
    links = {
        "src/again.py": "m.py",
        "src/up.md": "../docs/index.md",
        "src/folder": "pkg",
        "src/dangling": "not/there/yet",
        "src/pkg/self": "self",
        "root": ".",
    }
    for name, target in links.items():
        (scratch / name).symlink_to(target)
    imported = project.bring(allowed)
    assert imported.refused == {}
    files = project.files(imported.tree)
    assert {name: files[name].decode() for name in links} == links
    project.repository.export(imported.tree, tmp_path / "out")
    assert (tmp_path / "out/src/again.py").read_text() == "def m():\n    return 1\n"
    assert os.readlink(tmp_path / "out/root") == "."
    (scratch / "src/again.py").unlink()
    put(scratch, "src/again.py", "a file now\n")
    changed = project.bring(allowed, start=imported.tree)
    assert [change.path for change in changed.changes] == ["src/again.py"]


def test_an_outward_link_of_the_base_stays_and_no_other_lands(
    project: Project, tmp_path: Path
) -> None:
    secret = put(tmp_path, "secret", "the secret\n")
    (project.user / "src/out").symlink_to(secret)
    (project.user / "src/gone").symlink_to("../../../elsewhere")
    anew(project)
    before = project.repository.entries(project.base.tree)
    put(project.scratch, "src/m.py", "x\n")
    (project.scratch / "src/gone").unlink()
    (project.scratch / "src/gone").symlink_to("/etc/passwd")
    for name, target in (("src/new", str(secret)), ("src/climb", "pkg/../../../x")):
        (project.scratch / name).symlink_to(target)
    os.rename(project.scratch / "src/out", project.scratch / "src/moved")
    imported = project.bring(allowed)
    after = project.repository.entries(imported.tree)
    assert differing(before, after) == {b"src/m.py"}
    assert set(imported.refused) == {"src/climb", "src/gone", "src/moved", "src/new", "src/out"}
    project.revert(imported.reverts)
    assert os.readlink(project.scratch / "src/out") == str(secret)
    assert project.bring(allowed).refused == {}
    project.repository.export(imported.tree, tmp_path / "out")
    assert os.readlink(tmp_path / "out/src/out") == str(secret)
    assert secret.read_text() == "the secret\n"


# -- modes ---------------------------------------------------------------------------------------


def test_a_mode_is_whether_it_can_be_run(project: Project) -> None:
    modes = {"a": 0o666, "b": 0o600, "c": 0o4755, "d": 0o2644, "e": 0o111 | 0o400, "f": 0o777}
    for name, mode in modes.items():
        put(project.scratch, f"src/{name}", name, mode)
    (project.scratch / "src/run.sh").chmod(0o644)
    (project.scratch / "src/m.py").chmod(0o775)
    (project.scratch / "src/pkg").chmod(0o777)
    imported = project.bring(allowed)
    entries = project.repository.entries(imported.tree)
    runs = {path[4:].decode() for path, entry in entries.items() if entry.mode == b"100755"}
    assert runs & {*modes, "run.sh", "m.py"} == {"c", "e", "f", "m.py"}
    assert {entry.mode for entry in entries.values()} == {b"100644", b"100755"}
    assert {change.path for change in imported.changes} >= {"src/m.py", "src/run.sh"}


def test_a_forbidden_change_of_a_mode_is_undone(project: Project) -> None:
    (project.scratch / "tests/test_m.py").chmod(0o755)
    imported = project.bring(allowed)
    assert (imported.tree, list(imported.refused)) == (project.base.tree, ["tests/test_m.py"])
    project.revert(imported.reverts)
    assert (project.scratch / "tests/test_m.py").stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT RUN: root reads everything")
def test_what_an_agent_shuts_to_itself_is_kept_and_opened_again(project: Project) -> None:
    (project.scratch / "src/m.py").chmod(0)
    (project.scratch / "src/pkg").chmod(0)
    imported = project.bring(allowed)
    assert imported.tree == project.base.tree
    assert causes(imported) == dict.fromkeys(
        ("src/m.py", "src/pkg"), "unreadable: Permission denied"
    )
    project.revert(imported.reverts)
    assert project.bring(allowed).refused == {}


# -- sizes ---------------------------------------------------------------------------------------


def sparse(path: Path, size: int) -> None:
    """A file of zeros that takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def test_a_file_counts_by_what_is_read_from_it_and_the_limit_is_exact(
    project: Project, tmp_path: Path
) -> None:
    sparse(project.scratch / "src/at.bin", MAX_FILE_BYTES)
    sparse(project.scratch / "src/over.bin", MAX_FILE_BYTES + 1)
    sparse(project.scratch / "src/huge.bin", 1 << 42)
    imported = project.bring(allowed)
    assert [change.path for change in imported.changes] == ["src/at.bin"]
    assert causes(imported) == {
        "src/huge.bin": f"{1 << 42} bytes, {MAX_FILE_BYTES} are allowed",
        "src/over.bin": f"{MAX_FILE_BYTES + 1} bytes, {MAX_FILE_BYTES} are allowed",
    }
    project.revert(imported.reverts)
    assert not (project.scratch / "src/huge.bin").exists()
    limits = Limits(total_bytes=project.repository.total_bytes(project.base.tree) + MAX_FILE_BYTES)
    assert project.bring(allowed, limits=limits).refused == {}
    put(project.scratch, "src/more.py", "x")
    assert list(project.bring(allowed, limits=limits).refused) == ["src/more.py"]


def test_a_large_file_of_the_base_stays_and_every_change_of_it_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steady, "MAX_FILE_BYTES", 2000)
    large, limits = 2005, Limits(file_bytes=2000)
    for name in ("edited", "gone", "kept", "smaller", "mode"):
        sparse(project.user / f"data/{name}.bin", large)
        with (project.user / f"data/{name}.bin").open("r+b") as file:
            file.write(name.encode())
    put(project.user, "data/kept.bin.txt", "beside it")
    anew(project)
    with (project.scratch / "data/edited.bin").open("r+b") as file:
        file.write(b"EDIT")
    put(project.scratch, "data/smaller.bin", "small now")
    (project.scratch / "data/gone.bin").unlink()
    (project.scratch / "data/mode.bin").chmod(0o755)
    imported = project.bring(allowed, limits=limits)
    assert {change.path for change in imported.changes} == {
        "data/gone.bin",
        "data/mode.bin",
        "data/smaller.bin",
    }
    assert causes(imported) == {"data/edited.bin": "too large to be changed"}
    forbidden = project.bring(lambda path: "no → stay", limits=limits)
    assert forbidden.tree == project.base.tree
    assert set(forbidden.refused) == {
        f"data/{name}.bin" for name in ("edited", "gone", "mode", "smaller")
    }


@pytest.mark.parametrize(
    "entries", [40, pytest.param(50_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
def test_as_many_files_as_are_allowed_land_and_one_more_does_not(
    project: Project, entries: int
) -> None:
    limits = Limits(entries=entries) if entries != Limits().entries else None
    there = len(project.repository.entries(project.base.tree))
    for number in range(entries - there):
        put(project.scratch, f"src/many/d{number // 500}/f{number:05}.txt", str(number % 7))
    whole = project.bring(allowed, limits=limits)
    assert whole.refused == {}
    assert len(project.repository.entries(whole.tree)) == entries
    put(project.scratch, "src/many/z/one_more.txt", "1")
    over = project.bring(allowed, limits=limits)
    assert causes(over) == {
        "src/many/z/one_more.txt": f"the tree would hold more than {entries} files"
    }
    assert over.tree == whole.tree
    # From the full tree: what is removed makes room.
    (project.scratch / "src/many/d0/f00000.txt").unlink()
    swapped = project.bring(allowed, start=whole.tree, limits=limits)
    assert (swapped.refused, len(swapped.changes)) == ({}, 2)


def test_the_limits_are_those_that_are_documented() -> None:
    limits = Limits()
    assert (limits.entries, limits.total_bytes, limits.file_bytes) == (50_000, 512 << 20, 64 << 20)
    assert limits.file_bytes == MAX_FILE_BYTES
    assert walk.MAX_DEPTH == names.MAX_DEPTH == pathshape.MAX_DEPTH == 64


def test_the_limit_of_depth_is_exact(project: Project) -> None:
    put(project.scratch, "/".join(["src", *["d"] * 62, "at.py"]), "x")
    put(project.scratch, "/".join(["src", *["e"] * 63, "over.py"]), "x")
    imported = project.bring(allowed)
    assert [change.path.count("/") for change in imported.changes] == [63]
    assert causes(imported) == {"/".join(["src", *["e"] * 63]): "deeper than 64 levels"}


# -- names ---------------------------------------------------------------------------------------

HONEST = (
    "src/-rf",
    "src/--output=x",
    "src/#x",
    "src/$(touch x)",
    "src/`id`",
    "src/it's a file",
    "src/[a-z]*.py",
    "src/%s%n",
    "src/日本語/ü.py",
    "src/.gitkeep",
    "src/gitfile.git",
    "src/.github-like",
    "src/" + "n" * 255,
)
REFUSED = (
    b"src/new\nline",
    b"src/tab\there",
    b"src/bell\x07",
    b"src/back\\slash",
    b"src/\xff\xfe",
    b"src/cafe\xcc\x81",
    b"src/zero\xe2\x80\x8bwidth",
    b"src/turned\xe2\x80\xaearound",
    b"src/dot.",
    b"src/space ",
    b"src/ space",
    b"src/.git ",
    b"src/.git.",
    b"src/.GiT",
    b"src/GIT~1",
    b"src/.g\xe2\x80\x8dit",
    b"src/.git::$INDEX_ALLOCATION",
    b"src/PROGRA~1",
    b"src/.gitmodules",
)


def test_names_that_are_only_odd_land_and_come_out_as_they_are(
    project: Project, tmp_path: Path
) -> None:
    for name in HONEST:
        put(project.scratch, name, name)
    imported = project.bring(allowed)
    assert (imported.refused, imported.ignored) == ({}, ())
    assert {change.path for change in imported.changes} == set(HONEST)
    commit = project.repository.land(
        project.user, "interlock/t", imported.tree, project.base.commit, "message"
    )
    project.repository.export(imported.tree, tmp_path / "out")
    git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"), commit, at=project.user)
    for name in HONEST:
        assert (tmp_path / "out" / name).read_text() == name
        assert (tmp_path / "tree" / name).read_text() == name


def test_names_that_mean_something_else_elsewhere_are_refused_and_shown_safely(
    project: Project,
) -> None:
    for name in REFUSED:
        put(project.scratch, name, "x")
    put(project.scratch, "src/good.py", "x")
    imported = project.bring(allowed)
    assert [change.path for change in imported.changes] == ["src/good.py"]
    assert set(causes(imported)) == {shown(name) for name in REFUSED}
    for line in imported.refused:
        assert line.isprintable()
        assert line.isascii() or line == line.strip()
    project.revert(imported.reverts)
    assert project.bring(allowed).refused == {}


def test_a_path_is_shown_as_a_shell_would_take_it() -> None:
    for name in REFUSED:
        text = shown(name)
        if text.startswith('"'):
            said = subprocess.run(
                ["bash", "-c", f"printf %s $'{text[1:-1]}'"],
                env={"LC_ALL": "C.UTF-8"},
                capture_output=True,
                check=True,
            )
            assert said.stdout == name


def test_no_two_paths_are_shown_alike() -> None:
    names = [*REFUSED, b'src/"x"', b"src/x\\n", b"src/x\n", "src/café".encode(), b"src/caf\\u00e9"]
    names += [
        b"src/\\xff",
        b"src/\xff",
        "src/\x85".encode(),
        b"src/\x85",
        b'"src/x"',
        b"a /b",
        b"a/b",
    ]
    assert len({shown(name) for name in names}) == len(names)
    assert shown("src/café.py".encode()) == "src/café.py"


def test_odd_names_of_the_base_are_kept_and_only_named_when_they_change(project: Project) -> None:
    for name in REFUSED:
        if not unusable(name, b"100644") and name != b"src/.gitmodules":
            put(project.user, name, "base\n")
    anew(project)
    put(project.scratch, "src/m.py", "x\n")
    imported = project.bring(allowed)
    assert (imported.refused, len(imported.changes)) == ({}, 1)
    for name in (b"src/new\nline", b"src/\xff\xfe"):
        put(project.scratch, name, "changed\n")
    imported = project.bring(allowed)
    assert set(imported.refused) == {'"src/new\\nline"', '"src/\\xff\\xfe"'}
    project.revert(imported.reverts)
    assert project.bring(allowed).refused == {}
