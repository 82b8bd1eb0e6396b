"""Real sessions: what is inside them, how they end, and what outlives what."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interlock.adapters.toolhost.errors import ToolError
from interlock.errors import ConflictError, InterlockError, UnavailableError, UsageError
from interlock.ports.confinement import Level
from interlock.ports.runner import AgentCommand, Session, SessionOverError

if TYPE_CHECKING:
    from tests.supervisor.conftest import Place

pytestmark = pytest.mark.sandbox

PYTHON = os.path.realpath(
    Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
)


# Tries to listen at the port of the agent's door again and again.
_SQUAT = """
import os, socket, time
port = int(os.environ["INTERLOCK_URL"].rpartition(":")[2])
while True:
    thief = socket.socket()
    thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        thief.bind(("127.0.0.1", port))
        thief.listen()
        open("taken", "w").close()
    except OSError:
        pass
    with open("tried", "a") as file:
        file.write(".")
    time.sleep(0.02)
"""


async def _greeter(session: Session) -> asyncio.Server:
    """A server on the agent's door that says who is asked."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = session.session_id.encode()
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, sock=session.door.dup())


async def _text(session: Session, path: str) -> str:
    return str((await session.toolhost.call("read", path=path)).ok["text"])


async def _run(session: Session, shell: str, **more: object) -> str:
    reply = await session.toolhost.call("run", shell=shell, **more)  # type: ignore[arg-type]  # fields by name
    return str(reply.ok["output"])


def test_a_session_works_on_its_scratch_and_nothing_else_lands_there(
    place: Place, level: Level
) -> None:
    place.supervise("--level", level.value)

    async def scenario() -> None:
        async with place.server() as door:
            spec = await place.spec(door, "ses_1")
            session = await door.start(spec)
            assert session.level is level
            await session.toolhost.call("write", path="new.txt", body=b"hello")
            with open(os.path.join(spec.scratch, "new.txt"), "rb") as file:
                assert file.read() == b"hello"
            assert (await _run(session, "pwd")).strip() == session.workdir
            assert session.workdir == ("/w" if level is Level.FULL else spec.scratch)

    asyncio.run(scenario())


def test_nothing_of_the_host_is_in_the_environment_of_a_session(
    place: Place, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.supervise("--level", level.value)

    async def scenario() -> None:
        async with place.server() as door:
            session = await door.start(await place.spec(door, "ses_1"))
            names = {line.partition("=")[0] for line in (await _run(session, "env")).splitlines()}
            # The last three are the shell's own.
            ours = {"PATH", "HOME", "TMPDIR", "LANG", "INTERLOCK_PORT_8000"}
            assert names <= {*ours, "PWD", "SHLVL", "_"}

    asyncio.run(scenario())


def test_the_agent_reaches_its_door_and_its_exit_status_comes_back(
    place: Place, level: Level
) -> None:
    place.supervise("--level", level.value)

    async def scenario() -> None:
        async with place.server() as door:
            spec = await place.spec(door, "ses_1")
            session = await door.start(spec)
            async with await _greeter(session):
                status = await asyncio.wait_for(await session.spawn(spec.agent), 30)
            assert status == len(spec.prompt)
            assert await _text(session, "answer.txt") == "ses_1"
            log = place.state / "sessions" / "ses_1.log"
            await place.until(lambda: b"the prompt was seven" in log.read_bytes())

    asyncio.run(scenario())


def test_a_read_only_session_cannot_change_its_tree(place: Place, full: None) -> None:
    place.supervise()

    async def scenario() -> None:
        async with place.server() as door:
            session = await door.start(await place.spec(door, "ses_1", read_only=True))
            assert "Read-only" in await _run(session, "touch x")
            with pytest.raises(InterlockError):
                await session.toolhost.call("write", path="x", body=b"x")

    asyncio.run(scenario())


def test_a_session_is_started_once_however_often_it_is_asked_for(place: Place) -> None:
    place.supervise()

    async def scenario() -> None:
        async with place.server() as door:
            spec = await place.spec(door, "ses_1")
            first, second = await asyncio.gather(door.start(spec), door.start(spec))
            assert first is second is await door.start(spec)
            assert list(door.adopted()) == ["ses_1"]
            with pytest.raises(ConflictError, match="another specification"):
                await door.start(await place.spec(door, "ses_1", prompt="another"))

    asyncio.run(scenario())


def test_an_agent_that_waits_at_its_door_is_answered_by_the_next_server(
    place: Place, level: Level
) -> None:
    place.supervise("--level", level.value)
    agent = AgentCommand(argv=(PYTHON, "agent.py"))

    async def dies_before_it_answers() -> None:
        async with place.server() as door:
            session = await door.start(await place.spec(door, "ses_1", agent=agent))
            await session.spawn(agent)

    async def comes_back() -> None:
        async with place.server() as door:
            session = door.adopted()["ses_1"]
            # More calls than the toolhost remembers: the agent is recognised all the same.
            for _ in range(300):
                await session.toolhost.call("write", path="x", body=b"x")
            async with await _greeter(session):
                assert await asyncio.wait_for(await session.spawn(agent), 30) > 0
            assert await _text(session, "answer.txt") == "ses_1"
            with pytest.raises(ToolError, match="no program p2"):
                await session.toolhost.call("wait", handle="p2", seconds=0)

    asyncio.run(dies_before_it_answers())
    asyncio.run(comes_back())


def test_no_agent_takes_over_the_door_while_no_server_is_there(place: Place, level: Level) -> None:
    """It would answer its own calls, and its own hooks."""
    place.supervise("--level", level.value)
    agent = AgentCommand(argv=(PYTHON, "-c", _SQUAT))

    async def before() -> str:
        async with place.server() as door:
            spec = await place.spec(door, "ses_1", agent=agent)
            session = await door.start(spec)
            await session.spawn(agent)
            return spec.scratch

    scratch = Path(asyncio.run(before()))

    tried = scratch / "tried"

    async def nobody_serves() -> None:
        await place.until(tried.exists)
        seen = tried.stat().st_size
        await place.until(lambda: tried.stat().st_size > seen + 5)

    asyncio.run(nobody_serves())
    assert not (scratch / "taken").exists()


def test_a_call_repeated_by_the_next_server_is_done_once(place: Place) -> None:
    place.supervise()
    command = "echo once >> count"

    async def first_server() -> None:
        async with place.server() as door:
            session = await door.start(await place.spec(door, "ses_1"))
            await _run(session, command, call_id="call-1")

    async def second_server() -> None:
        async with place.server() as door:
            session = door.adopted()["ses_1"]
            await _run(session, command, call_id="call-1")
            assert await _text(session, "count") == "once\n"

    asyncio.run(first_server())
    asyncio.run(second_server())


def test_sessions_end_when_the_supervisor_is_killed(place: Place, level: Level) -> None:
    supervisor = place.supervise("--level", level.value)
    # A number of seconds that no other process sleeps.
    mark = f"1000.{os.getpid()}{time.monotonic_ns()}"

    async def scenario() -> None:
        async with place.server() as door:
            spec = await place.spec(door, "ses_1", agent=AgentCommand(argv=("sleep", mark)))
            session = await door.start(spec)
            agent = await session.spawn(spec.agent)
            await place.until(lambda: bool(place.processes_with(mark)))
            supervisor.kill()
            await place.until(lambda: not place.processes_with(mark))
            assert await asyncio.wait_for(session.exited, 30) is None
            with pytest.raises(UnavailableError):
                await agent
            with pytest.raises(UnavailableError):
                await door.make_scratch(place.commit, "ses_2")
            assert not door.adopted()

            place.supervise("--level", level.value)
            await door.connected(30)
            await place.until(lambda: not (place.state / "scratch" / "ses_1").exists())
            assert not door.adopted()

    asyncio.run(scenario())


def test_sigterm_ends_every_session_and_exits_cleanly(place: Place, level: Level) -> None:
    supervisor = place.supervise("--level", level.value)
    mark = f"1000.{os.getpid()}{time.monotonic_ns()}"

    async def scenario() -> None:
        async with place.server() as door:
            spec = await place.spec(door, "ses_1", agent=AgentCommand(argv=("sleep", mark)))
            session = await door.start(spec)
            await session.spawn(spec.agent)
            supervisor.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(session.exited, 30) is None

    asyncio.run(scenario())
    assert supervisor.wait(30) == 0
    assert not place.processes_with(mark)
    assert [path.name for path in (place.state / "scratch").rglob("*")] == [".removed"]


def test_ending_a_session_takes_its_scratch_and_its_processes_away(
    place: Place, level: Level
) -> None:
    place.supervise("--level", level.value)
    mark = f"1000.{os.getpid()}{time.monotonic_ns()}"

    async def scenario() -> None:
        async with place.server() as door:
            spec = await place.spec(door, "ses_1", agent=AgentCommand(argv=("sleep", mark)))
            session = await door.start(spec)
            await session.spawn(spec.agent)
            await _run(session, "mkdir -p closed/below && chmod 0 closed")
            await door.end("ses_1")
            assert session.exited.done()
            assert not place.processes_with(mark)
            scratch = place.state / "scratch"
            await place.until(lambda: not list((scratch / ".removed").iterdir()))
            assert [path.name for path in scratch.iterdir()] == [".removed"]
            assert not door.adopted()
            await door.end("ses_1")

    asyncio.run(scenario())


def test_a_session_that_ended_leaves_no_socket_open_also_if_its_door_is_served(
    place: Place,
) -> None:
    place.supervise("--level", "none")

    async def scenario() -> None:
        async with place.server() as door:
            before = len(os.listdir("/proc/self/fd"))
            session = await door.start(await place.spec(door, "ses_1"))
            async with await _greeter(session):
                await door.end("ses_1")
                assert session.door.fileno() < 0
            await place.until(lambda: len(os.listdir("/proc/self/fd")) == before)

    asyncio.run(scenario())


def test_the_server_is_told_when_a_session_ends_by_itself(place: Place, full: None) -> None:
    place.supervise()

    async def scenario() -> None:
        async with place.server() as door:
            spec = await place.spec(door, "ses_1")
            session = await door.start(spec)
            with pytest.raises(UnavailableError):
                await _run(session, "kill -9 $PPID")
            assert await asyncio.wait_for(session.exited, 30) == 128 + signal.SIGKILL
            with pytest.raises(SessionOverError):
                await door.start(spec)
        async with place.server() as door:
            # The next server learns that it is still to be ended.
            await place.until(lambda: door.held() == {"ses_1"})
            assert not door.adopted()
            assert (place.state / "scratch" / "ses_1").exists()
            await door.end("ses_1")
            assert not door.held()
            assert not (place.state / "scratch" / "ses_1").exists()

    asyncio.run(scenario())


def test_a_second_supervisor_of_the_same_state_is_refused(place: Place) -> None:
    place.supervise()

    async def scenario() -> None:
        async with place.server():
            second = place.supervise()
            assert await asyncio.to_thread(second.wait, 30) == ConflictError.exit_code
            assert "IL-SUP-008" in place.complaints.read_text()

    asyncio.run(scenario())


def test_a_session_that_did_not_start_leaves_nothing(place: Place) -> None:
    place.supervise()

    async def scenario() -> None:
        async with place.server() as door:
            agent = AgentCommand(argv=("true",), visible=("/missing",))
            with pytest.raises(UsageError):
                await door.start(await place.spec(door, "ses_1", agent=agent))
            # Whoever comes later learns that there is something to be ended.
            assert door.held() == {"ses_1"}
            await door.end("ses_1")
            assert not [path for path in (place.state / "sessions").iterdir() if path.is_dir()]
            assert not (place.state / "scratch" / "ses_1").exists()

    asyncio.run(scenario())


def test_an_agent_never_sees_the_state_directory(place: Place, tmp_path: Path) -> None:
    place.supervise()

    async def scenario() -> None:
        async with place.server() as door:
            for visible in (place.state, place.state / "run", tmp_path, Path("/"), Path("/proc")):
                agent = AgentCommand(argv=("true",), visible=(str(visible),))
                with pytest.raises(UsageError, match="cannot be made visible"):
                    await door.start(await place.spec(door, "ses_1", agent=agent))
            with pytest.raises(UsageError, match="no session id"):
                await door.make_scratch(place.commit, "../run")

    asyncio.run(scenario())


def test_what_a_person_makes_visible_is_there_read_only(
    place: Place, full: None, tmp_path: Path
) -> None:
    place.supervise()
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "hello.sh").write_text("echo hello from a tool")

    async def scenario() -> None:
        async with place.server() as door:
            agent = AgentCommand(argv=("true",), visible=(str(tools),))
            session = await door.start(await place.spec(door, "ses_1", agent=agent))
            assert "hello from" in await _run(session, f"sh {tools}/hello.sh")
            assert "Read-only" in await _run(session, f"touch {tools}/x")
            assert "No such file" in await _run(session, f"ls {place.state}")

    asyncio.run(scenario())
