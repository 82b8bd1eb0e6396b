"""``auto_advance``: the server asks for an agent that ended well with everything handed in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.engine.bench import DOCUMENTS, OPEN_PLAN, WORKFLOW, WRITES, Bench, run

from interlock.core.gates.samples import red
from interlock.core.states import TaskStatus
from interlock.testing.memory_sessions import MemorySession

S = TaskStatus


async def reach(b: Bench, phase: str, *, auto: bool = True) -> tuple[str, MemorySession]:
    """A task in a phase, under a workflow whose gates say ``auto_advance``."""
    phases = tuple(
        replace(p, gates=tuple(replace(g, auto_advance=auto) for g in p.gates))
        for p in WORKFLOW.phases
    )
    b.workflow = replace(WORKFLOW, phases=phases, digest=f"wf-auto-{auto}")
    await b.restart()
    task_id = await b.reach(phase)
    return task_id, await b.session(task_id)


async def hand_in(b: Bench, session: MemorySession, phase: str, *names: str) -> None:
    caller = await b.caller(session.session_id)
    session.files.update(WRITES.get(phase, {}))
    for name in names or DOCUMENTS[phase]:
        given = {"type": name, "content": DOCUMENTS[phase][name]}
        await b.now.service.execute(caller, "submit_artifact", given, call_id=name)


def test_a_program_that_ends_well_with_everything_handed_in_leaves_its_phase() -> None:
    async def story(b: Bench) -> None:
        task_id, session = await reach(b, "TDD")
        await hand_in(b, session, "TDD")
        assert b.state(task_id).status is S.WORKING
        session.leave()
        await b.until(lambda: b.state(task_id).phase == "IMPL")
        asked = [
            e for e in b.store.task_events(task_id) if e.event_type == "phase_transition_requested"
        ][-1]
        assert (asked.actor, asked.data["target"]) == ("server", "IMPL")
        assert "gate_passed" in b.kinds(task_id)
        assert b.state(task_id).failures == 0

    run(story)


def test_the_last_document_alone_moves_nothing() -> None:
    async def story(b: Bench) -> None:
        task_id, session = await reach(b, "TDD")
        before = len(b.kinds(task_id))
        await hand_in(b, session, "TDD")
        await b.now.ledger.announce()
        assert b.kinds(task_id)[before:] == ["artifact_submitted"] * 2
        assert b.state(task_id).status is S.WORKING

    run(story)


@pytest.mark.parametrize(
    "why", ["no auto_advance", "a document is missing", "it failed", "it died"]
)
def test_nothing_is_asked_for_an_agent_that_is_not_done(why: str) -> None:
    async def story(b: Bench) -> None:
        task_id, session = await reach(b, "TDD", auto=why != "no auto_advance")
        names = ("test_files",) if why == "a document is missing" else ()
        await hand_in(b, session, "TDD", *names)
        before = b.kinds(task_id)
        if why == "it died":
            session.die()
        else:
            session.leave(1 if why == "it failed" else 0)
        await b.reaches(task_id, status=S.READY, failures=1)
        assert b.state(task_id).phase == "TDD"
        assert b.kinds(task_id) == [*before, "attempt_ended"]

    run(story)


def test_a_gate_that_blocks_ends_the_attempt_and_the_next_one_is_told_why() -> None:
    async def story(b: Bench) -> None:
        task_id, session = await reach(b, "TDD")
        b.red = replace(red(), environment="env", problem="no test was collected")
        await hand_in(b, session, "TDD")
        judged = len(b.runner.judged)
        session.leave()
        await b.reaches(task_id, status=S.READY, failures=1)
        assert b.state(task_id).phase == "TDD"
        assert b.kinds(task_id)[-2:] == ["gate_blocked", "attempt_ended"]
        assert "no test was collected" in str(b.state(task_id).blockers)
        assert len(b.runner.judged) == judged + 1

    run(story)


def test_a_person_is_asked_where_the_gate_needs_one() -> None:
    async def story(b: Bench) -> None:
        task_id, session = await reach(b, "PLAN")
        caller = await b.caller(session.session_id)
        for name, content in {**DOCUMENTS["PLAN"], "plan_document": OPEN_PLAN}.items():
            given = {"type": name, "content": content}
            await b.now.service.execute(caller, "submit_artifact", given, call_id=name)
        session.leave()
        await b.reaches(task_id, status=S.AWAITING_APPROVAL)

    run(story)


def test_an_agent_may_ask_itself_all_the_same() -> None:
    async def story(b: Bench) -> None:
        task_id, _ = await reach(b, "TDD")
        await b.leave(task_id)
        assert b.state(task_id).phase == "IMPL"

    run(story)


def test_a_server_that_comes_back_asks_for_a_program_that_ended_meanwhile() -> None:
    async def story(b: Bench) -> None:
        task_id, session = await reach(b, "TDD")
        await hand_in(b, session, "TDD")
        await b.crash()
        session.leave()
        await b.start()
        await b.until(lambda: b.state(task_id).phase == "IMPL")

    run(story)
