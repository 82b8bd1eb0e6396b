"""Whatever happens to whom: nothing inside outlives its sandbox, and nothing is left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.confinement.places import LEVEL_OF, RUNGS

from interlock.errors import UnavailableError
from interlock.ports.confinement import Mount, Rung

if TYPE_CHECKING:
    from tests.confinement.conftest import Start

pytestmark = pytest.mark.sandbox

# Two that want to stay: an orphan in a session of its own, and one that ignores every signal.
_ESCAPE = """
import os, signal, time
for number in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        os.write(1, b"x")
        time.sleep(1000)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
{then}
"""
_STAY, _LEAVE = "time.sleep(1000)", "os._exit(3)"


class Inside:
    """A sandbox whose processes all hold the writing end of one pipe."""

    def __init__(self, start_python: Start, rung: Rung, then: str) -> None:
        self.reader, writer = os.pipe()
        self.sandbox = start_python(_ESCAPE.format(then=then), rung, stdout=writer)
        os.close(writer)

    def wait_until_all_run(self) -> None:
        """Both that want to stay have said so."""
        said = b""
        while len(said) < 2:
            assert self._readable()
            said += os.read(self.reader, 2)

    def all_ended(self) -> bool:
        """No process holds the pipe any more."""
        while self._readable():
            if os.read(self.reader, 100) == b"":
                os.close(self.reader)
                return True
        return False

    def _readable(self) -> bool:
        return bool(select.select([self.reader], [], [], 10)[0])


@RUNGS
def test_kill_ends_everything_inside_and_may_be_repeated(start_python: Start, rung: Rung) -> None:
    inside = Inside(start_python, rung, _STAY)
    inside.wait_until_all_run()
    assert inside.sandbox.wait(0) is None
    inside.sandbox.kill()
    inside.sandbox.kill()
    assert inside.sandbox.wait(0) == -9
    assert inside.all_ended()
    assert not Path(f"/proc/{inside.sandbox.pid}").exists()
    inside.sandbox.close()
    inside.sandbox.close()


@RUNGS
def test_end_of_the_program_ends_everything_inside(start_python: Start, rung: Rung) -> None:
    inside = Inside(start_python, rung, _LEAVE)
    assert inside.sandbox.wait(10) == 3
    assert inside.all_ended()


@RUNGS
def test_loss_of_the_launcher_ends_everything_inside(start_python: Start, rung: Rung) -> None:
    inside = Inside(start_python, rung, _STAY)
    inside.wait_until_all_run()
    os.kill(inside.sandbox.pid, signal.SIGKILL)
    # Without namespaces only who waits ends a user's processes.
    assert inside.sandbox.wait(10) == -9
    assert inside.all_ended()


@RUNGS
def test_loss_of_the_launcher_ends_the_program_though_nobody_waits(
    start_python: Start, rung: Rung
) -> None:
    reader, writer = os.pipe()
    sandbox = start_python("import time; time.sleep(1000)", rung, stdout=writer)
    os.close(writer)
    os.kill(sandbox.pid, signal.SIGKILL)
    assert select.select([reader], [], [], 10)[0]
    assert os.read(reader, 1) == b""
    os.close(reader)


@RUNGS
def test_loss_of_whoever_started_it_ends_everything_inside(rung: Rung, uid: int | None) -> None:
    reader, writer = os.pipe()
    code = f"""
        import os, time
        from interlock.adapters.confinement import start
        from interlock.ports.confinement import Level, Rung, SandboxSpec
        argv = ("/bin/sh", "-c", "echo runs; sleep 1000")
        spec = SandboxSpec(argv=argv, uid={uid})
        sandbox = start(
            spec, Level.{LEVEL_OF[rung].name}, rung=Rung.{rung.name}, stdout={writer}, stderr=2
        )
        os.close({writer})
        time.sleep(1000)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    env = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with (
        os.fdopen(reader) as pipe,
        subprocess.Popen(command, pass_fds=(writer,), env=env) as owner,
    ):
        os.close(writer)
        try:
            assert pipe.readline() == "runs\n"
        finally:
            owner.kill()
        assert pipe.read() == ""


@RUNGS
@pytest.mark.parametrize(
    "code, status",
    [("", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 15)", 143)],
)
def test_wait_gives_the_exit_status(
    start_python: Start, rung: Rung, code: str, status: int
) -> None:
    sandbox = start_python(code, rung)
    select.select([sandbox], [], [], 10)
    assert sandbox.wait(0) == status
    assert sandbox.wait() == status


def test_waiting_threads_all_get_the_status(start_python: Start) -> None:
    sandbox = start_python("import time; time.sleep(1000)")
    found: list[int | None] = []
    threads = [threading.Thread(target=lambda: found.append(sandbox.wait(20))) for _ in range(4)]
    for thread in threads:
        thread.start()
    sandbox.kill()
    for thread in threads:
        thread.join(20)
    assert found == [-9] * 4


@RUNGS
def test_descriptors_are_closed_outside_while_the_sandbox_runs(
    start_python: Start, rung: Rung
) -> None:
    """Who talks to the program over a pipe must see it close when the program closes it."""
    reader, writer = os.pipe()
    code = f"import os, time; os.close({writer}); time.sleep(1000)"
    start_python(code, rung, pass_fds=(writer,))
    os.close(writer)
    assert select.select([reader], [], [], 10)[0]
    assert os.read(reader, 1) == b""
    os.close(reader)


@RUNGS
def test_programs_that_end_at_once_are_seen_to_end(start_python: Start, rung: Rung) -> None:
    for _ in range(10):
        sandbox = start_python("", rung, argv=("/bin/true",))
        assert sandbox.wait(20) == 0
        sandbox.close()


def _traces() -> dict[str, object]:
    """What thirty sandboxes could leave on this machine."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    ours = f"*/interlock/{os.getpid()}-*"
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "children": children,
        "mounts": Path("/proc/self/mounts").read_text().count("interlock"),
        "cgroups": [*Path("/sys/fs/cgroup").glob(ours)],
        "directories": [*Path(tempfile.gettempdir()).glob(f"interlock-{os.getpid()}-*")],
    }


@RUNGS
def test_thirty_sandboxes_leave_nothing(start_python: Start, rung: Rung) -> None:
    start_python("", rung, ports=(8000,)).close()
    before = _traces()
    for number in range(30):
        sandbox = start_python("import time; time.sleep(1000)", rung, ports=(8000,))
        if number % 3 == 0:
            os.kill(sandbox.pid, signal.SIGKILL)
        sandbox.close()
    assert _traces() == before


@RUNGS
def test_failed_start_leaves_nothing(start_python: Start, rung: Rung) -> None:
    start_python("", rung).close()
    before = _traces()
    with pytest.raises(UnavailableError):
        start_python("", rung, mounts=(Mount(source="/missing", target="/w"),))
    assert _traces() == before
