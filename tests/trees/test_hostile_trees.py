"""Trees made to harm whoever reads them: none does, and what was left out is said."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.trees.support import ANYTHING, Project, causes, commit_all, git, manifest, put, told

from interlock.adapters.trees import Import
from interlock.adapters.trees.entry import shown

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def text(data: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(data)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(path.parent)
        server.bind(path.name)


HOSTILE: dict[str, tuple[str | bytes, Callable[[Path], object], str]] = {
    "absolute link": ("src/x", link("/etc/passwd"), "a link that may lead out of the tree"),
    "link above": ("src/x", link("../../x"), "a link that may lead out of the tree"),
    "late dots": ("src/x", link("pkg/../../.."), "a link that may lead out of the tree"),
    "link into git": ("src/x", link("../.git/config"), "a link into a repository"),
    "link as gitmodules": (".gitmodules", link("src/m.py"), "a link with a name that git reads"),
    "fifo": ("src/x", os.mkfifo, "a fifo"),
    "socket": ("src/x", listening, "a socket"),
    "git file": ("src/sub/.git", text("gitdir: /tmp"), "a nested repository"),
    "upper case git": ("src/sub/.GIT", os.mkdir, "a nested repository"),
    "upper case git on top": (".GIT", os.mkdir, "a nested repository"),
    "short name of git": ("src/sub/git~1", text("x"), "a nested repository"),
    "git with a joiner": ("src/sub/.g\u200cit", text("x"), "a nested repository"),
    "git with a dot": ("src/sub/.git.", text("x"), "a nested repository"),
    "git with a space": ("src/sub/.git ", text("x"), "a nested repository"),
    "git as a stream": ("src/sub/.git:x", text("x"), "a nested repository"),
    "git behind a backslash": ("src/sub/a\\.git", text("x"), "a nested repository"),
    "no UTF-8": (b"src/\xff\xfe.py", text("x"), "the name is not UTF-8"),
    "newline": ("src/a\nb.py", text("x"), "the name holds control characters"),
    "escape": ("src/a\x1b[31m.py", text("x"), "the name holds control characters"),
    "turned around": ("src/a\u202egnp.py", text("x"), "the name holds control characters"),
    "pointer": ("src/big.bin", text(POINTER), "a pointer to a large file (LFS)"),
}


@pytest.mark.parametrize("name, make, why", HOSTILE.values(), ids=HOSTILE)
def test_hostile_name_is_refused_and_named(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    name: str | bytes,
    make: Callable[[Path], object],
    why: str,
) -> None:
    monkeypatch.chdir(project.scratch)
    path = project.scratch / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    make(path)
    put(project.scratch, "src/good.py", "good = 1\n")
    imported = project.bring()
    assert [change.path for change in imported.changes] == ["src/good.py"]
    (refused,) = imported.refused.items()
    assert refused[0] == shown(os.fsencode(name))
    assert refused[1].startswith(why)
    assert " → " in refused[1]
    project.revert(imported.reverts)
    again = project.bring()
    assert (again.tree, again.refused, again.reverts) == (imported.tree, {}, ())


def test_repository_inside_the_tree_is_refused_and_its_neighbours_land(project: Project) -> None:
    inner = project.scratch / "src/vendored"
    put(inner, "k.py", "k = 1\n")
    git("init", "-q", at=inner)
    imported = project.bring()
    assert [change.path for change in imported.changes] == ["src/vendored/k.py"]
    assert causes(imported) == {"src/vendored/.git": "a nested repository"}


@pytest.fixture
def deep(project: Project) -> Iterator[Path]:
    """A working copy with more directories in each other than a recursion gets through."""
    here = os.open(project.scratch / "src", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f", os.O_CREAT, dir_fd=here))
    os.close(here)
    yield project.scratch / "src/d"
    # pytest itself would not get through.
    subprocess.run(["rm", "-rf", project.scratch], check=True)


def test_deep_directories_are_refused_at_the_limit_and_removed(
    project: Project, deep: Path
) -> None:
    imported = project.bring()
    assert imported.tree == project.base.tree
    assert list(causes(imported).values()) == ["deeper than 64 levels"]
    project.revert(imported.reverts)
    assert not deep.exists()


@pytest.mark.parametrize(
    "name", ["src/it's.py", "src/ü/\u65e5\u672c.py", "src/-x", "src/a b", "src/\\x2d"]
)
def test_unusual_honest_names_land(project: Project, name: str) -> None:
    put(project.scratch, name, "x = 1\n")
    imported = project.bring()
    assert (imported.refused, [change.path for change in imported.changes]) == ({}, [name])


def test_setuid_is_dropped_and_the_owners_x_bit_counts(project: Project) -> None:
    put(project.scratch, "src/s", "s", 0o4755)
    put(project.scratch, "src/g", "g", 0o654)
    entries = project.repository.entries(project.bring().tree)
    assert (entries[b"src/s"].mode, entries[b"src/g"].mode) == (b"100755", b"100644")


def test_attributes_change_no_byte(project: Project) -> None:
    put(
        project.scratch,
        "src/.gitattributes",
        "*.crlf text eol=crlf\n*.id ident\n*.u16 working-tree-encoding=UTF-16LE-BOM text\n",
    )
    raw = {
        "src/a.crlf": b"1\r\n2\r\n",
        "src/a.id": b"$Id: forged $\n",
        "src/a.u16": "h\n".encode("utf-16"),
    }
    for name, data in raw.items():
        put(project.scratch, name, data)
    files = project.files(project.bring().tree)
    assert {name: files[name] for name in raw} == raw


@pytest.fixture
def odd(project: Project) -> Project:
    """A base that holds what may not be added."""
    user = project.user
    (user / "out").symlink_to("/etc/passwd")
    put(user, "big.bin", POINTER)
    put(user, b"odd-\xff.txt", "odd")
    put(user, "xt_MARK.h", "1")
    put(user, "xt_mark.h", "2")
    git("add", "-A", at=user)
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/sub", at=user)
    git("commit", "-q", "-m", "odd", at=user)
    shutil.rmtree(project.scratch)
    project.start()
    return project


def test_what_the_base_holds_is_kept_byte_for_byte(odd: Project) -> None:
    put(odd.scratch, "src/m.py", "x = 2\n")
    imported = odd.bring()
    assert imported.refused == {}
    before, after = odd.repository.entries(odd.base.tree), odd.repository.entries(imported.tree)
    assert {path for path in before if before[path] != after[path]} == {b"src/m.py"}
    assert before.keys() == after.keys()


def test_what_the_base_holds_may_not_be_changed(odd: Project) -> None:
    (odd.scratch / "out").unlink()
    put(odd.scratch, "out", "a file now")
    put(odd.scratch, "big.bin", "no pointer now")
    put(odd.scratch, b"odd-\xff.txt", "changed")
    shutil.rmtree(odd.scratch / "vendor")
    put(odd.scratch, "vendor/sub", "a file now")
    imported = odd.bring()
    assert imported.tree == odd.base.tree
    assert causes(imported) == {
        "big.bin": "a pointer to a large file (LFS) cannot be added or changed",
        '"odd-\\xff.txt"': "the name is not UTF-8",
        "out": "a link that leads out of the tree stays as it is",
        "vendor/sub": "a submodule stays as it is",
    }


def test_nothing_lands_below_a_submodule(odd: Project) -> None:
    put(odd.scratch, "vendor/sub/k.py", "x")
    imported = odd.bring()
    assert (imported.tree, list(imported.refused)) == (odd.base.tree, ["vendor/sub/k.py"])


def test_commit_of_a_submodule_is_no_content(odd: Project) -> None:
    """The start tree names this oid, but not as a file: it does not count as known."""
    entries = odd.repository.entries(odd.base.tree)
    said = {path: (e.mode, e.oid) for path, e in entries.items() if path != b"vendor/sub"}
    todo = Import(odd.repository, odd.base.tree, ANYTHING)
    oid = entries[b"vendor/sub"].oid
    assert told(todo, manifest({**said, b"src/x": (b"100644", oid)})) == [oid]
    assert todo.finish().tree == odd.base.tree


def test_copy_of_a_pointer_is_refused(odd: Project) -> None:
    shutil.copy(odd.scratch / "big.bin", odd.scratch / "src/copy.bin")
    assert list(odd.bring().refused) == ["src/copy.bin"]


def test_outward_link_copied_is_refused(odd: Project) -> None:
    (odd.scratch / "src/again").symlink_to("/etc/passwd")
    assert list(odd.bring().refused) == ["src/again"]


SWAPPER = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
print("ready", flush=True)
for _ in range(int(sys.argv[1])):
    libc.renameat2(-100, b"src/swap", -100, b"src/.other", 2)
    libc.renameat2(-100, b"src/dir", -100, b"src/.outside", 2)
print("done", flush=True)
"""


def test_swapping_names_while_they_are_read_leaks_nothing(project: Project, tmp_path: Path) -> None:
    secret = put(tmp_path, "secret/k.py", "the secret\n")
    put(project.scratch, "src/swap", "harmless\n")
    (project.scratch / "src/.other").symlink_to(secret)
    put(project.scratch, "src/dir/k.py", "harmless\n")
    (project.scratch / "src/.outside").symlink_to(secret.parent)
    swapper = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", SWAPPER, "3000000"],
        cwd=project.scratch,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert swapper.stdout is not None
        assert swapper.stdout.readline() == "ready\n"
        for _ in range(40):
            imported = project.bring()
            assert b"the secret\n" not in project.files(imported.tree).values()
            assert os.fsencode(secret) not in project.files(imported.tree).values()
    finally:
        swapper.kill()
        swapper.communicate()


def test_names_that_only_git_dislikes_are_refused_and_the_rest_lands(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second wall: with our own rules gone, git's silent omissions are still noticed."""
    monkeypatch.setattr("interlock.adapters.trees.imports.name_problem", lambda path: None)
    put(project.scratch, "src/sub/.git::$INDEX_ALLOCATION", "x")
    put(project.scratch, "src/good.py", "x")
    imported = project.bring()
    assert [change.path for change in imported.changes] == ["src/good.py"]
    assert list(causes(imported).values()) == ["git does not take this name"]


def test_base_with_collisions_can_be_edited(odd: Project) -> None:
    put(odd.scratch, "xt_mark.h", "3")
    assert odd.bring().refused == {}


def test_commit_in_the_base_after_the_odd_one_is_usable(odd: Project) -> None:
    put(odd.user, "src/m.py", "later")
    commit_all(odd.user)
    assert odd.repository.fetch_base(odd.user).commit != odd.base.commit
