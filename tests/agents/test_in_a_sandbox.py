"""Programs as adapters prepare them, in a real sandbox: they start and can import the client."""

from __future__ import annotations

import dataclasses
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from interlock.adapters.agents.command import command_agent
from interlock.adapters.agents.scripted import reviewer_commands, scripted_command
from interlock.adapters.confinement import UidRange, start
from interlock.errors import UsageError
from interlock.ports.confinement import Level, Sandbox
from interlock.ports.runner import AgentCommand, SessionSpec
from interlock.supervisor.composition import PROGRAMS, agent_environment, compose

SHOW = """
import sys
from interlock import AgentClient
print("client", AgentClient.__name__, "arguments", len(sys.argv) - 1)
"""

LEVELS = [
    pytest.param(
        Level.FULL,
        marks=pytest.mark.skipif(
            shutil.which("bwrap") is None, reason="NOT RUN: bubblewrap is not installed"
        ),
    ),
    Level.PARTIAL,
    Level.NONE,
]


class Room:
    """A state directory, and sessions in it without a server."""

    def __init__(self, place: Path, uid: int | None) -> None:
        self.state = place / "state"
        self.scratch = place / "scratch"
        self.own = place / "own"
        for directory in (self.state, self.scratch, self.own):
            directory.mkdir()
        (self.own / "prompt.md").write_text("prompt")
        self._uid = uid
        if uid is not None:
            os.chown(self.scratch, uid, uid)

    def run(self, agent: AgentCommand, level: Level) -> tuple[int | None, str]:
        """Run an agent's program as its session would; exit status and output."""
        spec = SessionSpec(session_id="ses_1", scratch=str(self.scratch), agent=agent)
        composed = compose(
            spec, state=self.state, own=self.own, socket_fd=0, uid=self._uid, level=level
        )
        # The port inside is only known when it runs; the programs here need no door.
        composed = dataclasses.replace(composed, pass_fds=(), argv=("/bin/sh", "-c", "exit 0"))
        with start(composed, level) as first:
            given = agent_environment(spec, composed, first)
            first.wait(30)
        composed = dataclasses.replace(
            composed, argv=agent.argv, env={**composed.env, **agent.env, **given}
        )
        log = self.own / "log"
        with (
            log.open("wb") as output,
            start(composed, level, stdout=output.fileno(), stderr=output.fileno()) as sandbox,
        ):
            status = sandbox.wait(30)
        return status, log.read_text()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A room below a directory that only its owner may search."""
    uids = UidRange()
    uid = uids.lease()
    private = tmp_path.resolve() / "private"
    private.mkdir(mode=0o700)
    yield Room(private, uid)
    uids.release(uid)


@pytest.mark.sandbox
@pytest.mark.parametrize("level", LEVELS)
def test_command_of_the_persons_python_imports_the_client(
    level: Level, room: Room, tmp_path: Path
) -> None:
    script = tmp_path / "agent.py"
    script.write_text(SHOW)
    agent = command_agent("python3 agent.py one two", tmp_path)
    status, said = room.run(agent, level)
    assert (status, said.strip()) == (0, "client AgentClient arguments 2")


@pytest.mark.sandbox
@pytest.mark.parametrize("level", LEVELS)
def test_script_is_read_by_its_program(level: Level, room: Room) -> None:
    agent = scripted_command({"phases": {"PLAN": [{"tol": "x"}]}}, room.state / PROGRAMS)
    status, said = room.run(agent, level)
    # It got as far as its script, and no further: there is no door.
    assert status == 2
    assert "a step is one of" in said


def test_the_agent_is_told_an_address_and_given_no_secret(room: Room) -> None:
    """An address, because "localhost" may be one that the agent can listen at itself."""
    spec = SessionSpec(session_id="s", scratch=str(room.scratch), agent_id="author")
    composed = compose(
        spec, state=room.state, own=room.own, socket_fd=0, uid=None, level=Level.FULL
    )

    class Running:
        level = Level.FULL

        def port(self, inner: int) -> int:
            return inner

    running = cast(Sandbox, Running())
    assert agent_environment(spec, composed, running) == {
        "PYTHONPATH": "/opt/interlock/lib",
        "INTERLOCK_LIB": "/opt/interlock/lib",
        "PYTHONUNBUFFERED": "1",
        "INTERLOCK_URL": "http://127.0.0.1:8000",
        "INTERLOCK_AGENT_ID": "author",
        "INTERLOCK_PROMPT_FILE": "/run/interlock-session/prompt.md",
    }
    assert composed.env.keys() == {"PATH"}


@pytest.mark.sandbox
def test_rest_of_the_state_cannot_be_made_visible(room: Room) -> None:
    secret = room.state / "keys"
    secret.mkdir()
    (room.state / PROGRAMS).mkdir()
    (room.state / PROGRAMS / "link").symlink_to(secret)
    for path in (secret, room.state, room.state / PROGRAMS / "link"):
        with pytest.raises(UsageError, match="keeps its records"):
            room.run(AgentCommand(argv=("/bin/true",), visible=(str(path),)), Level.NONE)


def test_same_path_twice_and_the_interpreters_own_are_mounted_once(room: Room) -> None:
    python = command_agent("python3", Path("/"))
    twice = AgentCommand(argv=python.argv, visible=(*python.visible, *python.visible))
    spec = SessionSpec(session_id="s", scratch=str(room.scratch), agent=twice)
    composed = compose(
        spec, state=room.state, own=room.own, socket_fd=0, uid=None, level=Level.FULL
    )
    targets = [mount.target for mount in composed.mounts]
    assert len(targets) == len(set(targets))


def test_script_is_readable_by_any_user_and_named_by_content(tmp_path: Path) -> None:
    place = tmp_path / "programs"
    first = scripted_command({"phases": {}}, place)
    again = scripted_command({"phases": {}}, place)
    other = scripted_command({"phases": {"PLAN": []}}, place)
    assert first == again != other
    path = Path(first.argv[-1])
    assert first.visible == (str(path),)
    assert stat.S_IMODE(place.stat().st_mode) == 0o711
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_each_review_role_has_a_program_of_its_own(tmp_path: Path) -> None:
    programs = reviewer_commands(tmp_path)
    assert set(programs) == {"security", "quality", "consistency", "holistic", "vibe_coding"}
    assert len({program.argv for program in programs.values()}) == 5
