"""No program that a repository names is ever started by us: one marker tells if one was."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.trees.support import Project, commit_all, git, put

from interlock.errors import ConflictError

HOOKS = (
    "applypatch-msg",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-update",
    "pre-auto-gc",
    "pre-commit",
    "pre-receive",
    "proc-receive",
    "reference-transaction",
    "update",
)
ATTRIBUTES = "* filter=x diff=x merge=x\n"


def booby_trap(git_dir: Path, tree: Path, marker: Path) -> None:
    """Name a program that leaves a marker wherever git knows to start one."""
    program = put(git_dir, "evil", f"#!/bin/sh\necho $0 >>{marker}\ncat\n", 0o755)
    for name in HOOKS:
        hook = put(git_dir, f"hooks/{name}", program.read_text(), 0o755)
        put(git_dir, f"elsewhere/{name}", hook.read_text(), 0o755)
    with (git_dir / "config").open("a") as config:
        config.write(
            f"[core]\n\tfsmonitor = {program}\n\thooksPath = {git_dir}/elsewhere\n"
            f"\tsshCommand = {program}\n\tpager = {program}\n\teditor = {program}\n"
            f"\taskPass = {program}\n\talternateRefsCommand = {program}\n"
            f'[filter "x"]\n\tclean = {program}\n\tsmudge = {program}\n\trequired = true\n'
            f'[filter "y.z"]\n\tprocess = {program}\n\trequired = true\n'
            f'[diff]\n\texternal = {program}\n[diff "x"]\n\ttextconv = {program}\n'
            f'\tcommand = {program}\n[merge "x"]\n\tdriver = {program}\n'
            f"[uploadpack]\n\tpackObjectsHook = {program}\n[gpg]\n\tprogram = {program}\n"
            f"[credential]\n\thelper = {program}\n[commit]\n\tgpgSign = true\n"
            f"[include]\n\tpath = {git_dir}/more\n"
        )
    more = f"[alias]\n\tstatus = !{program}\n[core]\n\tfsmonitor = {program}\n"
    put(git_dir, "more", more)
    put(git_dir, "info/attributes", ATTRIBUTES)
    put(tree, "src/.gitattributes", ATTRIBUTES)


def test_the_trap_works(project: Project, tmp_path: Path) -> None:
    """Without this, the other tests would show nothing."""
    booby_trap(project.scratch / ".git", project.scratch, tmp_path / "marker")
    subprocess.run(["git", "status"], cwd=project.scratch, capture_output=True, check=False)
    assert (tmp_path / "marker").exists()


def test_nothing_of_an_agents_repository_is_run(project: Project, tmp_path: Path) -> None:
    booby_trap(project.scratch / ".git", project.scratch, tmp_path / "marker")
    put(project.scratch, "src/m.py", "x = 2\n")
    put(project.scratch, "tests/test_m.py", "x = 2\n")
    imported = project.bring(lambda path: None if path.startswith("src/") else "no")
    project.revert(imported.reverts)
    project.repository.export(imported.tree, tmp_path / "out")
    project.repository.land(
        project.user, "interlock/t", imported.tree, project.base.commit, "message"
    )
    commit = project.repository.keep(
        imported.tree, "refs/interlock/t/1/1", parent=project.base.commit
    )
    project.repository.make_scratch(tmp_path / "next", commit, None)
    assert not (tmp_path / "marker").exists()
    assert (tmp_path / "next/src/m.py").read_text() == "x = 2\n"


@pytest.mark.parametrize("linked", [False, True])
def test_nothing_of_the_persons_repository_is_run(
    project: Project, tmp_path: Path, linked: bool
) -> None:
    place = project.user
    if linked:
        place = tmp_path / "linked"
        git("worktree", "add", "-q", "-b", "side", str(place), at=project.user)
    put(place, "src/.gitattributes", "*.py filter=x diff=x merge=x\n*.sh filter=y.z\n")
    put(place, "src/later.py", "later\n")
    commit_all(place)
    booby_trap(project.user / ".git", place, tmp_path / "marker")
    put(place, "src/later.py", "edit!\n")
    put(place, "src/run.sh", "#!/bin/bas\n")
    put(place, "src/new.py", "new")
    base = project.repository.fetch_base(place)
    # What a filter would rewrite is not compared, as it cannot be without running it.
    assert base.uncommitted == ("src/new.py",)
    project.repository.make_scratch(tmp_path / "next", base.commit, None)
    project.repository.land(place, "interlock/t", base.tree, base.commit, "message")
    with pytest.raises(ConflictError):
        project.repository.land(place, "main", base.tree, base.commit, "message")
    assert not (tmp_path / "marker").exists()
