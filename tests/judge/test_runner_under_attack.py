"""Code under test that turns on its runner: the run says so within its time, and costs no other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.judge.support import SPEC, Bench

from interlock.adapters.confinement import UidRange
from interlock.adapters.judge.built import of_root
from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.place import Place
from interlock.adapters.judge.results import Blame, to_run
from interlock.adapters.judge.session import RunnerSession
from interlock.adapters.judge.snapshot import Contents, Snapshot
from interlock.core.facts import Run
from interlock.ports.confinement import Level, Limits

MIB = 1 << 20
SECONDS, AFTER_S = 2, 5.0
HONEST = "def test_a():\n    pass\n"
STOPS = """
import os, signal, time

def test_a():
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(600)
"""
KILLS = STOPS.replace("SIGSTOP", "SIGKILL")
TRACES = """
import ctypes, os

def test_a():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    assert libc.ptrace(16, os.getppid(), None, None) == -1, "attached"
    for name in ("mem", "fd/3", "environ"):
        try:
            open(f"/proc/{os.getppid()}/{name}", "rb").read(1)
        except PermissionError:
            continue
        raise AssertionError(name)
"""
FORKS_AWAY = """
import os, time

def test_a():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
"""
ALONE = """
import os

def test_a():
    below = open(f"/proc/self/task/{os.getpid()}/children").read().split()
    runner = open(f"/proc/{os.getppid()}/task/{os.getppid()}/children").read().split()
    assert (below, runner) == ([], [str(os.getpid())])
"""
BOMB = """
import os

def test_a():
    while True:
        try:
            os.fork()
        except OSError:
            pass
"""
FLOODS_FRAMES = """
import os

def test_a():
    pipes = []
    for fd in range(3, 40):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:"):
                pipes.append(fd)
        except OSError:
            pass
    while True:
        for fd in pipes:
            os.write(fd, b"x" * 65536)
"""
FLOODS_OUTPUT = """
import os

def test_a(capfd):
    with capfd.disabled():
        while True:
            os.write(1, b"x" * 65536)
"""
FILLS = """
import errno, pathlib

def test_a():
    here = pathlib.Path(__file__).parent
    written = 0
    try:
        while True:
            (here / f"{written}.bin").write_bytes(bytes(1 << 20))
            written += 1
    except OSError as error:
        assert error.errno == errno.ENOSPC
    assert 8 < written < 64, written
"""


def conditions(bench: Bench) -> Conditions:
    digest = bench.judge.environment(SPEC, bench.base)
    built = of_root(Path(bench.judge.environment_path(digest)))
    return Conditions(environment=built, spec=SPEC)


def place(tmp_path: Path, level: Level, memory: int = 512 * MIB) -> Place:
    limits = Limits(processes=48, memory_bytes=memory, temporary_bytes=32 * MIB)
    return Place(
        level=level, uids=UidRange(), scratch=tmp_path / "work", limits=limits, after_s=AFTER_S
    )


@pytest.fixture
def base(bench: Bench, tmp_path: Path) -> Snapshot:
    return Contents(bench.repository, bench.base, tmp_path / "bases").tree(bench.base)


@pytest.fixture
def session(bench: Bench, tmp_path: Path, base: Snapshot) -> Iterator[RunnerSession]:
    with RunnerSession(place(tmp_path, bench.level), conditions(bench), base.size()) as runner:
        yield runner


def run(session: RunnerSession, base: Snapshot, text: str) -> Run:
    raw = session.run(
        base.writing({"tests/test_new.py": text.encode()}),
        arguments=("tests/test_new.py",),
        settings=None,
        keep=None,
        drop=frozenset(),
        seconds=SECONDS,
    )
    assert len(raw.output) < MIB
    return to_run("red", base.oid, raw, Blame())


@pytest.mark.slow
@pytest.mark.parametrize(
    "text, says",
    [
        (STOPS, "code under test that stops its runner has to go"),
        (KILLS, "code under test that kills it has to go"),
        (BOMB, "the run was stopped after"),
        (FLOODS_OUTPUT, "the run was stopped after"),
        (FLOODS_FRAMES, "the run"),
    ],
    ids=["stops the runner", "kills the runner", "fork bomb", "floods output", "floods frames"],
)
def test_what_keeps_the_runner_from_answering_is_a_result_in_bounded_time(
    session: RunnerSession, base: Snapshot, text: str, says: str
) -> None:
    begin = time.monotonic()
    lost = run(session, base, text)
    # The time of the run, what its runner gets after it, and what a loaded machine adds.
    assert time.monotonic() - begin < SECONDS + AFTER_S + 25
    assert not lost.whole
    assert says in lost.problem
    honest = run(session, base, HONEST)
    assert honest.whole, honest.problem


def test_the_runner_can_neither_be_traced_nor_read(session: RunnerSession, base: Snapshot) -> None:
    traced = run(session, base, TRACES)
    assert traced.whole, traced.problem
    assert [t.outcome.value for t in traced.tests] == ["passed"], traced.tests


def test_what_forks_away_is_ended_with_its_run(session: RunnerSession, base: Snapshot) -> None:
    assert run(session, base, FORKS_AWAY).whole
    after = run(session, base, ALONE)
    assert [t.outcome.value for t in after.tests] == ["passed"], after.tests


def test_a_run_cannot_fill_more_than_its_room(
    session: RunnerSession, bench: Bench, base: Snapshot
) -> None:
    filled = run(session, base, FILLS)
    if bench.level is Level.FULL:
        assert [t.outcome.value for t in filled.tests] == ["passed"], filled.tests
    else:
        assert "MiB to its tree" in filled.problem
    assert run(session, base, HONEST).whole


@pytest.mark.slow
@pytest.mark.parametrize("memory", [512 * MIB, 128 * MIB], ids=["by us", "by the kernel first"])
def test_without_mounts_of_its_own_a_run_that_fills_the_disk_is_ended(
    bench: Bench, tmp_path: Path, base: Snapshot, memory: int
) -> None:
    """What lies in memory counts as the sandbox's: the kernel may be quicker than a look is."""
    where = place(tmp_path, Level.NONE, memory)
    with RunnerSession(where, conditions(bench), base.size()) as session:
        assert "MiB to its tree" in run(session, base, FILLS).problem
        assert run(session, base, HONEST).whole
