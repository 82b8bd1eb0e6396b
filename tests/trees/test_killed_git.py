"""A git that somebody kills is no fault of whoever waits for it, and leaves nothing in the way."""

from __future__ import annotations

import os
import time

import pytest
from tests.trees.support import Project, commit_all, git, put

from interlock.adapters.git import Git, GitFailed
from interlock.adapters.trees.leftovers import remove_leftovers
from interlock.errors import ConflictError, UnavailableError

REF = "refs/interlock/task_1/1/start"
BRANCH = "refs/heads/interlock/task_1"


def _dying(project: Project, shell: str) -> Git:
    """A git that runs ``shell`` for ``git dies``."""
    return Git(project.repository.path, settings={"alias.dies": f"!{shell}"})


def test_a_killed_git_may_be_tried_again(project: Project) -> None:
    with pytest.raises(UnavailableError, match="ended by signal 9") as caught:
        _dying(project, "kill -9 $PPID; sleep 5").run("dies")
    assert caught.value.code == "IL-GIT-005"


def test_what_a_reader_makes_of_a_cut_output_is_not_believed(project: Project) -> None:
    dying = _dying(project, "echo part; kill -9 $PPID")
    with pytest.raises(UnavailableError, match="signal 9"), dying.stream("dies", stdin=()) as out:
        raise ValueError(f"not whole: {out.read()!r}")


def test_a_reader_that_fails_by_itself_is_told_so(project: Project) -> None:
    slow = _dying(project, "echo part; sleep 5")
    with pytest.raises(ValueError, match="mine"), slow.stream("dies", stdin=()) as out:
        raise ValueError(f"mine: {out.readline()!r}")


def test_objects_that_stop_coming_are_no_broken_base(project: Project) -> None:
    source = _dying(project, "kill -9 $PPID")
    target = Git(project.user / ".git")
    with pytest.raises(UnavailableError), source.stream("dies", stdin=()) as pack:
        target.take_pack(pack)


@pytest.mark.parametrize("age", [0, 60])
def test_a_lock_of_a_killed_git_holds_a_ref_up_for_a_moment_only(
    project: Project, age: int
) -> None:
    places = (project.repository.path / f"{REF}.lock", project.user / ".git" / f"{BRANCH}.lock")
    for lock in places:
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
        os.utime(lock, (time.time() - age,) * 2)
    tree, parent = project.base.tree, project.base.commit

    def keep() -> str:
        return project.repository.keep(tree, REF, parent=parent)

    def land() -> str:
        branch = BRANCH.removeprefix("refs/heads/")
        return project.repository.land(project.user, branch, tree, parent, "message")

    if age:
        assert keep() == git("rev-parse", REF, at=project.repository.path)
        assert land() == git("rev-parse", BRANCH, at=project.user)
    else:
        for action in (keep, land):
            with pytest.raises(UnavailableError) as caught:
                action()
            assert caught.value.code == "IL-TRE-023"


def test_a_ref_that_keeps_something_else_is_still_a_conflict(project: Project) -> None:
    parent = project.base.commit
    project.repository.keep(project.base.tree, REF, parent=parent)
    put(project.user, "x", "y")
    other = git("rev-parse", f"{commit_all(project.user)}^{{tree}}", at=project.user)
    project.repository.fetch_base(project.user)
    with pytest.raises(ConflictError):
        project.repository.keep(other, REF, parent=parent)


def test_nothing_of_a_killed_git_stays_in_our_repository(project: Project) -> None:
    place = project.repository.path
    left = [
        *("interlock/tmp1/index", "interlock/tmp1/index.lock", f"{REF}.lock", "packed-refs.lock"),
        *("shallow.lock", "tmpabc", "objects/pack/tmp_pack_a", "objects/ab/tmp_obj_x"),
        *("objects/tmp_objdir-incoming-1/x", "objects/pack/.tmp-1.idx"),
    ]
    for name in left:
        put(place, name, "")
    before = {path for path in place.rglob("*") if path.is_file()} - {place / n for n in left}
    remove_leftovers(place)
    assert {path for path in place.rglob("*") if path.is_file()} == before
    assert not any((place / "interlock").iterdir())
    git("fsck", "--strict", at=place)


def test_a_command_that_fails_by_itself_still_says_how(project: Project) -> None:
    with pytest.raises(GitFailed, match="ended with 3"):
        _dying(project, "exit 3").run("dies")
