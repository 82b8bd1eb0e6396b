"""Judge jobs over the worker door: one measurement per question, whoever asks and however often."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from interlock.errors import DeniedError, InvalidInputError, UnavailableError
from interlock.ports.runner import JudgeKind

if TYPE_CHECKING:
    from tests.supervisor.conftest import Place

SLOW_JUDGE = Path(__file__).with_name("slow_judge.py")


def test_the_next_server_joins_the_job_of_the_last_one(place: Place) -> None:
    place.supervise(program=SLOW_JUDGE)
    judged, release = place.state / "judged", place.state / "release"
    request = {"tree": "abc", "size": 300_000}

    async def dies_waiting() -> None:
        async with place.server() as door:
            asked = asyncio.create_task(door.judge(JudgeKind.RED, request))
            await place.until(judged.exists)
            asked.cancel()

    async def asks_again() -> None:
        async with place.server() as door:
            joined = asyncio.create_task(door.judge(JudgeKind.RED, request))
            await door.make_scratch(place.commit, "ses_1")
            assert not joined.done()
            release.touch()
            # Longer than a packet: it comes in a memfd.
            assert len((await asyncio.wait_for(joined, 30))["output"]) == 300_000

    async def asks_when_it_is_done() -> None:
        async with place.server() as door:
            assert (await door.judge(JudgeKind.RED, request))["tree"] == "abc"
            assert judged.read_text() == "red abc\n"
            await door.judge(JudgeKind.GREEN, request)
            assert judged.read_text() == "red abc\ngreen abc\n"

    asyncio.run(dies_waiting())
    asyncio.run(asks_again())
    asyncio.run(asks_when_it_is_done())


def test_an_error_of_the_judge_is_raised_at_the_server(place: Place) -> None:
    place.supervise(program=SLOW_JUDGE)
    (place.state / "release").touch()

    async def scenario() -> None:
        async with place.server() as door:
            with pytest.raises(DeniedError, match="not this one") as caught:
                await door.judge(JudgeKind.RED, {"tree": "refused"})
            assert (caught.value.code, caught.value.remedy) == ("IL-TST-001", "another")

    asyncio.run(scenario())


def test_a_request_without_its_fields_is_refused(place: Place) -> None:
    place.supervise("--level", "none")

    async def scenario() -> None:
        async with place.server() as door:
            for kind in set(JudgeKind) - {JudgeKind.ENVIRONMENTS}:  # which has none
                with pytest.raises(InvalidInputError, match=kind.value):
                    await door.judge(kind, {})

    asyncio.run(scenario())


def test_who_waits_for_a_lost_supervisor_is_told(place: Place) -> None:
    supervisor = place.supervise(program=SLOW_JUDGE)

    async def scenario() -> None:
        async with place.server() as door:
            asked = asyncio.create_task(door.judge(JudgeKind.RED, {"tree": "abc"}))
            await place.until((place.state / "judged").exists)
            supervisor.kill()
            with pytest.raises(UnavailableError):
                await asyncio.wait_for(asked, 30)
            with pytest.raises(UnavailableError):
                door.capability()

    asyncio.run(scenario())


def test_a_running_job_does_not_keep_the_supervisor_from_ending(place: Place) -> None:
    supervisor = place.supervise(program=SLOW_JUDGE)

    async def scenario() -> None:
        async with place.server() as door:
            asked = asyncio.create_task(door.judge(JudgeKind.RED, {"tree": "abc"}))
            await place.until((place.state / "judged").exists)
            supervisor.terminate()
            with pytest.raises(UnavailableError):
                await asyncio.wait_for(asked, 30)

    asyncio.run(scenario())
    assert supervisor.wait(30) == 0
