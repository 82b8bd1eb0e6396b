"""The base of a task is measured beside everything else, and what it shows is told early."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.engine.bench import ENVIRONMENT, WORKFLOW, Bench

from interlock.cli.bases import told
from interlock.core.commands import Record
from interlock.core.events import BaseMeasured, BlockerEncountered
from interlock.core.facts import BaseFacts
from interlock.core.gates.samples import NEW, OLD, run
from interlock.errors import InvalidInputError, UnavailableError
from interlock.ports.runner import JudgeKind

SHAKY = BaseFacts(
    environment="env", run=run("base", OLD, failed=(NEW,)), again=run("base", NEW), flaky=(OLD,)
)


def story(told_by: Callable[[Bench], Awaitable[None]]) -> None:
    async def lived() -> None:
        bench = Bench()
        await bench.start()
        try:
            await told_by(bench)
        finally:
            await bench.close()

    asyncio.run(lived())


def test_a_broken_or_flaky_base_is_told_while_the_first_phase_goes_on() -> None:
    async def lived(b: Bench) -> None:
        b.base = SHAKY
        task_id = await b.create()
        await b.until(lambda: b.state(task_id).base)
        assert b.state(task_id).phase == "PLAN"
        task = (await b.now.people.why(task_id))["task"]
        assert told(task["base"]) == [
            f"1 of 2 fail on the base already: {NEW}",
            f"1 flaky, two runs of the base differ in them: {OLD}",
        ]
        # Nobody is asked to do anything about it, and the task goes its way.
        assert task["waiting_for"]["who"] == "the agent"
        assert await b.now.people.inbox() == []
        await b.leave(task_id)

    story(lived)


def test_it_is_asked_for_once_also_by_the_next_server() -> None:
    async def lived(b: Bench) -> None:
        task_id = await b.create()
        await b.until(lambda: b.state(task_id).base)
        await b.restart()
        await b.leave(task_id)
        assert b.runner.judged.count(JudgeKind.BASE) == 1

    story(lived)


def test_a_server_that_died_meanwhile_leaves_it_to_the_next_one() -> None:
    async def lived(b: Bench) -> None:
        asked, real = asyncio.Event(), b.runner.judge

        async def waits(kind: JudgeKind, request: Any, *, owner: str = "") -> Any:
            if kind is JudgeKind.BASE and not asked.is_set():
                asked.set()
                await asyncio.Event().wait()
            return await real(kind, request, owner=owner)

        setattr(b.runner, "judge", waits)  # noqa: B010 - a judge that takes its time
        task_id = await b.create()
        await asked.wait()
        await b.restart()
        await b.until(lambda: b.state(task_id).base)

    story(lived)


def test_what_cannot_be_measured_now_is_tried_again_and_what_never_can_is_a_fact() -> None:
    async def lived(b: Bench) -> None:
        answers = iter([UnavailableError("nobody there"), InvalidInputError("no such command")])

        async def judge(kind: JudgeKind, request: Any, *, owner: str = "") -> Mapping[str, Any]:
            if kind is JudgeKind.BASE:
                raise next(answers)
            return {"path": "/env"}

        setattr(b.runner, "judge", judge)  # noqa: B010 - a judge that fails
        task_id = await b.create()
        await b.until(lambda: b.state(task_id).base)
        base = (await b.now.people.task(task_id))["base"]
        assert told(base) == ["the base's suite is not whole: no such command"]

    story(lived)


def test_its_coming_late_does_not_hide_what_a_person_has_to_do() -> None:
    async def lived(b: Bench) -> None:
        task_id = await b.create()
        await b.session(task_id)
        full = BlockerEncountered(message="the disk is full", remedy="df")
        for event in (full, BaseMeasured(digest="d", tree="t")):
            await b.now.ledger.apply(task_id, Record(event=event), actor="server")
        waiting = (await b.now.people.task(task_id))["waiting_for"]
        assert (waiting["who"], waiting["what"]) == ("a person", "the disk is full")

    story(lived)


def test_nothing_of_a_base_is_run_before_somebody_trusts_the_recipe() -> None:
    async def lived(b: Bench) -> None:
        recipe = replace(ENVIRONMENT, setup=("make environment",))
        b.workflow = replace(WORKFLOW, environment=recipe, digest="another")
        task_id = await b.create()
        await b.session(task_id)
        assert JudgeKind.BASE not in b.runner.judged
        b.environments.trust(recipe, by="ada")
        await b.now.ledger.announce()
        await b.until(lambda: b.state(task_id).base)

    story(lived)
