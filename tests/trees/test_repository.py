"""The bare repository: bases come in from every kind of repository, trees are kept and read."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trees.support import EMPTY_TREE, Project, commit_all, git, put

from interlock.adapters.git import GitFailed
from interlock.adapters.trees import Repository
from interlock.adapters.trees.entry import shown
from interlock.core.facts import ChangeKind, TreeChange
from interlock.errors import ConflictError, InvalidInputError, NotFoundError


@pytest.fixture
def fresh(user: Path, tmp_path: Path) -> Repository:
    """A repository of ours that has nothing yet."""
    return Repository.create(tmp_path / "fresh.git", user)


def test_nobody_else_can_read_it(fresh: Repository) -> None:
    assert stat.S_IMODE(fresh.path.stat().st_mode) == 0o700


def test_making_it_again_keeps_what_it_has(user: Path, fresh: Repository) -> None:
    base = fresh.fetch_base(user)
    again = Repository.create(fresh.path, user)
    assert again.entries(base.tree)


def test_opening_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        Repository.open(tmp_path)


def test_base_is_the_commit_and_not_the_working_tree(user: Path, fresh: Repository) -> None:
    clean = fresh.fetch_base(user)
    assert clean.uncommitted == ()
    put(user, "src/m.py", "edited")
    dirty = fresh.fetch_base(user)
    assert dirty.uncommitted == ("src/m.py",)
    assert (dirty.commit, dirty.tree) == (clean.commit, clean.tree)
    assert fresh.read(dirty.tree, "src/m.py") == b"def m():\n    return 1\n"
    git("add", "src/m.py", at=user)
    put(user, "notes/own.txt", "mine")
    put(user, "build/x", "ignored")
    assert fresh.fetch_base(user).uncommitted == ("notes/", "src/m.py")


def test_detached_head_and_other_revisions_are_bases(user: Path, fresh: Repository) -> None:
    first = git("rev-parse", "HEAD", at=user)
    put(user, "src/m.py", "later")
    commit_all(user)
    git("tag", "-a", "v1", "-m", "v1", at=user)
    git("switch", "-q", "--detach", "HEAD~1", at=user)
    assert fresh.fetch_base(user).commit == first
    assert fresh.fetch_base(user, "main").commit == fresh.fetch_base(user, "v1").commit != first


@pytest.mark.parametrize("revision", ["nothing", "--all", "-h", "HEAD:src", "HEAD^{tree}"])
def test_revision_that_is_no_commit_is_not_found(
    user: Path, fresh: Repository, revision: str
) -> None:
    with pytest.raises(NotFoundError):
        fresh.fetch_base(user, revision)


def test_repository_without_a_commit_says_how_to_make_one(
    tmp_path: Path, fresh: Repository
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git("init", "-q", at=empty)
    with pytest.raises(InvalidInputError) as caught:
        fresh.fetch_base(empty)
    assert "git commit --allow-empty" in caught.value.remedy


def test_empty_commit_is_a_base(tmp_path: Path, fresh: Repository) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git("init", "-q", at=empty)
    commit_all(empty)
    base = fresh.fetch_base(empty)
    assert base.tree == EMPTY_TREE
    assert fresh.entries(base.tree) == {}
    tree = fresh.replace(base.tree, {"tests/test_first.py": b"x"})
    assert list(fresh.entries(tree)) == [b"tests/test_first.py"]


@pytest.mark.parametrize("name", ["missing", "plain", "file"])
def test_place_without_repository_is_not_found(
    tmp_path: Path, fresh: Repository, name: str
) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(NotFoundError) as caught:
        fresh.fetch_base(tmp_path / name)
    assert caught.value.code == "IL-TRE-001"


def test_repository_of_somebody_else_above_is_not_taken(user: Path, fresh: Repository) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: only root can give files away")
    os.chown(user / "src", 64998, 64998)
    with pytest.raises(NotFoundError):
        fresh.fetch_base(user / "src")


def test_part_of_a_repository_stands_for_all_of_it(user: Path, fresh: Repository) -> None:
    assert b"docs/index.md" in fresh.entries(fresh.fetch_base(user / "src" / "pkg").tree)


def test_linked_working_tree_has_its_own_head(
    user: Path, tmp_path: Path, fresh: Repository
) -> None:
    other = tmp_path / "other"
    git("worktree", "add", "-q", "-b", "side", str(other), at=user)
    put(other, "src/side.py", "")
    commit = commit_all(other)
    put(other, "src/side.py", "edited")
    base = fresh.fetch_base(other)
    assert (base.commit, base.uncommitted) == (commit, ("src/side.py",))


def test_bare_repository_is_a_base(user: Path, tmp_path: Path, fresh: Repository) -> None:
    git("clone", "-q", "--bare", str(user), str(tmp_path / "bare.git"), at=tmp_path)
    base = fresh.fetch_base(tmp_path / "bare.git")
    assert (base.commit, base.uncommitted) == (git("rev-parse", "HEAD", at=user), ())


def test_shallow_clone_is_a_base_and_gives_a_scratch(
    user: Path, tmp_path: Path, fresh: Repository
) -> None:
    put(user, "src/m.py", "2")
    commit_all(user)
    clone = tmp_path / "clone"
    git("clone", "-q", "--depth=1", f"file://{user}", str(clone), at=tmp_path)
    base = fresh.fetch_base(clone)
    fresh.make_scratch(tmp_path / "w", base.commit, None)
    assert git("log", "--format=%H", at=tmp_path / "w") == base.commit
    assert git("status", "--porcelain", at=tmp_path / "w") == ""
    put(clone, "src/m.py", "3")
    commit_all(clone)
    assert fresh.fetch_base(clone).tree != base.tree
    git("fetch", "-q", "--unshallow", at=clone)
    put(clone, "src/m.py", "4")
    commit_all(clone)
    fresh.make_scratch(tmp_path / "w2", fresh.fetch_base(clone).commit, None)
    git("fsck", at=tmp_path / "w2")


def test_base_from_before_the_end_of_a_shallow_history_is_whole(
    user: Path, tmp_path: Path, fresh: Repository
) -> None:
    put(user, "src/m.py", "2")
    commit_all(user)
    clone = tmp_path / "clone"
    git("clone", "-q", "--depth=1", f"file://{user}", str(clone), at=tmp_path)
    fresh.fetch_base(clone)
    git("fetch", "-q", "--unshallow", at=clone)
    git("switch", "-q", "-c", "side", "HEAD~1", at=clone)
    put(clone, "src/side.py", "s")
    commit_all(clone)
    fresh.make_scratch(tmp_path / "w", fresh.fetch_base(clone).commit, None)
    assert (tmp_path / "w/src/m.py").read_text() == "def m():\n    return 1\n"


def test_partial_clone_without_its_objects_is_refused(
    user: Path, tmp_path: Path, fresh: Repository
) -> None:
    git("config", "uploadpack.allowFilter", "true", at=user)
    clone = tmp_path / "clone"
    options = ("--filter=blob:none", "--no-checkout")
    git("clone", "-q", *options, f"file://{user}", str(clone), at=tmp_path)
    with pytest.raises(InvalidInputError) as caught:
        fresh.fetch_base(clone)
    assert caught.value.code == "IL-TRE-006"


def test_sha256_repository_is_refused(tmp_path: Path, fresh: Repository) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git("init", "-q", "--object-format=sha256", at=other)
    commit_all(other)
    with pytest.raises(InvalidInputError) as caught:
        fresh.fetch_base(other)
    assert caught.value.code == "IL-TRE-004"


def test_old_history_with_faults_is_a_base(user: Path, fresh: Repository) -> None:
    """Old commits with odd dates or modes are in many repositories; git itself reads them."""
    tree = git("rev-parse", "HEAD^{tree}", at=user)
    faulty = f"tree {tree}\nauthor A <a@b> 1 +051800\ncommitter A <a@b> 1 +0518\n\nold\n"
    arguments = ("hash-object", "--literally", "-t", "commit", "-w", "--stdin")
    parent = git(*arguments, at=user, stdin=faulty.encode())
    commit = git("commit-tree", tree, "-p", parent, "-m", "new", at=user)
    assert fresh.fetch_base(user, commit).tree == tree


def test_group_writable_modes_of_old_trees_are_no_change(project: Project, tmp_path: Path) -> None:
    user = project.user
    oid = git("rev-parse", "HEAD:src/m.py", at=user)
    raw = b"100664 m.py\0" + bytes.fromhex(oid)
    tree = git("hash-object", "--literally", "-t", "tree", "-w", "--stdin", at=user, stdin=raw)
    commit = git("commit-tree", tree, "-m", "old", at=user)
    base = project.repository.fetch_base(user, commit)
    project.scratch, project.base = tmp_path / "old", base
    project.repository.make_scratch(project.scratch, base.commit, None)
    assert project.bring().tree == base.tree
    put(project.scratch, "n.py", "")
    assert [change.path for change in project.bring().changes] == ["n.py"]


MALFORMED = {
    "git directory": [(b"40000", b".GIT")],
    "link and directory": [(b"120000", b"a"), (b"40000", b"a")],
}


@pytest.mark.parametrize("names", MALFORMED.values(), ids=MALFORMED)
def test_base_that_git_would_not_check_out_is_refused(
    user: Path, fresh: Repository, names: list[tuple[bytes, bytes]]
) -> None:
    blob = bytes.fromhex(git("rev-parse", "HEAD:src/m.py", at=user))
    below = bytes.fromhex(git("rev-parse", "HEAD:src", at=user))
    raw = b"".join(
        b"%b %b\0%b" % (mode, name, below if mode == b"40000" else blob) for mode, name in names
    )
    tree = git("hash-object", "--literally", "-t", "tree", "-w", "--stdin", at=user, stdin=raw)
    commit = git("commit-tree", tree, "-m", "odd", at=user)
    with pytest.raises(InvalidInputError) as caught:
        fresh.fetch_base(user, commit)
    assert caught.value.code == "IL-TRE-005"
    assert shown(names[0][1]) in caught.value.message


def test_keeping_a_tree_twice_is_the_same_and_another_one_a_conflict(project: Project) -> None:
    keep, base = project.repository.keep, project.base
    ref = "refs/interlock/task_1/1/1"
    commit = keep(base.tree, ref, parent=base.commit)
    assert keep(base.tree, ref, parent=base.commit) == commit
    other = project.repository.replace(base.tree, {"x": b"x"})
    with pytest.raises(ConflictError):
        keep(other, ref, parent=base.commit)
    with pytest.raises(ConflictError):
        keep(base.tree, ref, parent=commit)
    assert git("rev-parse", ref, at=project.repository.path) == commit


@pytest.mark.parametrize(
    "ref", ["refs/heads/x", "refs/interlock/base/x", "refs/interlock/a..b", "HEAD"]
)
def test_only_our_own_refs_are_kept(project: Project, ref: str) -> None:
    with pytest.raises(InvalidInputError):
        project.repository.keep(project.base.tree, ref, parent=project.base.commit)


def test_diff_tells_kinds_in_order(project: Project) -> None:
    tree = project.repository.replace(
        project.base.tree, {"src/m.py": b"2", "a.txt": b"new", "docs/index.md": None}
    )
    assert project.repository.diff(project.base.tree, tree) == (
        TreeChange(path="a.txt", kind=ChangeKind.ADDED),
        TreeChange(path="docs/index.md", kind=ChangeKind.DELETED),
        TreeChange(path="src/m.py", kind=ChangeKind.MODIFIED),
    )


def test_replacing_keeps_modes_and_returns_to_the_same_tree(project: Project) -> None:
    tree = project.repository.replace(project.base.tree, {"src/run.sh": b"other"})
    assert project.repository.entries(tree)[b"src/run.sh"].mode == b"100755"
    assert project.repository.read(tree, "src/run.sh") == b"other"
    assert project.repository.replace(tree, {"src/run.sh": b"#!/bin/sh\n"}) == project.base.tree


@pytest.mark.parametrize("name", ["../x", "src/.git/config", "src", "src/m.py/x", "/x", "", "a//b"])
def test_replacing_by_an_impossible_name_is_refused(project: Project, name: str) -> None:
    with pytest.raises(InvalidInputError):
        project.repository.replace(project.base.tree, {name: b"x"})


@pytest.mark.parametrize("path", ["none", "src", "src/"])
def test_reading_what_is_no_file_is_not_found(project: Project, path: str) -> None:
    with pytest.raises(NotFoundError):
        project.repository.read(project.base.tree, path)


@pytest.mark.parametrize("tree", ["0" * 40, "--help", "main", ""])
def test_tree_that_is_not_there_is_an_error(project: Project, tree: str) -> None:
    with pytest.raises((NotFoundError, InvalidInputError)):
        project.repository.entries(tree)


def test_entries_are_remembered_and_cannot_be_changed(project: Project) -> None:
    entries = project.repository.entries(project.base.tree)
    assert project.repository.entries(project.base.tree) is entries
    with pytest.raises(TypeError):
        entries[b"x"] = None  # type: ignore[index]  # that it is not possible is the point


def test_several_threads_write_at_once(project: Project) -> None:
    trees: list[str] = []

    def work(number: int) -> None:
        changes = {f"src/t{number}_{each}.py": b"%d" % number for each in range(3)}
        trees.append(project.repository.replace(project.base.tree, changes))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(trees)) == 4


def test_export_writes_raw_bytes_modes_and_links(project: Project, tmp_path: Path) -> None:
    attributes = b"*.id ident export-subst\n*.crlf text eol=crlf\nhid.py export-ignore\n"
    files = {".gitattributes": attributes, "x.id": b"$Id$\n", "x.crlf": b"1\n", "hid.py": b"h"}
    tree = project.repository.replace(project.base.tree, files)
    project.repository.export(tree, tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in files} == files
    assert stat.S_IMODE((tmp_path / "out/src/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "out/src/m.py").stat().st_mode) == 0o644
    assert not (tmp_path / "out/.git").exists()


def test_export_does_not_depend_on_the_umask(project: Project, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from interlock.adapters.trees import Repository\n"
        "os.umask(0o077)\n"
        "Repository.open(Path(sys.argv[1])).export(sys.argv[2], Path(sys.argv[3]))"
    )
    arguments = (str(project.repository.path), project.base.tree, str(tmp_path / "out"))
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").rglob("*")}
    assert modes == {0o755, 0o644}


def test_delta_export_touches_only_differences(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "out"
    project.repository.export(project.base.tree, out)
    kept = (out / "src/pkg/a.py").stat()
    tree = project.repository.replace(
        project.base.tree,
        {"src/m.py": None, "src/pkg/b.py": b"2", "docs/index.md": None, "docs": b"now a file"},
    )
    project.repository.export(tree, out, previous=project.base.tree)
    assert (out / "docs").read_bytes() == b"now a file"
    assert not (out / "src/m.py").exists()
    assert (out / "src/pkg/a.py").stat() == kept
    project.repository.export(project.base.tree, out, previous=tree)
    assert (out / "docs/index.md").is_file()


def test_export_follows_no_link_that_was_put_there(project: Project, tmp_path: Path) -> None:
    out, target = tmp_path / "out", tmp_path / "target"
    project.repository.export(project.base.tree, out)
    target.mkdir()
    (out / "fresh").symlink_to(target)
    tree = project.repository.replace(project.base.tree, {"fresh/x": b"x"})
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        project.repository.export(tree, out, previous=project.base.tree)
    assert list(target.iterdir()) == []


def test_scratch_has_only_the_base_and_its_ancestors(
    user: Path, tmp_path: Path, fresh: Repository
) -> None:
    put(user, "src/m.py", "2")
    commit_all(user, "second")
    git("switch", "-q", "-c", "future", at=user)
    put(user, "src/m.py", "the fix")
    future = commit_all(user, "the fix")
    git("switch", "-q", "main", at=user)
    base = fresh.fetch_base(user)
    fresh.fetch_base(user, "future")
    scratch = tmp_path / "w"
    fresh.make_scratch(scratch, base.commit, None)
    assert git("log", "--all", "--format=%s", at=scratch).split() == ["second", "base"]
    assert git("remote", at=scratch) == ""
    assert not (scratch / ".git/hooks").exists()
    assert not (scratch / ".git/objects/info/alternates").exists()
    known = git("cat-file", "--batch-check", at=scratch, stdin=future.encode())
    assert known.endswith("missing")
    assert git("status", "--porcelain", at=scratch) == ""
    commit_all(scratch, "works")


def test_scratch_holds_raw_bytes_whatever_the_base_says(
    user: Path, tmp_path: Path, fresh: Repository
) -> None:
    put(user, ".gitattributes", "*.crlf text eol=crlf\n*.id ident\n*.bin filter=lfs\n")
    put(user, "a.crlf", "1\n")
    put(user, "a.id", "$Id$\n")
    put(user, "a.bin", "raw")
    commit_all(user)
    base = fresh.fetch_base(user)
    scratch = tmp_path / "w"
    fresh.make_scratch(scratch, base.commit, None)
    assert (scratch / "a.crlf").read_bytes() == b"1\n"
    assert (scratch / "a.id").read_bytes() == b"$Id$\n"
    assert Project(user, fresh, scratch, base).bring().tree == base.tree
    assert git("status", "--porcelain", at=scratch) == ""


def test_scratch_is_private_and_not_made_over_something(project: Project) -> None:
    assert stat.S_IMODE(project.scratch.stat().st_mode) == 0o700
    with pytest.raises(ConflictError):
        project.repository.make_scratch(project.scratch, project.base.commit, None)


def test_scratch_of_an_unknown_commit_leaves_nothing(project: Project, tmp_path: Path) -> None:
    with pytest.raises(GitFailed):
        project.repository.make_scratch(tmp_path / "w", "1" * 40, None)
    assert not (tmp_path / "w").exists()


def test_scratch_belongs_to_its_owner(project: Project, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: only root can give files away")
    outside = put(tmp_path, "outside", "x")
    (project.user / "out").symlink_to(outside)
    base = project.repository.fetch_base(project.user, commit_all(project.user))
    scratch = tmp_path / "w"
    project.repository.make_scratch(scratch, base.commit, 64777)
    assert {path.lstat().st_uid for path in (scratch, *scratch.rglob("*"))} == {64777}
    assert outside.stat().st_uid == 0


def test_few_contents_are_single_files_and_many_are_one_pack(project: Project) -> None:
    def packs() -> int:
        return len(list(project.repository.path.glob("objects/pack/*.pack")))

    before = packs()
    project.repository.replace(project.base.tree, {"few.txt": b"few"})
    assert packs() == before
    many = {f"many/{number}": b"%d" % number for number in range(100)}
    project.repository.replace(project.base.tree, many)
    assert packs() == before + 1


@settings(max_examples=25)
@given(sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=130, unique=True))
def test_written_blobs_are_what_git_reads(project_readonly: Project, sizes: list[int]) -> None:
    writer = project_readonly.repository.writer()
    contents = [b"%d" % size + b"x" * size for size in sizes]
    oids = [writer.add(data) for data in contents]
    writer.store()
    assert list(project_readonly.repository.blobs(oids)) == contents
