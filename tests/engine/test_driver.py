"""The driver does what the state says is next, also after a crash between any two steps."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.engine.bench import AGENT, DOCUMENTS, OPEN_PLAN, REVIEWED, SCOPE, Bench, run

from interlock.core.states import TaskStatus
from interlock.engine.author import MAX_LOSSES
from interlock.errors import UnavailableError
from interlock.ports.audit import AuditEntry, Kind
from interlock.ports.runner import JudgeKind, NoSupervisorError, SessionSpec
from interlock.ports.store import StoredEvent
from interlock.testing.memory_sessions import MemorySession

S = TaskStatus


async def _finish(b: Bench, task_id: str) -> None:
    """From wherever the task is to its end."""
    await b.until(lambda: b.state(task_id).status in (S.READY, S.WORKING))
    while b.state(task_id).status is not S.COMPLETED:
        phase = b.state(task_id).phase
        if phase == "REVIEW":
            await b.review(task_id)
        await b.leave(task_id)
        if phase == "COMPLETE":
            await b.reaches(task_id, status=S.COMPLETED)


def test_a_task_is_driven_from_its_plan_to_one_commit() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create(REVIEWED)
        await _finish(b, task_id)
        state = b.state(task_id)
        assert b.trees.branches == {state.branch: state.commit}
        landed = b.trees.files(state.commit)
        assert landed["src/text.py"] == "def slug(): ..."
        assert landed["tests/test_new.py"] == "new"
        await b.now.housing.settled()
        assert b.runner.sessions == {}
        assert b.now.doors.open_ids == set()
        assert len(b.runner.started) == 5 + 5  # phases, reviewers

    run(story)


def test_what_lands_is_the_tree_that_was_judged_in_one_commit_that_says_so() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create(REVIEWED)
        await _finish(b, task_id)
        state = b.state(task_id)
        tree, parent, message = b.trees.landed[f"interlock/{task_id}"]
        events = b.store.task_events(task_id)
        judged = [e.data["tree"] for e in events if e.event_type == "evidence_recorded"]
        assert tree == judged[-1] == state.tree
        assert parent == state.base_commit
        assert list(b.trees.landed) == [state.branch]
        assert f"\n\nInterlock-Task: {task_id}\nInterlock-Tree: {tree}\n" in message
        assert re.search(r"\nInterlock-Attestation: [0-9a-f]{64}\n$", message)

    run(story)


def test_every_tree_that_was_taken_over_is_kept_by_task_and_attempt() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW")
        attempt = ""
        wanted = set()
        for event in b.store.task_events(task_id):
            attempt = event.data.get("attempt_id", attempt)
            if event.event_type == "tree_imported":
                tree = event.data["tree"]
                wanted.add((f"refs/interlock/{task_id}/{attempt}/{tree}", tree))
        base = b.state(task_id).base_tree
        assert len(wanted) >= 3
        assert {pair for pair in wanted if pair[1] != base} <= set(b.trees.refs.items())

    run(story)


def test_every_phase_has_a_session_of_its_own_on_the_tree_of_the_one_before() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        first = await b.session(task_id)
        await b.leave(task_id)
        second = await b.session(task_id)
        assert second.session_id != first.session_id
        await b.until(first.exited.done)
        second.files["scratch.txt"] = "x"
        await b.leave(task_id)
        third = await b.session(task_id)
        assert third.files["tests/test_new.py"] == "new"
        assert "scratch.txt" not in third.files

    run(story)


def _crash_at(b: Bench, event_type: str) -> asyncio.Event:
    """From the append that has this event on nothing more gets done; returns when that is."""
    crashed = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = b.store.append

    def append(task_id: str, version: int, events: Any, **more: Any) -> tuple[StoredEvent, ...]:
        if crashed.is_set():
            raise UnavailableError("the machine stopped", code="IL-TST-000")
        stored = real(task_id, version, events, **more)
        if any(event.event_type == event_type for event in events):
            loop.call_soon_threadsafe(crashed.set)
            raise UnavailableError("stored, and nobody heard of it", code="IL-TST-000")
        return stored

    setattr(b.store, "append", append)  # noqa: B010 - the machine of this test stops
    return crashed


async def _come_back(b: Bench, crashed: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await crashed.wait()
    delattr(b.store, "append")  # the store's own again
    await b.restart()


EVENTS = [
    ("attempt_started", "PLAN"),
    ("phase_transition_requested", "TDD"),
    ("tree_imported", "TDD"),
    ("evidence_recorded", "TDD"),
    ("tests_frozen", "TDD"),
    ("evidence_recorded", "IMPL"),
    ("reviewer_started", "REVIEW"),
    ("gate_passed", "REVIEW"),
    ("completion_accepted", "COMPLETE"),
    ("task_completed", "COMPLETE"),
]


@pytest.mark.parametrize("event_type,phase", EVENTS)
def test_a_crash_right_after_an_append_loses_nothing_and_does_nothing_twice(
    event_type: str, phase: str
) -> None:
    async def story(b: Bench) -> None:
        if phase == "PLAN":
            crashed = _crash_at(b, event_type)
            task_id = await b.create(REVIEWED)
        elif event_type == "reviewer_started":
            task_id = await b.reach("IMPL", REVIEWED)
            crashed = _crash_at(b, event_type)
            await b.leave(task_id)
        else:
            task_id = await b.reach(phase, REVIEWED)
            if phase == "REVIEW":
                await b.review(task_id)
            crashed = _crash_at(b, event_type)
            try:
                await b.ask(task_id)
            except UnavailableError:
                assert event_type == "phase_transition_requested"
        await _come_back(b, crashed)
        await _finish_from_anywhere(b, task_id)
        kinds = b.kinds(task_id)
        for once in ("task_completed", "completion_accepted", "task_started", "tests_frozen"):
            assert kinds.count(once) == 1, once
        assert kinds.count("phase_changed") == 4
        assert len(b.trees.branches) == 1
        assert all(session.spawned <= 1 for session in b.runner.sessions.values())

    run(story)


async def _finish_from_anywhere(b: Bench, task_id: str) -> None:
    def settled() -> bool:
        return b.state(task_id).status not in (S.MEASURING, S.LANDING)

    await b.until(settled)
    if b.state(task_id).status is not S.COMPLETED:
        await _finish(b, task_id)


def test_a_session_that_outlived_the_server_is_taken_over_not_started_again() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        session.files["note"] = "kept"
        await b.restart()
        again = await b.session(task_id)
        assert again is session
        assert session.spawned == 1
        assert b.state(task_id).attempts == 1
        assert b.now.doors.open_ids == {session.session_id}
        await b.leave(task_id)

    run(story)


def test_a_session_that_was_lost_with_the_server_is_no_failure_of_the_agent() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        await b.crash()
        await b.runner.end(session.session_id)
        await b.start()
        await b.session(task_id)
        assert b.state(task_id).attempts == 2
        assert b.state(task_id).failures == 0

    run(story)


def test_sessions_that_went_with_the_supervisor_are_no_failure_and_start_again() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD")
        tree = b.state(task_id).tree
        session = await b.session(task_id)
        session.die(None)
        await b.reaches(task_id, attempts=2)
        again = await b.session(task_id)
        assert again is not session
        assert (b.state(task_id).failures, b.state(task_id).tree) == (0, tree)
        (ended,) = [e for e in b.store.task_events(task_id) if e.event_type == "attempt_ended"]
        assert ended.data["outcome"] == "lost"
        assert f"phase TDD starts again from its tree {tree[:12]}" in ended.data["detail"]

    run(story)


def test_a_program_that_asked_and_left_is_lost_with_its_supervisor_before_the_import() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        real = session.host.call

        async def goes(op: str, **more: Any) -> Any:
            if op in ("freeze", "walk"):
                session.leave()
                session.die(None)
            return await real(op, **more)

        setattr(session.host, "call", goes)  # noqa: B010 - a supervisor that is killed now
        await b.ask(task_id, documents={})
        await b.reaches(task_id, attempts=2)
        assert b.state(task_id).failures == 0

    run(story)


def test_a_phase_that_is_lost_again_and_again_waits_for_a_person() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        for count in range(MAX_LOSSES):
            (await b.session(task_id)).die(None)
            await b.reaches(task_id, losses=count + 1)
        await b.until(lambda: b.state(task_id).notices)
        waiting = (await b.now.people.task(task_id))["waiting_for"]
        assert (waiting["who"], waiting["command"]) == (
            "a person",
            f"interlock run --task {task_id}",
        )
        assert b.state(task_id).attempts == MAX_LOSSES
        await b.now.people.resume(task_id, by="ada", command_id="c")
        await b.session(task_id)

    run(story)


def test_a_task_that_goes_back_again_and_again_waits_for_a_person() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD", {**AGENT, "max_returns": 1})
        for _ in range(2):
            await b.ask(task_id, "PLAN")
            await b.reaches(task_id, phase="PLAN")
            if b.state(task_id).returns == 1:
                await b.leave(task_id)
        await b.until(lambda: b.state(task_id).notices)
        assert "gone back" in (await b.now.people.task(task_id))["waiting_for"]["what"]
        assert b.state(task_id).attempts == 0
        await b.now.people.resume(task_id, by="ada", command_id="c")
        await b.leave(task_id)

    run(story)


def test_a_step_waits_for_a_supervisor_that_is_away_and_bothers_nobody() -> None:
    async def story(b: Bench) -> None:
        back, real = asyncio.Event(), b.runner.make_scratch

        async def connected(timeout_s: float) -> None:
            await asyncio.wait_for(back.wait(), timeout_s)

        async def make_scratch(commit: str, session_id: str) -> str:
            if not back.is_set():
                raise NoSupervisorError("away")
            return await real(commit, session_id)

        setattr(b.runner, "connected", connected)  # noqa: B010 - a supervisor that was killed
        setattr(b.runner, "make_scratch", make_scratch)  # noqa: B010
        task_id = await b.create()
        await b.reaches(task_id, attempts=1)
        back.set()
        await b.session(task_id)
        assert b.kinds(task_id) == ["task_created", "attempt_started", "task_started"]

    run(story)


def test_an_order_to_end_a_session_outlasts_a_broken_connection() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session, real = await b.session(task_id), b.runner.end
        orders = iter([NoSupervisorError("the connection broke")])

        async def end(session_id: str, *, grace_s: float = 1.0) -> None:
            for error in orders:
                raise error
            await real(session_id)

        setattr(b.runner, "end", end)  # noqa: B010 - a connection that breaks once
        session.leave()
        await b.reaches(task_id, status=S.READY)
        await b.now.housing.settled()
        assert b.runner.sessions == {}

    run(story)


def test_a_session_of_a_phase_that_was_left_is_ended_by_the_next_server() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        crashed = _crash_at(b, "tree_imported")
        await b.ask(task_id)
        await _come_back(b, crashed)
        await b.reaches(task_id, phase="TDD")
        await b.session(task_id)
        await b.now.housing.settled()
        assert session.session_id not in b.runner.sessions

    run(story)


def test_a_session_that_died_unseen_is_taken_away_by_the_next_server() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        crashed = _crash_at(b, "phase_changed")
        await b.ask(task_id)
        async with asyncio.timeout(10):
            await crashed.wait()
        session.die()
        await _come_back(b, crashed)
        await b.session(task_id)
        await b.now.housing.settled()
        assert session.session_id not in b.runner.sessions
        assert b.state(task_id).failures == 0

    run(story)


def test_a_session_that_dies_while_it_is_started_is_a_failed_attempt() -> None:
    async def story(b: Bench) -> None:
        real = b.runner.start
        died: list[str] = []

        async def start(spec: SessionSpec) -> MemorySession:
            session = await real(spec)
            if not died:
                died.append(spec.session_id)
                session.die()
            return session

        setattr(b.runner, "start", start)  # noqa: B010 - its toolhost is killed at once
        task_id = await b.create({**AGENT, "max_attempts": 2})
        await b.reaches(task_id, attempts=2)
        await b.session(task_id)
        assert (b.state(task_id).failures, b.state(task_id).notices) == (1, ())
        await b.now.housing.settled()
        assert died[0] not in b.runner.sessions

    run(story)


def test_sessions_that_no_task_knows_are_ended_at_the_start() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        await b.now.people.abort(task_id, by="ada", reason="x", command_id="c")
        b.runner.sessions[session.session_id] = session
        await b.restart()
        await b.now.housing.settled()
        assert b.runner.sessions == {}

    run(story)


def test_a_dependency_holds_a_task_until_it_is_complete() -> None:
    async def story(b: Bench) -> None:
        first = await b.create(REVIEWED)
        second = await b.create(AGENT, depends_on=(first,))
        while b.state(first).phase != "COMPLETE":
            if b.state(first).phase == "REVIEW":
                await b.review(first)
            await b.leave(first)
            assert b.state(second).attempts == 0
        shown = await b.now.people.task(second)
        assert shown["waiting_for"]["who"] == "other tasks"
        await b.leave(first)
        await b.session(second)

    run(story)


def test_a_task_whose_dependency_was_aborted_asks_a_person() -> None:
    async def story(b: Bench) -> None:
        first = await b.create()
        second = await b.create(AGENT, depends_on=(first,))
        await b.now.people.abort(first, by="ada", reason="x", command_id="c")
        await b.until(lambda: b.state(second).notices)
        assert b.state(second).attempts == 0
        assert b.kinds(second) == ["task_created", "blocker_encountered"]
        (waiting,) = await b.now.people.inbox()
        assert (waiting["task_id"], waiting["command"]) == (second, f"interlock abort {second}")
        assert first in waiting["what"]
        await b.restart()
        third = await b.create()
        await b.session(third)
        assert b.kinds(second).count("blocker_encountered") == 1

    run(story)


def test_attempts_end_at_the_bound_and_a_person_lets_them_go_on() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create({**AGENT, "max_attempts": 2})
        for count in (1, 2):
            (await b.session(task_id)).leave(1)
            await b.reaches(task_id, failures=count)
        assert b.state(task_id).failures == 2
        other = await b.create()
        await b.session(other)
        assert b.state(task_id).attempts == 2
        assert (await b.now.people.task(task_id))["waiting_for"]["who"] == "a person"
        await b.now.people.resume(task_id, by="ada", command_id="c")
        await b.session(task_id)
        assert b.state(task_id).failures == 0

    run(story)


def test_a_program_that_left_after_asking_is_measured_and_goes_on() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        await b.ask(task_id)
        session.leave()
        await b.reaches(task_id, phase="TDD")
        assert b.state(task_id).failures == 0

    run(story)


def test_a_program_that_left_after_asking_for_too_much_failed_once() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        await b.ask(task_id, documents={})
        session.leave()
        await b.reaches(task_id, status=S.READY)
        assert "gate_blocked" in b.kinds(task_id)
        assert b.state(task_id).failures == 1

    run(story)


def test_a_sandbox_that_goes_before_the_import_is_a_failed_attempt() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        session.die()
        await b.reaches(task_id, status=S.READY)
        assert b.state(task_id).failures == 1
        assert b.state(task_id).attempts == 1

    run(story)


def test_requests_that_die_before_the_import_are_bounded_too() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)

        async def dies(*_: Any, **__: Any) -> Any:
            session.die()
            raise UnavailableError("gone", code="IL-TST-005")

        setattr(session.host, "call", dies)  # noqa: B010 - the agent kills its toolhost
        await b.ask(task_id, documents={})
        await b.reaches(task_id, status=S.READY)
        assert b.kinds(task_id)[-1] == "measurement_lost"
        assert b.state(task_id).failures == 1

    run(story)


def test_a_person_is_asked_for_an_open_question_and_the_yes_moves_the_task() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        documents = {"plan_document": OPEN_PLAN, "scope_definition": SCOPE}
        assert (await b.ask(task_id, documents=documents)).status == "pending"
        await b.reaches(task_id, status=S.AWAITING_APPROVAL)
        await b.now.housing.settled()
        assert b.runner.sessions == {}
        (waiting,) = await b.now.people.inbox()
        assert "Which separator?" in waiting["reasons"][0]["message"]
        for _ in range(2):  # a repeated command has its effect once and the same answer
            shown = await b.now.people.approve(
                task_id,
                "plan_approved",
                by="ada",
                strength="passphrase",
                binding=waiting["binding"],
                command_id="yes",
            )
            assert shown["phase"] == "TDD"
        assert b.kinds(task_id).count("approval_given") == 1
        await b.session(task_id)

    run(story)


def test_what_the_judge_cannot_do_now_is_tried_again_and_what_nobody_trusts_blocks() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD")
        answers = iter([UnavailableError("no supervisor"), None])
        real = b.runner.judge

        async def judge(kind: JudgeKind, request: Any, *, owner: str = "") -> Any:
            if kind is JudgeKind.RED and (error := next(answers, None)) is not None:
                raise error
            return await real(kind, request, owner=owner)

        setattr(b.runner, "judge", judge)  # noqa: B010 - a supervisor that comes late
        await b.leave(task_id)
        assert b.state(task_id).phase == "IMPL"

    run(story)


def test_going_back_and_forward_again_measures_again_on_what_is_there() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW", REVIEWED)
        for back, to in (("REVIEW", "IMPL"), ("IMPL", "TDD")):
            await b.ask(task_id, to, documents=DOCUMENTS[back])
            await b.reaches(task_id, phase=to)
        before = len(b.runner.judged)
        seen = {**DOCUMENTS["TDD"]["test_run_result"], "passed": 2, "failed": 0, "exit_code": 0}
        documents = {**DOCUMENTS["TDD"], "test_run_result": seen}
        await b.ask(task_id, documents=documents)
        await b.reaches(task_id, phase="IMPL")
        await _finish(b, task_id)
        assert {JudgeKind.RED, JudgeKind.GREEN} <= set(b.runner.judged[before:])

    run(story)


def test_a_change_after_the_last_verdict_needs_new_ones() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW", REVIEWED)
        await b.review(task_id)
        await b.ask(task_id, "IMPL")
        await b.reaches(task_id, phase="IMPL")
        session = await b.session(task_id)
        assert b.state(task_id).verdicts == ()
        await b.ask(task_id)
        await b.reaches(task_id, phase="REVIEW")
        assert session.session_id not in b.state(task_id).session_id
        await b.review(task_id)
        await b.leave(task_id)

    run(story)


def test_a_forged_green_stays_where_it_is() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("IMPL")
        b.green = replace(b.green, control=b.green.suite)
        await b.ask(task_id)
        await b.reaches(task_id, last_outcome="blocked")
        assert b.state(task_id).phase == "IMPL"
        assert "tampers with its runner" in str(b.state(task_id).blockers)

    run(story)


def test_every_change_of_phase_and_the_end_carry_the_head_of_the_audit() -> None:
    async def story(b: Bench) -> None:
        heads = {}
        seal = b.audit._seal

        def sealing(entry: Any) -> Any:
            sealed = seal(entry)
            heads[sealed.seq] = sealed.head
            return sealed

        setattr(b.audit, "_seal", sealing)  # noqa: B010 - what it says is looked at
        task_id = await b.create(REVIEWED)
        while b.state(task_id).status is not S.COMPLETED:
            await b.audit.record(AuditEntry(kind=Kind.NOTE))
            phase = b.state(task_id).phase
            if phase == "REVIEW":
                await b.review(task_id)
            await b.leave(task_id)
            if phase == "COMPLETE":
                await b.reaches(task_id, status=S.COMPLETED)
        carried = [
            (event.data["audit_seq"], event.data["audit_head"])
            for event in b.store.task_events(task_id)
            if event.event_type in ("phase_changed", "task_completed")
        ]
        assert len(carried) == 5
        assert all(heads[seq] == head for seq, head in carried)
        assert [seq for seq, _ in carried] == sorted(seq for seq, _ in carried)
        assert len({seq for seq, _ in carried}) == 5

    run(story)
