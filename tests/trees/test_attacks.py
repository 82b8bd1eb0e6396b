"""What was seen to work against a careless server, tried against this one; with a control each."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.trees.support import Project, allowed, git, put

from interlock.adapters import gitconfig
from interlock.adapters.git import Git, GitFailed

SECRET = "the secret\n"


@pytest.fixture
def swapping(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path], None]:
    """Puts one name in place of another in the moment before it is opened, however often."""

    def arm(name: Path, other: Path) -> None:
        really = os.open

        def late(path: bytes | str, flags: int, *args: int, dir_fd: int | None = None) -> int:
            if os.fsencode(path) == os.fsencode(name.name) and other.is_symlink():
                name.rename(name.with_name("aside"))
                other.rename(name)
            return really(path, flags, *args, dir_fd=dir_fd)

        monkeypatch.setattr(os, "open", late)

    return arm


def test_a_file_that_becomes_a_link_as_it_is_opened_is_not_followed(
    project: Project, tmp_path: Path, swapping: Callable[[Path, Path], None]
) -> None:
    secret = put(tmp_path, "secret", SECRET)
    target = put(project.scratch, "src/swap.py", "y" * len(SECRET))
    (project.scratch / "src/link").symlink_to(secret)
    swapping(target, project.scratch / "src/link")
    imported = project.bring(allowed)
    assert target.is_symlink(), "the names were swapped"
    assert SECRET.encode() not in project.files(imported.tree).values()
    assert "src/swap.py" in imported.refused


def test_a_directory_that_becomes_a_link_as_it_is_entered_is_not_followed(
    project: Project, tmp_path: Path, swapping: Callable[[Path, Path], None]
) -> None:
    outside = put(tmp_path, "outside/secret.py", SECRET).parent
    (project.scratch / "src/link").symlink_to(outside)
    swapping(project.scratch / "src/pkg", project.scratch / "src/link")
    imported = project.bring(allowed)
    assert (project.scratch / "src/pkg").is_symlink(), "the names were swapped"
    assert SECRET.encode() not in project.files(imported.tree).values()
    # Its absence is no deletion either.
    assert imported.tree == project.base.tree
    assert "src/pkg" in imported.refused


EVIL = "print('evil')\n"


def bytecode(place: Path, source: str, into: Path) -> None:
    """Bytecode of another source, which Python runs without a look at the one beside it."""
    code = put(place, "other.py", source)
    into.parent.mkdir(exist_ok=True)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(code), cfile=str(into), invalidation_mode=mode)


def said(tree: Path) -> str:
    """What a module prints when it is imported."""
    program = "import sys; sys.path.insert(0, 'src'); import honest"
    command = [sys.executable, "-I", "-B", "-c", program]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=True).stdout


def test_bytecode_that_runs_instead_of_its_source_stays_out(
    project: Project, tmp_path: Path
) -> None:
    put(project.scratch, "src/honest.py", "print('honest')\n")
    name = f"honest.cpython-{sys.version_info.major}{sys.version_info.minor}.pyc"
    bytecode(tmp_path, EVIL, project.scratch / "src/__pycache__" / name)
    bytecode(tmp_path, EVIL, project.scratch / "src/legacy.pyc")
    assert said(project.scratch) == "evil\n", "the trap works"
    imported = project.bring(allowed)
    assert set(imported.refused) == {"src/__pycache__/", "src/legacy.pyc"}
    project.repository.export(imported.tree, tmp_path / "out")
    assert said(tmp_path / "out") == "honest\n"
    assert list(tmp_path.glob("out/**/*.pyc")) == []


RAW = {
    ".gitattributes": b"*.crlf text eol=crlf\n*.id ident export-subst\n*.u16 text "
    b"working-tree-encoding=UTF-16LE-BOM\nhidden.py export-ignore\n* filter=x\n",
    "a.crlf": b"1\n2\n",
    "a.id": b"$Id$ $Format:%H$\n",
    "a.u16": b"h\n",
    "hidden.py": b"hidden = 1\n",
}


def test_no_attribute_of_a_tree_counts_in_the_repository_that_holds_the_truth(
    project: Project, tmp_path: Path
) -> None:
    """Also for a person who looks at it with their own git."""
    tree = project.repository.replace(project.base.tree, RAW)

    def exported(repository: Path) -> dict[str, bytes]:
        out = Path(tempfile.mkdtemp(dir=tmp_path))
        archive = out / "all.tar"
        git("archive", f"--output={archive}", tree, at=repository)
        subprocess.run(["tar", "xf", archive], cwd=out, check=True)
        return {name: (out / name).read_bytes() for name in RAW if (out / name).exists()}

    assert exported(project.repository.path) == RAW
    (project.repository.path / "info/attributes").unlink()
    assert exported(project.repository.path) != RAW, "the attributes would count"


def test_no_repository_above_our_own_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anyone may put one in a directory for temporary files that all share."""
    git("init", "-q", at=tmp_path)
    monkeypatch.setattr(gitconfig, "_PLACE", gitconfig._Place())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert gitconfig.home().parent == tmp_path
    assert git("rev-parse", "--git-dir", at=gitconfig.home() / "hooks"), "it is there to be found"
    with pytest.raises(GitFailed):
        Git(None).run("rev-parse", "--git-dir")


def test_the_global_configuration_is_a_file_of_ours() -> None:
    """git replaces it by rename when it writes it: as root even a device."""
    file = Path(gitconfig.environment(gitconfig.home())["GIT_CONFIG_GLOBAL"])
    assert file.is_file()
    assert not file.is_symlink()
    assert file.parent == gitconfig.home()
    assert file.stat().st_uid == os.geteuid()


def test_nothing_is_left_of_an_index(project: Project) -> None:
    """Each tree is written through an index of its own: two at once do not meet."""
    put(project.scratch, "src/m.py", "x = 2\n")
    project.bring(allowed)
    project.repository.replace(project.base.tree, {"src/m.py": b"x = 3\n"})
    names = {path.name for path in project.repository.path.rglob("*")}
    assert not {"index", "index.lock"} & names


@pytest.mark.parametrize("control", [True, False])
def test_programs_that_a_repository_names_are_not_run(
    user: Path, tmp_path: Path, control: bool
) -> None:
    """The same command by a git that nothing holds back runs them all."""
    program = put(tmp_path, "trap", f"#!/bin/sh\necho $0 >>{tmp_path}/ran\n", 0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "reference-transaction").symlink_to(program)
    put(tmp_path, "more", f"[core]\n\tfsmonitor = {program}\n")
    for key, value in {
        "include.path": str(tmp_path / "more"),
        "core.hooksPath": str(hooks),
        "diff.external": str(program),
        "core.sshCommand": str(program),
        "uploadpack.packObjectsHook": str(program),
        "protocol.allow": "always",
    }.items():
        git("config", key, value, at=user)
    put(user, "src/m.py", "another\n")
    commands = (
        ("status", "--porcelain"),
        ("update-ref", "refs/heads/new", "HEAD"),
        ("diff", "HEAD"),
        ("ls-remote", "ssh://localhost/x"),
    )
    for words in commands:
        if control:
            subprocess.run(
                ["git", *words], cwd=user, capture_output=True, check=False, env={**os.environ}
            )
        else:
            Git(user / ".git").run(*words, work_tree=user, accept=(0, 1, 128))
        ran = (tmp_path / "ran").exists()
        assert ran is control, words
        (tmp_path / "ran").unlink(missing_ok=True)
