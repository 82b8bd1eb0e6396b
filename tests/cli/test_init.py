"""``interlock init``: what it writes, what it leaves alone, and what happens the second time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.cli.conftest import PASSPHRASE, Shell
from tests.server.process import git

from interlock.definition import pack_files

SCHEMAS = sorted(path for path in pack_files("tdd") if path.startswith(".orchestrator/"))
WRITTEN = sorted([*pack_files("tdd"), ".orchestrator/config.yaml"])


def test_a_repository_is_set_up_in_one_commit(shell: Shell) -> None:
    done = shell.init("--trust", "--json")
    assert done.code == 0, done
    found = done.json
    assert sorted(found["written"]) == WRITTEN
    assert found["commit"] == shell.git("rev-parse", "HEAD")
    assert shell.git("show", "--name-only", "--format=%s", "HEAD").split("\n")[2:] == WRITTEN
    assert shell.git("status", "--porcelain") == ""
    assert len(found["audit_key"]) == 64
    assert found["uncommitted"] == []
    assert (shell.layout.keys / "trusted").read_text().count("\n") == 1
    assert PASSPHRASE not in done.out + done.err
    for name in ("events.db", "tool_audit.jsonl"):
        assert (shell.repository / ".orchestrator" / name).is_symlink()


def test_a_second_time_changes_nothing_and_shows_no_key(shell: Shell) -> None:
    shell.init("--trust")
    head, passphrase = shell.git("rev-parse", "HEAD"), shell.layout.passphrase.read_bytes()
    # Nobody is asked for anything that was answered.
    again = shell.interlock("init", "--json")
    assert again.code == 0, again
    assert (again.json["written"], again.json["commit"], again.json["audit_key"]) == ([], "", "")
    assert again.err == ""
    assert shell.git("rev-parse", "HEAD") == head
    assert shell.git("status", "--porcelain") == ""
    assert shell.layout.passphrase.read_bytes() == passphrase
    assert (shell.layout.keys / "trusted").read_text().count("\n") == 1


def test_the_key_is_shown_once_to_people_too(shell: Shell) -> None:
    first, second = shell.init("--trust"), shell.init("--trust")
    assert "shown once" in first.out
    assert "shown once" not in second.out
    key = first.out.split("elsewhere): ")[1].split()[0]
    (shell.root / "key").write_text(key)
    proved = shell.interlock("audit", "verify", "--key-file", str(shell.root / "key"), "--json")
    assert (proved.code, proved.json["proved"]) == (0, "whole")
    for path in shell.layout.root.rglob("*"):
        if path.is_file() and path != shell.layout.audit / "key":
            assert key.encode() not in path.read_bytes()


def test_files_that_are_there_stay_as_they_are(shell: Shell) -> None:
    own = dict(pack_files("tdd"))["agent_workflow.yaml"] + b"# ours\n"
    (shell.repository / "agent_workflow.yaml").write_bytes(own)
    git(shell.repository, "add", "-A")
    git(shell.repository, "commit", "-qm", "Own workflow")
    done = shell.init("--json")
    assert done.code == 0, done
    assert (shell.repository / "agent_workflow.yaml").read_bytes() == own
    assert sorted(done.json["written"]) == sorted([*SCHEMAS, ".orchestrator/config.yaml"])
    # It says nothing of an environment, so the one that was found is proposed.
    assert done.json["environment"] == ["pip install -r requirements.txt"]


def test_a_workflow_that_is_not_committed_is_named(shell: Shell) -> None:
    own = dict(pack_files("tdd"))["agent_workflow.yaml"]
    (shell.repository / "agent_workflow.yaml").write_bytes(own)
    done = shell.init()
    assert done.code == 0
    assert "Not committed, so not seen by tasks: agent_workflow.yaml" in done.out


def test_a_workflow_that_does_not_hold_is_shown_and_nothing_is_changed(shell: Shell) -> None:
    own = dict(pack_files("tdd"))["agent_workflow.yaml"].replace(b"phases:", b"phasse:")
    (shell.repository / "agent_workflow.yaml").write_bytes(own)
    done = shell.init()
    assert (done.code, done.out) == (7, "")
    assert "agent_workflow.yaml:" in done.err
    assert "^" in done.err
    shown = shell.json("init", "--passphrase-file", str(shell.passphrase))
    assert shown.code == 7
    assert shown.json["error"]["context"]["diagnostics"]
    assert not (shell.repository / ".orchestrator").exists()
    assert not (shell.root / "state").exists()
    assert "interlock" not in shell.git("config", "--list")


@pytest.mark.parametrize("typed", ["", "short"])
def test_a_passphrase_that_is_none_is_refused_before_anything_is_written(
    shell: Shell, typed: str
) -> None:
    done = shell.interlock("init", "--passphrase-file", "-", stdin=f"{typed}\n")
    assert (done.code, done.out) == (7, "")
    assert shell.git("status", "--porcelain") == ""
    assert not (shell.root / "state").exists()


def test_without_a_terminal_a_passphrase_has_to_be_given(shell: Shell) -> None:
    done = shell.interlock("init")
    assert (done.code, done.out) == (4, "")
    assert "--passphrase-file" in done.err
    assert shell.git("status", "--porcelain") == ""


def test_a_repository_without_a_commit_is_refused(shell: Shell) -> None:
    empty = shell.root / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    done = shell.init(cwd=empty)
    assert done.code == 7
    assert "git commit" in done.err


def test_a_pack_that_is_not_there_is_5(shell: Shell) -> None:
    assert shell.init("--pack", "nothing").code == 5


def test_from_below_the_whole_repository_is_set_up_with_the_tests_of_that_part(
    shell: Shell,
) -> None:
    below = shell.repository / "packages" / "my lib" / "src"
    below.mkdir(parents=True)
    (below.parent / "pyproject.toml").write_text('[project]\nname = "mylib"\nversion = "1"\n')
    (below / "mylib.py").write_text("")
    git(shell.repository, "add", "-A")
    git(shell.repository, "commit", "-qm", "Two projects")
    done = shell.init("--trust", cwd=below)
    assert done.code == 0, done
    assert f"Repository: {shell.repository.resolve()}, set up as a whole" in done.out
    assert "tests are run in environment.directory" in done.out
    workflow = (shell.repository / "agent_workflow.yaml").read_text()
    assert 'directory: "packages/my lib"' in workflow
    assert '- "pip install -e ."' in workflow
    assert "packages/my lib/pyproject.toml" in workflow
    assert not (below / ".orchestrator").exists()
    assert shell.interlock("task", "list", cwd=below).code == 8


def test_a_bare_repository_says_where_to_go(shell: Shell) -> None:
    git(shell.root, "clone", "-q", "--bare", str(shell.repository), "bare.git")
    done = shell.init(cwd=shell.root / "bare.git")
    assert done.code == 7
    assert "worktree add" in done.err


def test_a_worktree_shares_the_state_of_its_repository(shell: Shell) -> None:
    shell.init("--trust")
    tree = shell.root / "tree"
    git(shell.repository, "worktree", "add", "-q", str(tree))
    again = shell.interlock("init", "--json", cwd=tree)
    assert again.code == 0, again
    assert again.json["state"] == str(shell.layout.root)
    assert again.json["written"] == []
    git(tree, "diff", "--quiet", "HEAD")
    assert shell.layout.user_repository.read_text().strip() == str(shell.repository.resolve())


def test_init_in_a_worktree_leaves_nothing_untracked(shell: Shell) -> None:
    tree = shell.root / "tree"
    git(shell.repository, "worktree", "add", "-q", str(tree))
    assert shell.init("--trust", cwd=tree).code == 0
    assert shell.git("-C", str(tree), "status", "--porcelain") == ""


def test_nothing_that_a_configuration_names_is_run(shell: Shell) -> None:
    """Neither the repository's nor the person's: hooks, filters, fsmonitor, aliases, includes."""
    trap = shell.root / "trap"
    trap.write_text(f"#!/bin/sh\necho $0 $* >>{shell.root}/ran\ncat\nexit 1\n")
    trap.chmod(0o755)
    hooks = shell.root / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-commit", "post-index-change"):
        for directory in (hooks, shell.repository / ".git" / "hooks"):
            directory.mkdir(exist_ok=True)
            (directory / name).symlink_to(trap)
    evil = (
        f"[core]\n\tfsmonitor = {trap}\n\thooksPath = {hooks}\n\teditor = {trap}\n"
        f'[filter "x"]\n\tclean = {trap}\n\tsmudge = {trap}\n\trequired = true\n'
        f"[alias]\n\tstatus = !{trap}\n[gpg]\n\tprogram = {trap}\n[commit]\n\tgpgSign = true\n"
    )
    (shell.root / "more").write_text(evil)
    with (shell.repository / ".git" / "config").open("a") as config:
        config.write(evil + f"[include]\n\tpath = {shell.root}/more\n")
    (shell.root / "home" / ".gitconfig").write_text(f"{evil}[user]\n\tname = Ann\n")
    (shell.repository / ".gitattributes").write_text("* filter=x\n")
    (shell.repository / "a.py").write_text("A = 2\n")
    shell.environment.pop("GIT_CONFIG_GLOBAL")
    done = shell.init("--trust", "--json")
    assert done.code == 0, done
    assert shell.interlock("trust").code == 8
    assert not (shell.root / "ran").exists()
    who = shell.git("-c", "core.fsmonitor=", "log", "-1", "--format=%an %ae %s")
    assert who == "Ann interlock@localhost Set up Interlock"


def test_root_leaves_nothing_of_its_own_in_a_persons_repository(shell: Shell) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: only root can set up somebody else's repository")
    shell.root.chmod(0o755)
    for path in (shell.repository, *shell.repository.rglob("*")):
        os.chown(path, 64998, 64998, follow_symlinks=False)
    done = shell.init("--trust")
    assert done.code == 0, done
    owners = {path.lstat().st_uid for path in shell.repository.rglob("*")}
    assert owners == {64998}
    assert shell.layout.passphrase.stat().st_uid == 0


def test_what_a_person_has_staged_and_changed_is_left_alone(shell: Shell) -> None:
    (shell.repository / "staged.py").write_text("S = 1\n")
    shell.git("add", "staged.py")
    (shell.repository / "a.py").write_text("A = 2\n")
    (shell.repository / "untracked.py").write_text("U = 1\n")
    assert shell.init("--trust").code == 0
    left = shell.git("status", "--porcelain").split("\n")
    assert set(left) == {"A  staged.py", " M a.py", "?? untracked.py"}
    assert "staged.py" not in shell.git("show", "--name-only", "--format=", "HEAD")


def test_files_that_git_ignores_are_committed_all_the_same(shell: Shell) -> None:
    (shell.repository / ".gitignore").write_text(".orchestrator/\n*.yaml\n")
    git(shell.repository, "add", "-A")
    git(shell.repository, "commit", "-qm", "Ignore")
    done = shell.init("--trust", "--json")
    assert sorted(shell.git("show", "--name-only", "--format=", "HEAD").split("\n")) == WRITTEN
    assert done.json["uncommitted"] == []


def test_writing_is_not_led_out_of_the_repository(shell: Shell) -> None:
    outside = shell.root / "outside"
    outside.mkdir()
    (shell.repository / ".orchestrator").symlink_to(outside)
    done = shell.init("--trust")
    assert (done.code, list(outside.iterdir())) == (6, [])


def test_variables_of_a_git_that_called_us_lead_nowhere(shell: Shell) -> None:
    other = shell.root / "other"
    other.mkdir()
    git(other, "init", "-q")
    done = shell.init("--trust", GIT_DIR=str(other / ".git"), GIT_INDEX_FILE=str(other / "index"))
    assert done.code == 0, done
    assert shell.git("log", "-1", "--format=%s") == "Set up Interlock"


def test_without_trust_it_says_what_that_costs(shell: Shell) -> None:
    done = shell.init("--no-trust")
    assert done.code == 0
    assert "interlock trust" in done.err
    assert not (shell.layout.keys / "trusted").exists()


def test_the_state_is_closed_to_others(shell: Shell) -> None:
    shell.init("--trust")
    for path in (shell.layout.keys, shell.layout.run, shell.layout.audit):
        assert path.stat().st_mode & 0o077 == 0, path
    for path in shell.layout.keys.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_clean_of_the_repository_loses_nothing_that_counts(shell: Shell) -> None:
    shell.init("--trust")
    shell.git("clean", "-fdxq")
    again = shell.interlock("init", "--json")
    assert again.code == 0
    assert json.loads(again.out)["written"] == []
    assert (shell.repository / ".orchestrator" / "events.db").is_symlink()
    assert os.path.isdir(shell.layout.root)
    assert Path(shell.layout.user_repository.read_text().strip()) == shell.repository.resolve()


def test_nothing_is_written_through_a_link_that_leads_out(shell: Shell) -> None:
    outside = shell.root / "outside"
    (shell.repository / "agent_workflow.yaml").symlink_to(outside)
    done = shell.init("--json")
    assert done.code == 6, done
    assert not outside.exists()


def test_the_workflow_says_where_the_links_are_put(shell: Shell) -> None:
    shell.init("--trust")
    workflow = shell.repository / "agent_workflow.yaml"
    for name in ("events.db", "tool_audit.jsonl"):
        (shell.repository / ".orchestrator" / name).unlink()
    workflow.write_text(
        workflow.read_text()
        + "coordination: {event_bus: {type: sqlite, db_path: records/bus.db}}\n"
        + "monitoring: {metrics: [gate_pass_rate], export: {type: prometheus, path: m/page}}\n"
    )
    text = workflow.read_text()
    assert "enforcement:" in text
    git(shell.repository, "commit", "-qam", "Move")
    assert shell.interlock("init", "--json").code == 0
    assert os.readlink(shell.repository / "records" / "bus.db") == str(shell.layout.events)
    page = os.readlink(shell.repository / "m" / "page")
    assert page == str(shell.layout.metrics["prometheus"])
    assert shell.git("status", "--porcelain") == ""


def test_a_link_is_put_nowhere_outside_of_the_repository(shell: Shell) -> None:
    shell.init("--trust")
    outside = shell.root / "outside"
    outside.mkdir()
    (shell.repository / "records").symlink_to(outside)
    workflow = shell.repository / "agent_workflow.yaml"
    for path, code in (("records/bus.db", 6), ("../bus.db", 7), ("/tmp/bus.db", 7)):
        bus = f"coordination: {{event_bus: {{db_path: {path}}}}}\n"
        original = workflow.read_text()
        workflow.write_text(original + bus)
        assert shell.interlock("init", "--json").code == code, path
        workflow.write_text(original)
    assert list(outside.iterdir()) == []
