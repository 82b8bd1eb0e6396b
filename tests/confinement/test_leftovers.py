"""What a server leaves that is killed together with its launchers is removed by the next one."""

from __future__ import annotations

import os
import secrets
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.confinement.places import as_root

from interlock.adapters.confinement import UidRange, leftovers
from interlock.adapters.confinement.launcher import plain
from interlock.adapters.confinement.launcher.cgroups import Cgroup
from interlock.adapters.confinement.uids import in_use

# Not in the default range, so that nothing else that runs here matters.
FIRST, LAST = 64940, 64942


def _dead() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_directories_of_dead_servers_are_removed_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(leftovers, "SHARED_MEMORY", str(tmp_path))
    dead, living = _dead(), os.getpid()
    gone = [f"interlock-{dead}-0a1b", f"interlock-probe-{dead}-x_y"]
    kept = [
        f"interlock-{living}-0a1b",
        f"interlock-probe-{living}-x_y",
        f"interlock-{dead}",
        f"other-{dead}-a",
    ]
    for name in (*gone, *kept):
        (tmp_path / name / "home").mkdir(parents=True)
        (tmp_path / name / "home").chmod(0)
    (tmp_path / f"interlock-probe-{dead}-file").write_text("shared")
    (tmp_path / f"interlock-{dead}-link").symlink_to(tmp_path / kept[0])
    leftovers.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*kept, f"interlock-{dead}-link"]
    )


def test_what_a_lost_launcher_made_is_found_by_the_name_of_its_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    name, other = (f"{os.getpid()}-{secrets.token_hex(6)}" for _ in range(2))
    cgroup = Cgroup(name, 1 << 30, 10) if os.getuid() == 0 else None
    for job in (name, other):
        Path(plain.room(str(tmp_path), job), "home").mkdir(parents=True)
    leftovers.take_back(name)
    assert [path.name for path in tmp_path.iterdir()] == [f"interlock-{other}"]
    if cgroup is not None:
        assert not any(Path(directory).exists() for directory in cgroup.directories)


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """The path of a Unix socket is short."""
    with tempfile.TemporaryDirectory(prefix="il-") as name:
        yield Path(name)


def test_the_shared_memory_of_a_killed_probe_is_removed(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = "from interlock.adapters.confinement.witness import Witness; x = Witness(None)"
    probe = subprocess.Popen(
        [sys.executable, "-c", f"import time; {made}; print('made', flush=True); time.sleep(600)"],
        env={**os.environ, "TMPDIR": str(short_tmp)},
        stdout=subprocess.PIPE,
    )
    assert probe.stdout is not None
    with probe.stdout:
        assert probe.stdout.readline() == b"made\n"
    probe.kill()
    probe.wait()

    def left() -> list[str]:
        lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        return [line for line in lines if int(line.split()[4]) == probe.pid]

    assert left()
    monkeypatch.setattr(tempfile, "tempdir", str(short_tmp))
    leftovers.sweep()
    assert not left()
    assert not list(short_tmp.iterdir())


@as_root
def test_processes_of_a_user_that_no_server_holds_are_ended(tmp_path: Path) -> None:
    """At partial and none the kernel ends only what the launcher itself had started."""
    reader, writer = os.pipe()
    code = f"""
        import os, subprocess, sys
        from pathlib import Path
        from interlock.adapters.confinement import UidRange
        uid = UidRange({FIRST}, {LAST}, Path({str(tmp_path)!r})).lease()
        subprocess.Popen(["sleep", "1000"], user=uid, group=uid, extra_groups=[])
        os.write({writer}, b"%d" % uid)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    env = {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(writer,), env=env) as server:
        os.close(writer)
        assert select.select([reader], [], [], 20)[0]
        uid = int(os.read(reader, 10))
        os.close(reader)
        uids = UidRange(FIRST, LAST, tmp_path)
        uids.sweep()
        assert in_use(dead=False).get(uid)
        server.send_signal(signal.SIGKILL)
    uids.sweep()
    assert not in_use(dead=False).get(uid)


@as_root
def test_processes_of_users_that_were_never_leased_are_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], user=LAST, group=LAST, extra_groups=[]) as stranger:
        UidRange(FIRST, LAST, tmp_path).sweep()
        assert stranger.poll() is None
        stranger.kill()
