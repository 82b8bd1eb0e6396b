"""The wrapper around git: what it is told, what it may not do, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest
from tests.trees.support import git, put

from interlock.adapters import gitconfig
from interlock.adapters.git import Git, GitFailed, Owner
from interlock.errors import InternalError, UnavailableError


@pytest.fixture
def bare(tmp_path: Path) -> Git:
    """An empty repository."""
    git("init", "-q", "--bare", str(tmp_path / "b.git"), at=tmp_path)
    return Git(tmp_path / "b.git")


def test_environment_of_the_caller_does_not_reach_git(
    bare: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = put(tmp_path, "evil", "[user]\n\tname = evil\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "evil")
    listed = bare.run("config", "--list").decode()
    assert "evil" not in listed
    assert bare.line("rev-parse", "--absolute-git-dir") == str(bare.place)


@pytest.mark.parametrize("key", gitconfig._HARDENED)
def test_hardening_is_stronger_than_the_repository(bare: Git, key: str) -> None:
    bare.run("config", "--local", key, "from-the-repository")
    assert bare.line("config", "--get", key) != "from-the-repository"


def test_hardening_reaches_a_git_that_git_starts() -> None:
    """A child does not see the command line; it reads the file."""
    written = (gitconfig.home() / "config").read_text()
    for key in gitconfig._HARDENED:
        assert f"{key.rpartition('.')[2]} = " in written


def test_configuration_file_is_read_as_it_is_meant(bare: Git) -> None:
    file = str(gitconfig.home() / "config")
    for key, value in gitconfig.settings(gitconfig.home()).items():
        assert bare.line("config", "--file", file, "--get", key) == value


def test_nothing_is_discovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("init", "-q", at=tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GitFailed):
        Git(None).run("rev-parse", "--git-dir")
    with pytest.raises(InternalError):
        _ = Git(None).place


@pytest.mark.parametrize("part", [".", "hooks", "empty", "config"])
def test_configuration_that_was_cleaned_away_is_made_again(bare: Git, part: str) -> None:
    """Old files and empty directories in a directory for temporary ones do not last."""
    before = gitconfig.home()
    gone = before / part
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert bare.run("version").startswith(b"git version")
    assert gitconfig.home() != before


def test_configuration_that_somebody_put_in_its_place_is_not_used() -> None:
    before = gitconfig.home()
    aside = before.with_name(before.name + "-aside")
    before.rename(aside)
    try:
        before.mkdir()
        put(before, "config", "[alias]\n\tx = !false\n")
        assert gitconfig.home() != before
    finally:
        shutil.rmtree(before, ignore_errors=True)
        shutil.rmtree(aside)


def test_failure_tells_what_git_said(bare: Git) -> None:
    with pytest.raises(GitFailed) as caught:
        bare.run("cat-file", "blob", "1" * 40)
    assert caught.value.status == 128
    assert "1" * 40 in caught.value.stderr
    assert caught.value.code == "IL-GIT-001"


def test_git_that_takes_too_long_is_ended_with_its_children(bare: Git, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    slow = Git(bare.place, settings={"alias.slow": f"!echo $$ >{note}; sleep 600"})
    started = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        slow.run("slow", timeout_s=0.5)
    assert caught.value.code == "IL-GIT-002"
    assert time.monotonic() - started < 30
    child = int(note.read_text())
    for _ in range(1000):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child of git is still there")


def test_stream_that_takes_too_long_fails(bare: Git) -> None:
    slow = Git(bare.place, settings={"alias.slow": "!sleep 600"})
    with pytest.raises(UnavailableError), slow.stream("slow", stdin=[], timeout_s=0.3) as out:
        assert out.read() == b""


def test_stream_that_is_not_read_to_its_end_is_ended(bare: Git) -> None:
    endless = Git(bare.place, settings={"alias.endless": "!yes"})
    with pytest.raises(GitFailed), endless.stream("endless", stdin=[]) as out:
        assert out.readline() == b"y\n"


def test_missing_git_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnavailableError) as caught:
        Git(None).run("version")
    assert caught.value.code == "IL-GIT-003"


@pytest.mark.parametrize("loose", [True, False])
def test_broken_pack_is_refused(bare: Git, loose: bool) -> None:
    with tempfile.TemporaryFile() as pack:
        pack.write(b"PACK\0\0\0\2\0\0\0\1garbage")
        pack.seek(0)
        with pytest.raises(GitFailed):
            bare.take_pack(pack, loose=loose)


def test_sending_what_is_not_there_fails(bare: Git, tmp_path: Path) -> None:
    git("init", "-q", "--bare", str(tmp_path / "c.git"), at=tmp_path)
    with pytest.raises(GitFailed):
        bare.send(["1" * 40], Git(tmp_path / "c.git"))


def test_git_runs_as_the_owner_it_was_given(bare: Git) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT RUN: only root can be somebody else")
    stranger = Git(None, owner=Owner(64998, 64998), settings={"alias.who": "!id -u; id -G"})
    assert stranger.run("who").split() == [b"64998", b"64998"]
