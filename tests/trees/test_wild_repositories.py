"""Repositories as people have them: each gives a base and takes a branch, or says why not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.trees.support import Project, allowed, causes, commit_all, git, put

from interlock.adapters.located import locate
from interlock.adapters.trees import Repository
from interlock.adapters.trees.user import locate as user_repository
from interlock.errors import DeniedError, InvalidInputError, NotFoundError

STRANGER = 64998


def taken(user: Path, place: Path) -> Project:
    """A project on a repository, with a working copy."""
    project = Project(user, Repository.create(place / "repo.git", user), place / "scratch")
    project.start()
    return project


def land(project: Project, tree: str) -> str:
    """Land a tree; the commit."""
    return project.repository.land(
        project.user, "interlock/task_1", tree, project.base.commit, "message"
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the project's own things go."""
    (tmp_path / "ours").mkdir()
    return tmp_path / "ours"


# -- submodules and large files ------------------------------------------------------------------


@pytest.fixture
def superproject(user: Path, tmp_path: Path) -> Path:
    """A repository with a submodule that is checked out and edited."""
    library = tmp_path / "library"
    library.mkdir()
    git("init", "-q", "-b", "main", at=library)
    put(library, "lib.py", "lib = 1\n")
    commit_all(library)
    add = ("submodule", "--quiet", "add", str(library), "vendor/lib")
    git("-c", "protocol.file.allow=always", *add, at=user)
    commit_all(user)
    put(user, "vendor/lib/lib.py", "edited\n")
    return user


def test_a_submodule_stays_a_commit_and_is_not_populated(superproject: Path, place: Path) -> None:
    project = taken(superproject, place)
    assert project.base.uncommitted == ()
    before = project.repository.entries(project.base.tree)[b"vendor/lib"]
    assert before.mode == b"160000"
    assert list((project.scratch / "vendor/lib").iterdir()) == []
    (project.scratch / "vendor/lib").rmdir()
    put(project.scratch, "src/m.py", "x = 2\n")
    imported = project.bring(allowed)
    assert imported.refused == {}
    assert project.repository.entries(imported.tree)[b"vendor/lib"] == before
    commit = land(project, imported.tree)
    assert git("ls-tree", commit, "vendor/lib", at=superproject).startswith("160000 commit")
    assert (superproject / "vendor/lib/lib.py").read_text() == "edited\n"


def test_a_submodule_is_neither_added_nor_moved_nor_filled(superproject: Path, place: Path) -> None:
    project = taken(superproject, place)
    scratch = project.scratch
    put(scratch, "vendor/lib/lib.py", "filled\n")
    put(scratch, "vendor/new/code.py", "new\n")
    git("init", "-q", at=scratch / "vendor/new")
    commit_all(scratch / "vendor/new")
    put(scratch, ".gitmodules", '[submodule "new"]\n\tpath = vendor/new\n\turl = ext::evil\n')
    commit_all(scratch, "gitlinks mean nothing outside")
    imported = project.bring(allowed)
    assert [change.path for change in imported.changes] == ["vendor/new/code.py"]
    assert causes(imported) == {
        ".gitmodules": "is protected: git runs it, or lets it decide what is checked out, on the "
        "machines of others",
        "vendor/lib/lib.py": "it is below a file that stays",
        "vendor/new/.git": "a nested repository",
    }
    project.revert(imported.reverts)
    assert project.bring(allowed).refused == {}


def test_a_pointer_to_a_large_file_is_kept_and_its_filter_never_run(
    user: Path, place: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n"
    put(user, ".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    put(user, "data/big.bin", pointer)
    commit_all(user)
    for name in ("clean", "smudge", "process"):
        git("config", f"filter.lfs.{name}", f"touch {marker}; cat", at=user)
    git("config", "filter.lfs.required", "true", at=user)
    # What the filter makes of it in the person's working tree.
    put(user, "data/big.bin", "the large content itself\n")
    project = taken(user, place)
    assert project.base.uncommitted == ()
    assert (project.scratch / "data/big.bin").read_bytes() == pointer
    put(project.scratch, "data/big.bin", pointer.replace(b"ab", b"cd"))
    put(project.scratch, "data/other.bin", pointer)
    put(project.scratch, "src/m.py", "x = 2\n")
    imported = project.bring(allowed)
    assert set(imported.refused) == {"data/big.bin", "data/other.bin"}
    land(project, imported.tree)
    project.repository.export(imported.tree, tmp_path / "out")
    assert (tmp_path / "out/data/big.bin").read_bytes() == pointer
    assert not marker.exists()


# -- line ends and attributes --------------------------------------------------------------------


def test_line_ends_are_nobodys_but_the_files(
    user: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person's git converts, by attributes and by settings: what is judged and lands is raw."""
    config = put(tmp_path, "gitconfig", "[core]\n\tautocrlf = true\n\teol = crlf\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    attributes = "*.crlf text eol=crlf\n*.u16 text working-tree-encoding=UTF-16LE-BOM\n*.id ident\n"
    put(user, ".gitattributes", attributes)
    for name in ("a.crlf", "a.txt"):
        put(user, name, "1\r\n2\r\n")
    put(user, "a.u16", "h\n".encode("utf-16"))
    put(user, "a.id", "$Id$\n")
    commit_all(user)
    clone = tmp_path / "clone"
    git("clone", "-q", str(user), str(clone), at=tmp_path)
    assert (clone / "src/m.py").read_bytes() == b"def m():\r\n    return 1\r\n"
    os.utime(clone / "src/m.py")
    project = taken(clone, place)
    assert project.base.uncommitted == ()
    assert (project.scratch / "src/m.py").read_bytes() == b"def m():\n    return 1\n"
    assert (project.scratch / "a.crlf").read_bytes() == b"1\n2\n"
    assert (project.scratch / "a.u16").read_bytes() == b"h\n"
    raw = {
        "a.crlf": b"1\r\n2\n",
        "a.u16": "j\n".encode("utf-16"),
        "a.id": b"$Id: forged $\n",
        "new.crlf": b"\r\r\n",
        "src/m.py": b"x\r\n",
    }
    for name, data in raw.items():
        put(project.scratch, name, data)
    imported = project.bring(allowed)
    project.repository.export(imported.tree, tmp_path / "out")
    commit = land(project, imported.tree)
    for name, data in raw.items():
        assert (tmp_path / "out" / name).read_bytes() == data
        assert user_repository(clone).read(name, commit) == data


# -- kinds of repositories -----------------------------------------------------------------------


def test_objects_that_are_somewhere_else_are_copied(
    user: Path, place: Path, tmp_path: Path
) -> None:
    git("clone", "-q", "--shared", str(user), str(tmp_path / "shared"), at=tmp_path)
    project = taken(tmp_path / "shared", place)
    assert not list(project.repository.path.glob("objects/info/alternates"))
    shutil.rmtree(user)
    put(project.scratch, "src/m.py", "x = 2\n")
    imported = project.bring(allowed)
    git("fsck", "--strict", at=project.repository.path)
    assert project.files(imported.tree)["docs/index.md"] == b"# Docs\n"


@pytest.fixture
def origin(user: Path) -> Path:
    """A repository with some history, which partial clones may be made of."""
    for number in range(3):
        put(user, "src/m.py", f"m = {number}\n")
        put(user, "docs/index.md", f"# {number}\n")
        commit_all(user)
    git("config", "uploadpack.allowFilter", "true", at=user)
    return user


def partial(origin: Path, at: Path, *options: str) -> Path:
    """A clone without the contents of history."""
    clone = ("clone", "-q", "--filter=blob:none", *options, f"file://{origin}", str(at))
    git(*clone, at=at.parent)
    return at


def test_a_partial_clone_gives_what_it_checked_out_without_history(
    origin: Path, place: Path, tmp_path: Path
) -> None:
    project = taken(partial(origin, tmp_path / "partial"), place)
    assert project.files(project.base.tree)["src/m.py"] == b"m = 2\n"
    assert git("log", "--format=%H", at=project.scratch) == project.base.commit
    put(project.scratch, "src/m.py", "m = 3\n")
    commit = land(project, project.bring(allowed).tree)
    assert git("rev-parse", f"{commit}^", at=project.user) == project.base.commit
    put(project.user, "src/m.py", "m = 4\n")
    commit_all(project.user)
    project.scratch = place / "next"
    project.start()
    git("fsck", at=project.scratch)


def test_a_partial_clone_that_lacks_files_says_how_to_get_them(
    origin: Path, place: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    clone = partial(origin, tmp_path / "partial", "--no-checkout")
    # Fetching what is missing would run a program that the repository names.
    git("config", "protocol.ext.allow", "always", at=clone)
    git("config", "remote.origin.url", f"ext::sh -c 'touch {marker}'", at=clone)
    with pytest.raises(InvalidInputError) as caught:
        taken(clone, place)
    assert caught.value.code == "IL-TRE-006"
    assert "git fetch --refetch --no-filter" in caught.value.remedy
    assert "\n" not in caught.value.message
    assert not marker.exists()


def test_a_damaged_repository_says_what_is_missing(user: Path, place: Path) -> None:
    oid = git("rev-parse", "HEAD:src/m.py", at=user)
    (user / ".git/objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(InvalidInputError) as caught:
        taken(user, place)
    assert (caught.value.code, caught.value.remedy) == ("IL-TRE-006", "git fsck")
    assert oid in caught.value.message


def test_a_sparse_working_tree_is_whole_for_the_agent(user: Path, place: Path) -> None:
    git("update-index", "-q", "--refresh", at=user)
    git("sparse-checkout", "set", "--cone", "--sparse-index", "docs", at=user)
    assert not (user / "src").exists()
    project = taken(user, place)
    assert project.base.uncommitted == ()
    assert (project.scratch / "src/m.py").exists()
    put(project.scratch, "src/m.py", "x = 2\n")
    land(project, project.bring(allowed).tree)
    assert git("status", "--porcelain", at=user) == ""


@pytest.mark.parametrize("kind", ["sha256", "unborn", "broken head", "no repository"])
def test_what_is_no_base_is_said_with_a_remedy(tmp_path: Path, place: Path, kind: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    if kind != "no repository":
        git("init", "-q", f"--object-format={'sha256' if kind == 'sha256' else 'sha1'}", at=other)
    if kind == "sha256":
        commit_all(other)
    if kind == "broken head":
        put(other, ".git/HEAD", "1" * 40 + "\n")
    with pytest.raises((InvalidInputError, NotFoundError)) as caught:
        taken(other, place)
    assert str(other) in caught.value.message
    assert caught.value.remedy.startswith("git ")


def test_a_bare_repository_says_where_to_go(user: Path, tmp_path: Path) -> None:
    git("clone", "-q", "--bare", str(user), str(tmp_path / "bare.git"), at=tmp_path)
    with pytest.raises(InvalidInputError) as caught:
        locate(tmp_path / "bare.git").top()
    assert "worktree add" in caught.value.remedy


# -- a working tree that somebody works in -------------------------------------------------------


def state_of(user: Path) -> tuple[str, str, dict[str, bytes]]:
    """Everything that a person would notice."""
    files = {
        str(path.relative_to(user)): path.read_bytes()
        for path in user.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(user).parts
    }
    return git("status", "--porcelain", at=user), git("ls-files", "--stage", at=user), files


def test_what_a_person_is_working_on_stays_as_it_is_and_is_named(user: Path, place: Path) -> None:
    put(user, "src/m.py", "staged\n")
    put(user, "src/added.py", "staged\n")
    git("add", "-A", at=user)
    put(user, "src/m.py", "edited after that\n")
    put(user, "docs/notes.md", "untracked\n")
    put(user, "a\tb", "untracked\n")
    (user / "src/run.sh").chmod(0o644)
    (user / "tests/test_m.py").unlink()
    put(user, "build/out", "ignored\n")
    before = state_of(user)
    project = taken(user, place)
    assert project.base.uncommitted == (
        '"a\\tb"',
        "docs/notes.md",
        "src/added.py",
        "src/m.py",
        "src/run.sh",
        "tests/test_m.py",
    )
    put(project.scratch, "src/m.py", "the agent's\n")
    land(project, project.bring(allowed).tree)
    assert state_of(user) == before


def test_the_persons_own_ignored_files_are_not_named(
    user: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "ignored", "*.swp\n")
    config = put(tmp_path, "gitconfig", f"[core]\n\texcludesFile = {tmp_path}/ignored\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    put(user, ".m.py.swp", "")
    put(user, "own.txt", "")
    put(user, ".git/info/exclude", "own.txt\n")
    assert taken(user, place).base.uncommitted == ()


# -- whose it is ---------------------------------------------------------------------------------


def as_another(path: Path) -> list[str]:
    """What an ordinary user is told about a repository: code, message, remedy."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(STRANGER)
            os.setuid(STRANGER)
            user_repository(path).commit("HEAD")
        except DeniedError as error:
            os.write(into, "\n".join((error.code, error.message, error.remedy)).encode())
        finally:
            os._exit(0)
    os.close(into)
    os.waitpid(child, 0)
    with os.fdopen(out) as said:
        return said.read().split("\n")


@pytest.fixture
def reachable(user: Path) -> Iterator[Path]:
    """The person's repository where every user reaches it."""
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: only root can be somebody else")
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield user.rename(Path(name) / "user")


def test_somebody_elses_repository_is_refused_to_an_ordinary_user(reachable: Path) -> None:
    code, message, remedy = as_another(reachable)
    assert code == "IL-TRE-024"
    assert f"belongs to user 0; user {STRANGER} cannot commit to it" in message
    assert remedy.startswith(f"git clone {reachable}")


def test_a_repository_above_that_is_somebody_elses_is_named(reachable: Path) -> None:
    os.chown(reachable / "src", STRANGER, STRANGER)
    with pytest.raises(NotFoundError, match=r"belongs to somebody else"):
        locate(reachable / "src")


def test_access_is_a_question_of_writing(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository that a group shares is somebody else's, and still one's own to commit to."""
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    user_repository(user).place.require_access()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DeniedError):
        user_repository(user)
