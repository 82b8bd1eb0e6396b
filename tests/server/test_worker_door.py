"""The worker door: sessions and results, and nothing that decides."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from interlock.adapters.runners import wire
from interlock.adapters.runners.channel import Channel
from interlock.adapters.runners.worker_door import WorkerDoor
from interlock.ports.confinement import Capability, Level

PATIENCE_S = 20
HELLO = wire.Hello(
    version=wire.VERSION,
    pid=1,
    capability=Capability(level=Level.NONE, reasons=(), uid_drop=False),
)


class Worker:
    """Whatever connects and speaks."""

    def __init__(self, path: Path) -> None:
        self.heard: list[wire.Message] = []
        self.closed = asyncio.Event()
        self.channel = Channel(
            wire.connect(path),
            asyncio.get_running_loop(),
            on_message=lambda message, _: self.heard.append(message),
            on_closed=lambda _: self.closed.set(),
        )


def test_the_server_asks_for_sessions_and_measurements_only() -> None:
    assert {op.value for op in wire.Op} == {
        "start_session",
        "end_session",
        "make_scratch",
        "remove_scratch",
        "judge",
    }


ASKING: tuple[Any, ...] = (
    *(wire.Request(id=1, op=op, args={}) for op in wire.Op),
    wire.Welcome(),
    wire.Refused(reason="no"),
)
"""All that a worker could say and that is not a session's or a measurement's end."""


@pytest.mark.parametrize("message", ASKING, ids=lambda message: repr(message)[:40])
def test_a_worker_that_asks_for_anything_is_dropped(tmp_path: Path, message: Any) -> None:
    async def story() -> None:
        door = WorkerDoor(tmp_path / "worker.sock", asyncio.get_running_loop())
        worker = Worker(tmp_path / "worker.sock")
        worker.channel.send(HELLO)
        await door.connected(PATIENCE_S)
        worker.channel.send(message)
        await asyncio.wait_for(worker.closed.wait(), PATIENCE_S)
        assert worker.heard == [wire.Welcome()]
        assert not door.adopted()
        door.close()

    asyncio.run(story())


def test_who_has_not_been_welcomed_reports_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        door = WorkerDoor(tmp_path / "worker.sock", asyncio.get_running_loop())
        for message in (
            wire.Exited(session_id="s", status=0),
            wire.Answer(id=1, ok={}),
            wire.Alive(session_id="s", level=Level.FULL, workdir="/w", doors=0, env={}),
        ):
            worker = Worker(tmp_path / "worker.sock")
            worker.channel.send(message)
            await asyncio.wait_for(worker.closed.wait(), PATIENCE_S)
            assert not door.adopted()
        door.close()

    asyncio.run(story())


def test_its_socket_is_the_owners(tmp_path: Path) -> None:
    with wire.listen(tmp_path / "worker.sock") as listener:
        assert listener.type == socket.SOCK_SEQPACKET
        assert stat.S_IMODE((tmp_path / "worker.sock").stat().st_mode) == 0o600


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: another uid needs root")
def test_another_uid_is_not_let_in_whatever_the_mode_says() -> None:
    program = (
        "import os, socket, sys; os.setgid(64998); os.setuid(64998)\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1])\n"
        "try:\n    s.send(bytes.fromhex(sys.argv[2])); print(len(s.recv(9)), end='')\n"
        "except OSError: print('refused', end='')"
    )

    async def story(path: Path) -> str:
        door = WorkerDoor(path, asyncio.get_running_loop())
        path.chmod(0o666)
        words = [sys.executable, "-I", "-S", "-c", program, str(path), wire.pack(HELLO)[0].hex()]
        said = await asyncio.to_thread(subprocess.check_output, words, text=True)
        door.close()
        return str(said)

    with tempfile.TemporaryDirectory(prefix="il-") as place:
        Path(place).chmod(0o755)
        assert asyncio.run(story(Path(place) / "worker.sock")) in ("0", "refused")
