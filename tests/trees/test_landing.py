"""A judged tree becomes a branch of the person's repository, and nothing else of it changes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.trees.support import Project, commit_all, git, put

from interlock.errors import ConflictError, InvalidInputError

MESSAGE = "Do it\n\nInterlock-Task: task_1\nInterlock-Tree: x\nInterlock-Attestation: y\n"
STRANGER = 64998


def tree_of(project: Project, data: bytes = b"x = 2\n") -> str:
    return project.repository.replace(project.base.tree, {"src/m.py": data})


def land(project: Project, branch: str = "interlock/task_1", **more: str) -> str:
    tree = tree_of(project)
    return project.repository.land(project.user, branch, tree, project.base.commit, MESSAGE, **more)


def everything(root: Path) -> dict[str, str]:
    """Digest of every file, without objects and refs."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and not {"objects", "refs"} & set(path.relative_to(root).parts)
    }


def test_branch_is_one_commit_with_exactly_the_tree(project: Project) -> None:
    before = everything(project.user)
    commit = land(project)
    assert git("rev-parse", "interlock/task_1", at=project.user) == commit
    assert git("rev-parse", f"{commit}^{{tree}}", at=project.user) == tree_of(project)
    assert git("rev-parse", f"{commit}^@", at=project.user) == project.base.commit
    trailers = git("log", "-1", "--format=%(trailers)", commit, at=project.user)
    assert trailers.splitlines()[0] == "Interlock-Task: task_1"
    who = git("log", "-1", "--format=%an %ae %cn %ce", commit, at=project.user)
    assert who == "interlock interlock@localhost interlock interlock@localhost"
    assert everything(project.user) == before
    assert git("status", "--porcelain", at=project.user) == ""
    git("fsck", "--strict", at=project.user)


def test_author_is_the_one_that_is_given(project: Project) -> None:
    commit = land(project, author="Ann O'N <ann@example.org>")
    who = git("log", "-1", "--format=%an|%ae|%cn", commit, at=project.user)
    assert who == "Ann O'N|ann@example.org|interlock"


@pytest.mark.parametrize("author", ["Ann", "Ann <a>\nEvil: x", "<a@b>", "A <b> <c>"])
def test_malformed_author_is_refused(project: Project, author: str) -> None:
    with pytest.raises(InvalidInputError):
        land(project, author=author)


def test_landing_again_is_the_same(project: Project) -> None:
    assert land(project) == land(project)


def test_branch_that_exists_is_not_overwritten(project: Project) -> None:
    git("branch", "interlock/task_1", at=project.user)
    with pytest.raises(ConflictError) as caught:
        land(project)
    assert caught.value.code == "IL-TRE-011"
    at = git("rev-parse", "interlock/task_1", at=project.user)
    assert at == project.base.commit


def test_branch_moves_only_from_where_it_was_expected(project: Project) -> None:
    first = land(project)
    tree = tree_of(project, b"x = 3\n")
    base = project.base.commit
    arguments = (project.user, "interlock/task_1", tree, base, MESSAGE)
    with pytest.raises(ConflictError):
        project.repository.land(*arguments, expected=base)
    second = project.repository.land(*arguments, expected=first)
    assert git("rev-parse", "interlock/task_1", at=project.user) == second


def test_branch_below_another_branch_is_a_conflict(project: Project) -> None:
    git("branch", "interlock", at=project.user)
    with pytest.raises(ConflictError):
        land(project)


@pytest.mark.parametrize("prepare", ["switch", "unborn", "worktree"])
def test_branch_that_somebody_is_on_is_refused(
    project: Project, tmp_path: Path, prepare: str
) -> None:
    match prepare:
        case "switch":
            git("switch", "-q", "-c", "interlock/task_1", at=project.user)
        case "unborn":
            git("switch", "-q", "--orphan", "interlock/task_1", at=project.user)
        case _:
            other = str(tmp_path / "other")
            git("worktree", "add", "-q", "-b", "interlock/task_1", other, at=project.user)
    with pytest.raises(ConflictError) as caught:
        land(project, expected=project.base.commit)
    assert caught.value.code == "IL-TRE-010"


@pytest.mark.parametrize("branch", ["", "a..b", "a b", "x.lock", "../main", "a\nb", "@{1}"])
def test_name_that_is_no_branch_is_refused(project: Project, branch: str) -> None:
    with pytest.raises(InvalidInputError):
        land(project, branch)


def test_lost_parent_is_a_conflict_and_leaves_no_branch(project: Project) -> None:
    git("commit", "-q", "--amend", "-m", "rewritten", at=project.user)
    git("reflog", "expire", "--expire=now", "--all", at=project.user)
    git("gc", "-q", "--prune=now", at=project.user)
    with pytest.raises(ConflictError) as caught:
        land(project)
    assert caught.value.code == "IL-TRE-013"
    assert git("branch", "--list", "interlock/*", at=project.user) == ""


def test_it_lands_beside_commits_made_meanwhile(project: Project) -> None:
    put(project.user, "src/later.py", "")
    commit_all(project.user)
    assert git("rev-parse", f"{land(project)}^", at=project.user) == project.base.commit


@pytest.mark.parametrize("place", ["worktree", "subdirectory", "bare", "shallow"])
def test_it_lands_in_every_kind_of_repository(project: Project, tmp_path: Path, place: str) -> None:
    at = tmp_path / "other"
    match place:
        case "worktree":
            git("worktree", "add", "-q", "-b", "side", str(at), at=project.user)
        case "subdirectory":
            at = project.user / "src" / "pkg"
        case "bare":
            git("clone", "-q", "--bare", str(project.user), str(at), at=tmp_path)
        case _:
            source = f"file://{project.user}"
            git("clone", "-q", "--depth=1", source, str(at), at=tmp_path)
    project.user = at
    commit = land(project)
    assert git("rev-parse", "refs/heads/interlock/task_1", at=at) == commit


@pytest.fixture
def somebody_elses(project: Project) -> Iterator[Project]:
    """The person's repository given to another uid, at a place which that uid reaches."""
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: only root can serve somebody else's repository")
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        project.user = project.user.rename(Path(place) / "user")
        for path in (project.user, *project.user.rglob("*")):
            os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
        yield project


def test_root_leaves_nothing_of_its_own_in_somebody_elses_repository(
    somebody_elses: Project,
) -> None:
    project = somebody_elses
    (project.user / "docs/index.md").unlink()
    assert project.repository.fetch_base(project.user).uncommitted == ("docs/index.md",)
    land(project)
    owners = {path.lstat().st_uid for path in project.user.rglob("*")}
    assert owners == {STRANGER}
    assert {path.lstat().st_uid for path in project.repository.path.rglob("*")} == {0}
