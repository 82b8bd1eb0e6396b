"""The worker door's packets, and who may speak on them."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.adapters.runners import wire
from interlock.adapters.runners.channel import Channel
from interlock.adapters.runners.worker_door import WorkerDoor
from interlock.errors import UnavailableError
from interlock.ports.confinement import Capability, Level

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values))
def test_a_message_comes_out_as_it_went_in(args: dict[str, object]) -> None:
    message = wire.Request(id=1, op=wire.Op.JUDGE, args=args)
    packet, body = wire.pack(message)
    assert wire.unpack(packet, [] if body is None else [body]) == message


def test_a_long_message_travels_in_a_memfd_that_nobody_can_change() -> None:
    message = wire.Answer(id=1, ok={"text": "x" * (1 << 20)})
    packet, body = wire.pack(message)
    assert body is not None
    assert len(packet) < 64 * 1024
    with pytest.raises(PermissionError):
        os.pwrite(body, b"y", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(body, 0)
    assert wire.unpack(packet, [body]) == message
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(body)


def test_a_body_that_could_still_change_is_not_believed(tmp_path: Path) -> None:
    packet, sealed = wire.pack(wire.Answer(id=1, ok={"text": "x" * (1 << 20)}))
    assert sealed is not None
    content = os.pread(sealed, 2 << 20, 0)
    os.close(sealed)
    open_memfd = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    os.write(open_memfd, content)
    file = tmp_path / "body"
    file.write_bytes(content)
    for fd in (open_memfd, os.open(file, os.O_RDONLY)):
        with pytest.raises(ValueError, match="body of a message"):
            wire.unpack(packet, [fd])


@given(st.binary(max_size=200))
def test_what_is_no_message_is_refused(packet: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec words its own
        wire.unpack(packet, [])


def test_the_door_is_for_its_own_user_at_any_depth_of_directories(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(6):
        deep /= "d" * 40
    deep.mkdir(parents=True)
    path = deep / "worker.sock"
    for _ in range(2):  # the second replaces what the first left
        with wire.listen(path), wire.connect(path) as client:
            assert path.stat().st_mode & 0o777 == 0o600
            assert wire.peer_uid(client) == os.geteuid()
    with pytest.raises(ConnectionRefusedError):
        wire.connect(path)


class _Supervisor:
    """Only the words of one."""

    def __init__(self, path: Path, *, version: int = wire.VERSION) -> None:
        self.heard: list[wire.Message] = []
        self.closed = asyncio.Event()
        self.channel = Channel(
            wire.connect(path),
            asyncio.get_running_loop(),
            on_message=lambda message, fds: self.heard.append(message),
            on_closed=lambda reason: self.closed.set(),
        )
        capability = Capability(level=Level.NONE, reasons=("a test",), uid_drop=False)
        self.channel.send(wire.Hello(version=version, pid=1, capability=capability))


def test_one_supervisor_at_a_time_and_only_of_this_version(tmp_path: Path) -> None:
    path = tmp_path / "worker.sock"

    async def scenario() -> None:
        door = WorkerDoor(path, asyncio.get_running_loop())
        with pytest.raises(UnavailableError):
            await door.connected(0.01)
        stranger = _Supervisor(path, version=wire.VERSION + 1)
        await asyncio.wait_for(stranger.closed.wait(), 10)
        first = _Supervisor(path)
        await door.connected(10)
        second = _Supervisor(path)
        await asyncio.wait_for(second.closed.wait(), 10)
        assert [type(message) for message in stranger.heard + second.heard] == [wire.Refused] * 2
        assert first.heard == [wire.Welcome()]
        assert door.capability().reasons == ("a test",)

        first.channel.close()
        third = _Supervisor(path)
        while not third.heard:
            await asyncio.sleep(0.01)
        assert third.heard == [wire.Welcome()]
        third.channel.close()
        door.close()

    asyncio.run(scenario())


def test_a_supervisor_that_talks_nonsense_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "worker.sock"

    async def scenario() -> None:
        door = WorkerDoor(path, asyncio.get_running_loop())
        supervisor = _Supervisor(path)
        await door.connected(10)
        asked = asyncio.create_task(door.make_scratch("c", "s"))
        # A session without its sockets.
        supervisor.channel.send(
            wire.Alive(session_id="s", level=Level.NONE, workdir="/w", doors=1, env={})
        )
        with pytest.raises(UnavailableError):
            await asyncio.wait_for(asked, 10)
        await asyncio.wait_for(supervisor.closed.wait(), 10)
        assert not door.adopted()
        door.close()

    asyncio.run(scenario())


def test_messages_wait_for_a_slow_reader_and_arrive_in_order() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        heard: list[int] = []
        for end in ends:
            end.setblocking(False)
        sender = Channel(ends[0], loop, on_message=lambda *_: None, on_closed=lambda _: None)
        text = "x" * 50_000
        for number in range(100):
            with open(os.devnull, "rb") as file:
                sender.send(wire.Answer(id=number, ok={"text": text}), [file.fileno()])

        def on_message(message: wire.Message, fds: list[int]) -> None:
            assert isinstance(message, wire.Answer)
            assert len(fds) == 1
            wire.close_all(fds)
            heard.append(message.id)

        receiver = Channel(ends[1], loop, on_message=on_message, on_closed=lambda _: None)
        async with asyncio.timeout(10):
            while len(heard) < 100:
                await asyncio.sleep(0.01)
        assert heard == list(range(100))
        sender.close()
        receiver.close()

    asyncio.run(scenario())
