"""Parts of the supervisor by themselves: output, scratches, jobs."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from interlock.adapters import removal
from interlock.adapters.confinement import UidRange
from interlock.errors import InterlockError, UnavailableError, UsageError
from interlock.ports.runner import JudgeKind
from interlock.supervisor.judge_jobs import JudgeJobs
from interlock.supervisor.output import OutputLog
from interlock.supervisor.scratch import Scratches
from interlock.supervisor.threads import in_thread

if TYPE_CHECKING:
    from tests.supervisor.conftest import Place


def test_output_is_kept_up_to_the_cap_and_never_blocks_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "out.log"

    async def scenario() -> None:
        log = OutputLog(path, asyncio.get_running_loop(), cap=1000)
        writer = os.dup(log.write_end)
        log.start()

        def write() -> None:
            with os.fdopen(writer, "wb") as file:
                file.write(b"a" * 2_000_000)

        await asyncio.wait_for(in_thread(write), 10)
        log.close()
        log.close()

    asyncio.run(scenario())
    kept = path.read_bytes()
    assert kept.startswith(b"a" * 1000 + b"\n[interlock: the log is full")
    assert len(kept) < 1100


def test_what_was_written_before_the_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.log"

    async def scenario() -> None:
        for word in (b"one", b"two"):
            log = OutputLog(path, asyncio.get_running_loop())
            os.write(log.write_end, word)
            log.start()
            log.close()

    asyncio.run(scenario())
    assert path.read_bytes() == b"onetwo"


def test_a_uid_is_one_sessions_until_nothing_of_it_is_left(place: Place, tmp_path: Path) -> None:
    uids = UidRange(61800, 61801, locks=tmp_path / "locks")
    scratches = Scratches(place.state, uids)
    first, second = scratches.uid("one"), scratches.uid("two")
    assert first == scratches.uid("one")
    if os.getuid() != 0:
        assert first is second is None
        return
    assert first != second
    tree = scratches.make(place.commit, "one")
    assert tree == scratches.make(place.commit, "one")
    assert {path.stat().st_uid for path in [tree, *tree.rglob("*")]} == {first}
    with pytest.raises(UnavailableError):
        scratches.uid("three")
    scratches.remove("one")
    assert not tree.exists()
    deadline = time.monotonic() + 10
    while True:
        try:
            assert scratches.uid("three") == first
            break
        except UnavailableError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_scratch_of_no_commit_leaves_nothing_behind(place: Place) -> None:
    scratches = Scratches(place.state, UidRange())
    with pytest.raises(InterlockError):
        scratches.make("0" * 40, "one")
    assert not (place.state / "scratch" / "one").exists()
    for name in ("", ".", "..", "a/b", "-x", "x" * 65, "a\n"):
        with pytest.raises(UsageError, match="no session id"):
            scratches.make(place.commit, name)


def test_what_an_earlier_supervisor_left_is_removed(place: Place) -> None:
    left = place.state / "scratch" / "ses_old" / "w"
    left.mkdir(parents=True)
    (left / "file").touch()
    Scratches(place.state, UidRange())
    assert not left.exists()


def test_a_scratch_goes_although_who_removes_it_is_killed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratches, real = Scratches(place.state, UidRange()), removal._run
    killed: list[tuple[str, ...]] = []

    def command(*argv: str) -> str:
        if argv[0] == "rm" and not killed:
            killed.append(argv)
            return "Killed"
        return real(*argv)

    monkeypatch.setattr(removal, "_run", command)
    scratches.make(place.commit, "one")
    scratches.remove("one")
    scratches.settle(30)
    assert killed
    assert [path.name for path in (place.state / "scratch").rglob("*")] == [".removed"]


class _Bench:
    """A judge that counts, waits until it is let go, and answers what it was told to."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.most = self._now = 0
        self.go = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, kind: JudgeKind, request: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self.go.wait(10)
        with self._lock:
            self._now -= 1
            self.done.append(request["tree"])
        if "error" in request:
            raise UnavailableError(request["error"])
        return {"problem": request.get("problem", "")}


def test_many_askers_of_one_question_cause_one_measurement() -> None:
    bench = _Bench()

    async def scenario() -> None:
        jobs = JudgeJobs(bench)
        asked = [
            asyncio.create_task(jobs.run(JudgeKind.RED, {"tree": "a", "base": "b"})),
            asyncio.create_task(jobs.run(JudgeKind.RED, {"base": "b", "tree": "a"})),
        ]
        await asyncio.sleep(0)
        asked[0].cancel()
        bench.go.set()
        await asked[1]
        await jobs.run(JudgeKind.RED, {"tree": "a", "base": "b"})

    asyncio.run(scenario())
    assert bench.done == ["a"]


@pytest.mark.parametrize(
    "kind, more",
    [
        (JudgeKind.RED, {"problem": "out of time"}),
        (JudgeKind.GREEN, {"error": "no sandbox"}),
        (JudgeKind.ENVIRONMENT, {}),
    ],
)
def test_what_is_no_measurement_is_tried_again(kind: JudgeKind, more: dict[str, str]) -> None:
    bench = _Bench()
    bench.go.set()

    async def scenario() -> None:
        jobs = JudgeJobs(bench)
        for _ in range(2):
            if "error" in more:
                with pytest.raises(UnavailableError, match=more["error"]):
                    await jobs.run(kind, {"tree": "a", **more})
            else:
                await jobs.run(kind, {"tree": "a", **more})

    asyncio.run(scenario())
    assert bench.done == ["a", "a"]


def test_no_more_jobs_run_at_once_than_said() -> None:
    bench = _Bench()

    async def scenario() -> None:
        jobs = JudgeJobs(bench, at_once=2)
        asked = [
            asyncio.create_task(jobs.run(JudgeKind.RED, {"tree": str(number)}))
            for number in range(6)
        ]
        async with asyncio.timeout(10):
            while bench.most < 2:
                await asyncio.sleep(0.005)
        bench.go.set()
        await asyncio.gather(*asked)

    asyncio.run(scenario())
    assert bench.most == 2
    assert len(bench.done) == 6


def test_jobs_of_one_task_take_turns_and_leave_the_rest_to_others() -> None:
    bench = _Bench()

    async def scenario() -> None:
        jobs = JudgeJobs(bench, at_once=2)
        greedy = [
            asyncio.create_task(jobs.run(JudgeKind.GREEN, {"tree": str(number)}, owner="task_1"))
            for number in range(4)
        ]
        other = asyncio.create_task(jobs.run(JudgeKind.RED, {"tree": "other"}, owner="task_2"))
        async with asyncio.timeout(10):
            while bench.most < 2:
                await asyncio.sleep(0.005)
        bench.go.set()
        await asyncio.gather(*greedy, other)

    asyncio.run(scenario())
    assert bench.most == 2
    assert "other" in bench.done[:2]
