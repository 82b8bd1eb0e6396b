"""The toolhost where it belongs: in a real sandbox, beside commands that are out to get it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import interlock
from interlock.adapters.confinement import UidRange, interpreter, probe, start
from interlock.adapters.toolhost.client import argv
from interlock.errors import UnavailableError
from interlock.ports.confinement import Level, Mount, SandboxSpec

if TYPE_CHECKING:
    from tests.toolhost.conftest import Host

pytestmark = pytest.mark.sandbox
Eventually = Callable[[Callable[[], Any]], Any]
# Runs as a command of the toolhost: everything it tries against its parent has to fail.
ATTACK = r"""
import ctypes, os
host = os.getppid()
def attempt(name, what):
    try:
        print(name, "got", what())
    except OSError as problem:
        print(name, problem.strerror)
for place in ("mem", "environ", "maps", "io"):
    attempt(place, lambda: os.open(f"/proc/{host}/{place}", os.O_RDONLY))
attempt("write", lambda: os.open(f"/proc/{host}/mem", os.O_WRONLY))
attempt("fd", lambda: os.listdir(f"/proc/{host}/fd"))
attempt("cwd", lambda: os.readlink(f"/proc/{host}/cwd"))
libc = ctypes.CDLL(None, use_errno=True)
def call(function, *args):
    if function(*args) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
attempt("ptrace", lambda: call(libc.ptrace, 16, host, 0, 0))
def steal():
    handle = os.pidfd_open(host)
    for number in range(3, 64):
        call(libc.syscall, 438, handle, number, 0)
attempt("pidfd", steal)
"""


def longer(file: Path, size: int) -> bool:
    """Whether a file is there and longer than that."""
    return file.exists() and file.stat().st_size > size


@pytest.fixture
def sandboxed(
    root: Path, make_host: Callable[[Callable[[int], Any]], Host]
) -> Iterator[tuple[Host, Any]]:
    """A toolhost at level ``full``, and its sandbox."""
    capability = probe()
    if capability.level is not Level.FULL:
        pytest.skip(f"NOT RUN: no sandbox here: {'; '.join(capability.reasons)}")
    uids = UidRange()
    uid = uids.lease()
    if uid is not None:
        os.chown(root, uid, uid)
    python, mounts = interpreter()
    package = Path(interlock.__file__).resolve().parent

    def launch(fd: int) -> Any:
        spec = SandboxSpec(
            argv=argv(python, "/opt/interlock/lib", fd, "/w"),
            cwd="/w",
            mounts=(
                *mounts,
                Mount(source=str(package), target="/opt/interlock/lib/interlock"),
                Mount(source=str(root.resolve()), target="/w", writable=True),
            ),
            pass_fds=(fd,),
            uid=uid,
        )
        return start(spec, Level.FULL, stderr=2)

    made = make_host(launch)
    yield made, made.process
    made.close()
    made.process.close()
    uids.release(uid)


def test_every_kind_of_work_is_done_in_the_sandbox(sandboxed: tuple[Host, Any], root: Path) -> None:
    host, _ = sandboxed
    assert host.ok("ping")["mode"] == "namespace"
    assert host.ok("write", path="/w/src/a.py", text="x = 1\n")["path"] == "src/a.py"
    assert host.ok("edit", path="src/a.py", old="1", new="2")["replaced"] == 1
    assert (root / "src" / "a.py").read_text() == "x = 2\n"
    assert host.ok("grep", regex="x = .")["hits"] == [["src/a.py", 1, "x = 2"]]
    assert host.ok("glob", pattern="*.py")["paths"] == ["src/a.py"]
    assert host.ok("run", shell="cat a.py; pwd", cwd="src")["output"] == "x = 2\n/w/src\n"
    assert host.ok("run", argv=["cat"], body=b"in")["output"] == "in"
    manifest = host.call("walk").body
    oid = manifest.split(b" ")[1].decode()
    assert manifest.endswith(b" src/a.py\0\0\0")
    assert host.call("blobs", oids=[oid]).body == b"\0\0\0\x06x = 2\n"
    host.call("revert", entries=[{"path": "c3JjL2EucHk=", "mode": None, "data": None}])
    assert os.listdir(root) == []


def test_command_gets_at_nothing_of_the_toolhost(sandboxed: tuple[Host, Any]) -> None:
    host, _ = sandboxed
    output = host.ok("run", argv=[interpreter()[0], "-I", "-S", "-c", ATTACK])["output"]
    outcomes = dict(line.split(" ", 1) for line in output.splitlines())
    assert outcomes.keys() == {
        *("mem", "environ", "maps", "io", "write", "fd", "cwd", "ptrace", "pidfd")
    }
    refusals = {"Permission denied", "Operation not permitted"}
    assert {name: what for name, what in outcomes.items() if what not in refusals} == {}


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/1/environ", "../etc/passwd", "out", "up"])
def test_files_beside_the_tree_are_not_to_be_read(
    sandboxed: tuple[Host, Any], root: Path, path: str
) -> None:
    host, _ = sandboxed
    host.call("run", shell="ln -s /etc/passwd out; ln -s ../etc/passwd up")
    assert host.refused("read", path=path) == "EXDEV"


def test_freeze_holds_what_tries_to_run_on(
    sandboxed: tuple[Host, Any], root: Path, eventually: Eventually
) -> None:
    host, _ = sandboxed
    log = root / "log"
    waker = "while :; do kill -CONT -1; echo x >> log; done"
    forker = "while :; do (setsid sh -c 'echo x >> log' &); done"
    programs = [host.ok("spawn", argv=["sh", "-c", script])["handle"] for script in (waker, forker)]
    before = 0
    for _ in range(3):
        eventually(partial(longer, log, before))
        assert host.ok("freeze")["stopped"] >= 2
        frozen = log.stat().st_size
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            assert log.stat().st_size == frozen
        assert host.call("walk").body
        before = frozen
        host.call("thaw")
    host.call("freeze")
    assert host.ok("quiesce")["killed"] >= 2
    host.call("thaw")
    assert [host.ok("wait", handle=program)["rc"] for program in programs] == [-9, -9]
    # What is left: pid 1, the toolhost, and the shell that asks.
    assert host.ok("run", shell="echo /proc/[0-9]*")["output"].count("/proc/") == 3


def test_toolhost_killed_by_a_command_ends_the_session_closed(
    sandboxed: tuple[Host, Any],
) -> None:
    host, sandbox = sandboxed
    with pytest.raises(UnavailableError):
        host.call("run", shell="kill -9 $PPID; sleep 60")
    assert host.client.closed.done()
    assert sandbox.wait(10) is not None


def test_toolhost_stopped_by_a_command_answers_nothing_and_that_is_an_error(
    sandboxed: tuple[Host, Any],
) -> None:
    host, sandbox = sandboxed
    with pytest.raises(UnavailableError):
        host.call("run", shell="kill -STOP $PPID; sleep 60", timeout_s=0.5)
    with pytest.raises(UnavailableError):
        host.call("freeze", timeout_s=0.5)
    sandbox.kill()


def test_closed_socket_ends_the_sandbox(sandboxed: tuple[Host, Any], root: Path) -> None:
    host, sandbox = sandboxed
    host.call("spawn", argv=["sh", "-c", "trap '' TERM HUP INT; sleep 60"])
    host.client.close()
    assert sandbox.wait(0) is None, "the supervisor still has a duplicate"
    host.spare.close()
    assert sandbox.wait(10) == 0
