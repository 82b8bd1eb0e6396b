"""Freeze, thaw, end; and the agent's program."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import interlock
from interlock.adapters.toolhost.client import ToolhostClient, argv, socket_pair
from interlock.supervisor.toolhost.processes import snapshot

if TYPE_CHECKING:
    from tests.toolhost.conftest import Host

Eventually = Callable[[Callable[[], Any]], Any]
LIBRARY = str(Path(interlock.__file__).resolve().parents[1])
WRITER = "while :; do echo x >> log; done"
# Forks all the time, changes group and session, and loses its parents.
RESTLESS = "while :; do (setsid sh -c 'echo x >> log; sleep 0.01' &) ; sleep 0.001; done"


def size(file: Path) -> int:
    """Size of a file, 0 if it is not there."""
    return file.stat().st_size if file.exists() else 0


def grows(file: Path, eventually: Eventually) -> None:
    """Wait until the file is longer than it is."""
    before = size(file)
    eventually(lambda: size(file) > before)


def inside(root: Path) -> set[int]:
    """Living processes whose working directory is the tree: wherever they hang by now."""
    return {p.pid for p in snapshot().values() if p.state not in "ZX" and is_in(root, p.pid)}


def is_in(root: Path, pid: int) -> bool:
    """Whether a process works in a directory; false if it is gone or somebody else's."""
    try:
        return os.readlink(f"/proc/{pid}/cwd") == str(root)
    except OSError:
        return False


@pytest.mark.parametrize("script", [WRITER, RESTLESS], ids=["writer", "restless"])
def test_freeze_stops_every_writer_and_thaw_lets_it_go_on(
    host: Host, root: Path, eventually: Eventually, script: str
) -> None:
    host.call("spawn", argv=["sh", "-c", script])
    log = root / "log"
    for _ in range(3):
        grows(log, eventually)
        assert host.ok("freeze")["stopped"] >= 1
        frozen = size(log)
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            assert size(log) == frozen
        host.call("thaw")
    grows(log, eventually)


def test_calls_while_frozen_are_refused_but_for_those_of_the_import(host: Host, root: Path) -> None:
    (root / "f").write_text("x")
    host.call("freeze")
    for op, args in (
        ("read", {"path": "f"}),
        ("write", {"path": "f", "text": "y"}),
        ("run", {"argv": ["true"]}),
        ("spawn", {"argv": ["true"]}),
    ):
        assert host.refused(op, **args) == "frozen"
    assert host.ok("ping")["frozen"]
    assert b" f\0" in host.call("walk").body
    host.call("freeze")
    host.call("revert", entries=[])
    host.call("thaw")
    assert not host.ok("ping")["frozen"]
    assert host.ok("read", path="f")["text"] == "x"


def test_call_refused_while_frozen_can_be_made_after_the_thaw(host: Host, root: Path) -> None:
    host.call("freeze")
    assert host.refused("write", call_id="w1", path="f", text="x") == "frozen"
    host.call("thaw")
    host.call("write", call_id="w1", path="f", text="x")
    assert (root / "f").read_text() == "x"


def test_time_spent_frozen_does_not_count_for_a_command(host: Host, root: Path) -> None:
    async def scene() -> dict[str, Any]:
        script = "touch started; while ! test -e go; do sleep 0.01; done"
        running = asyncio.ensure_future(host.client.call("run", shell=script, seconds=1))
        async with asyncio.timeout(10):
            while not (root / "started").exists():
                await asyncio.sleep(0.005)
        await host.client.call("freeze")
        await asyncio.sleep(1.2)
        (root / "go").touch()
        await host.client.call("thaw")
        return (await running).ok

    ran = host.run(scene())
    assert (ran["rc"], ran["timed_out"]) == (0, False)
    assert ran["seconds"] < 1


def test_freeze_covers_commands_that_were_just_asked_for(host: Host, root: Path) -> None:
    """Run is done in a thread: none of them may start its process behind the freeze."""

    async def scene() -> None:
        runs = [
            asyncio.ensure_future(host.client.call("run", shell=f"echo x > made{n}; sleep 60"))
            for n in range(20)
        ]
        await asyncio.sleep(0)  # all of them are sent before the freeze is
        await host.client.call("freeze")
        there = sorted(os.listdir(root))
        await asyncio.sleep(0.2)
        assert sorted(os.listdir(root)) == there
        await host.client.call("thaw")
        async with asyncio.timeout(10):
            while len(os.listdir(root)) < 20:
                await asyncio.sleep(0.005)
        await host.client.call("quiesce")
        assert {reply.ok["rc"] for reply in await asyncio.gather(*runs)} == {-9}

    host.run(scene())


def test_freeze_is_not_held_up_by_a_parent_in_vfork(
    host: Host, root: Path, eventually: Eventually
) -> None:
    """The child hangs before its exec, so the parent sleeps where no signal is looked at."""
    os.mkfifo(root / "fifo")
    actions = "[(os.POSIX_SPAWN_OPEN, 0, 'fifo', os.O_RDONLY, 0)]"
    script = f"import os; os.posix_spawn('/bin/sh', ['sh'], {{}}, file_actions={actions})"
    pid = host.ok("spawn", argv=[sys.executable, "-I", "-S", "-c", script])["pid"]
    eventually(lambda: snapshot()[pid].state == "D")
    assert host.ok("freeze")["stopped"] == 2
    host.call("thaw")


def test_nothing_is_started_once_the_end_has_come(root: Path) -> None:
    """A thread that wants to start a command just then would leave it behind."""
    program = f"""
import sys, threading
sys.path.insert(0, {LIBRARY!r})
from interlock.supervisor.toolhost.control import Control
control = Control("tree")
control.start(["touch", "before"]).wait()
control.end()
late = threading.Thread(target=control.start, args=(["touch", "after"],), daemon=True)
late.start()
late.join(0.3)
"""
    subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=root, check=True, timeout=20)
    assert os.listdir(root) == ["before"]


@pytest.mark.parametrize("frozen", [False, True])
def test_quiesce_leaves_nothing_and_touches_nobody_else(
    host: Host, root: Path, eventually: Eventually, outsider: subprocess.Popen[bytes], frozen: bool
) -> None:
    host.call("spawn", argv=["sh", "-c", RESTLESS])
    host.call("run", shell="setsid sleep 60 > /dev/null 2>&1 & sleep 0.1")
    grows(root / "log", eventually)
    if frozen:
        host.call("freeze")
    assert host.ok("quiesce")["killed"] >= 1
    assert inside(root) == set()
    assert outsider.poll() is None
    assert host.ok("quiesce")["killed"] == 0


def test_end_of_the_last_socket_ends_everything(
    host: Host, root: Path, eventually: Eventually
) -> None:
    host.call("spawn", argv=["sh", "-c", RESTLESS])
    grows(root / "log", eventually)
    host.client.close()
    assert host.process.poll() is None, "the supervisor still has a duplicate"
    host.spare.close()
    assert host.process.wait(10) == 0
    assert inside(root) == set()


def test_nothing_begins_to_run_behind_the_end(host: Host, root: Path) -> None:
    """Commands that were asked for just before the host died must not outlive the toolhost."""

    async def scene() -> None:
        script = "echo x > made; exec sleep 60"
        runs = [asyncio.ensure_future(host.client.call("run", shell=script)) for _ in range(20)]
        await asyncio.sleep(0)
        host.client.close()
        host.spare.close()
        await asyncio.gather(*runs, return_exceptions=True)

    host.run(scene())
    assert host.process.wait(10) == 0
    assert inside(root) == set()


def test_program_is_spawned_waited_for_and_killed(host: Host, root: Path) -> None:
    script = 'cat > got; echo "$A" >> got; exit 7'
    made = host.ok("spawn", argv=["sh", "-c", script], env={"A": "b"}, body=b"prompt ")
    assert host.ok("wait", handle=made["handle"]) == {"rc": 7}
    assert host.ok("wait", handle=made["handle"], seconds=0) == {"rc": 7}
    assert (root / "got").read_text() == "prompt b\n"
    other = host.ok("spawn", argv=["sleep", "60"])["handle"]
    assert other != made["handle"]
    assert host.ok("wait", handle=other, seconds=0) == {"rc": None}
    host.call("kill", handle=other)
    assert host.ok("wait", handle=other) == {"rc": -15}
    host.call("kill", handle=other)
    assert host.refused("wait", handle="p99") == "unknown_handle"
    assert host.refused("kill", handle=other, name="SIGSTOP") == "invalid"


def test_waiting_blocks_nothing_and_many_may_wait(host: Host) -> None:
    async def scene() -> None:
        handle = (await host.client.call("spawn", argv=["sleep", "60"])).ok["handle"]
        waits = [asyncio.ensure_future(host.client.call("wait", handle=handle)) for _ in range(5)]
        assert not (await host.client.call("ping")).ok["frozen"]
        await host.client.call("kill", handle=handle, name="SIGKILL")
        assert [reply.ok["rc"] for reply in await asyncio.gather(*waits)] == [-9] * 5

    host.run(scene())


def test_output_of_the_program_is_the_toolhosts_own(root: Path, tmp_path: Path) -> None:
    ours, theirs = socket_pair()
    with (tmp_path / "log").open("wb") as log:
        command = argv(sys.executable, LIBRARY, theirs.fileno(), str(root), mode="tree")
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=log)
    theirs.close()

    async def scene() -> None:
        client = ToolhostClient(ours, asyncio.get_running_loop())
        handle = (await client.call("spawn", argv=["echo", "from the agent"])).ok["handle"]
        await client.call("wait", handle=handle)
        client.close()

    asyncio.run(scene())
    process.wait(10)
    assert (tmp_path / "log").read_text() == "from the agent\n"


def test_mode_namespace_is_refused_where_others_live(
    root: Path, outsider: subprocess.Popen[bytes]
) -> None:
    """kill(-1) here would end the person's whole session."""
    ours, theirs = socket_pair()
    with ours, theirs:
        done = subprocess.run(
            argv(sys.executable, LIBRARY, theirs.fileno(), str(root)),
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
            timeout=10,
            check=False,
        )
    assert done.returncode == 1
    assert b"other processes are in sight" in done.stderr
    assert outsider.poll() is None
