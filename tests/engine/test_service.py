"""What a session may say and do: proven by its listener and its token, decided by the state."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from tests.engine.bench import DOCUMENTS, REVIEWED, Bench, run

from interlock.core.states import TaskStatus
from interlock.engine.service import AUDIENCE
from interlock.errors import AuthError, ConflictError, NotFoundError
from interlock.server.doors.requests import bearer

S = TaskStatus


def test_a_session_gets_the_task_it_was_started_for_and_a_stranger_none() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        claim = await b.now.service.claim(session.session_id, "whatever it says", ("go",))
        assert claim is not None
        assert claim.task["task_id"] == task_id
        assert claim.task["role"] == "author"
        assert claim.phase["id"] == "PLAN"
        assert await b.now.service.claim("ses_x", "agent", ()) is None
        caller = b.now.service.verify(claim.phase_token, session.session_id)
        assert caller.agent_id == b.state(task_id).agent_id

    run(story)


def test_a_token_is_dead_as_soon_as_its_phase_is_left() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        token = await b.token(session.session_id)
        b.now.service.verify(token, session.session_id)
        await b.leave(task_id)
        with pytest.raises((AuthError, ConflictError)):
            b.now.service.verify(token, session.session_id)
        assert await b.now.service.claim(session.session_id, "agent", ()) is None

    run(story)


def test_a_token_does_not_serve_the_next_attempt_of_its_phase() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create({"author": {"argv": ["agent"]}, "max_attempts": 2})
        session = await b.session(task_id)
        token = await b.token(session.session_id)
        session.leave(1)
        await b.reaches(task_id, failures=1)
        again = await b.session(task_id)
        for session_id in (session.session_id, again.session_id):
            with pytest.raises(AuthError):
                b.now.service.verify(token, session_id)

    run(story)


@pytest.mark.parametrize(
    "claim,value", [("phase", "TDD"), ("epoch", 0), ("epoch", 2), ("attempt", "att_0")]
)
def test_phase_epoch_and_attempt_in_a_token_are_those_of_the_state(
    claim: str, value: object
) -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        state = b.state(task_id)
        claims: dict[str, Any] = {
            "audience": AUDIENCE,
            "agent": state.agent_id,
            "session": session.session_id,
            "task": task_id,
            "phase": state.phase,
            "epoch": state.epoch,
            "attempt": state.attempt_id,
            "workflow": state.workflow,
        }
        b.now.service.verify(b.now.tokens.mint(**claims), session.session_id)
        with pytest.raises(ConflictError) as refused:
            b.now.service.verify(b.now.tokens.mint(**{**claims, claim: value}), session.session_id)
        assert refused.value.code == "IL-TOK-031"

    run(story)


def test_the_token_of_another_session_is_refused_at_this_ones_door() -> None:
    async def story(b: Bench) -> None:
        one, two = await b.create(), await b.create()
        mine, theirs = await b.session(one), await b.session(two)
        token = await b.token(theirs.session_id)
        with pytest.raises(AuthError) as refused:
            b.now.service.verify(token, mine.session_id)
        assert refused.value.code == "IL-TOK-030"
        with pytest.raises(AuthError):
            await b.now.service.transition(
                token, mine.session_id, "PLAN", "TDD", {}, command_id="c"
            )
        assert b.state(one).status is b.state(two).status is S.WORKING

    run(story)


def _request(*headers: tuple[bytes, bytes]) -> Request:
    return Request({"type": "http", "method": "POST", "path": "/", "headers": list(headers)})


def test_a_token_in_the_body_must_be_the_one_in_the_header() -> None:
    with_header = _request((b"authorization", b"Bearer one"))
    assert bearer(with_header) == bearer(with_header, "one") == bearer(_request(), "one") == "one"
    for request, body, code in (
        (with_header, "two", "IL-TOK-032"),
        (_request(), None, "IL-TOK-033"),
        (_request((b"authorization", b"Basic one")), None, "IL-TOK-033"),
    ):
        with pytest.raises(AuthError) as refused:
            bearer(request, body)
        assert refused.value.code == code


def test_a_transition_asked_again_under_one_key_is_one_request() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        token = await b.token(session.session_id)

        async def ask() -> tuple[str, str]:
            answer = await b.now.service.transition(
                token, session.session_id, "PLAN", "TDD", DOCUMENTS["PLAN"], command_id="key"
            )
            return answer.status, answer.request_id

        first = await ask()
        assert first[0] == "pending"
        assert await ask() in (first, ("allowed", first[1]))
        await b.reaches(task_id, phase="TDD")
        assert await ask() == ("allowed", first[1])
        assert b.kinds(task_id).count("phase_transition_requested") == 1
        assert b.kinds(task_id).count("artifact_submitted") == 2

    run(story)


def test_a_second_transition_while_one_is_measured_gets_that_ones_answer() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW", REVIEWED)
        first = await b.ask(task_id)
        session_id = b.state(task_id).session_id
        second = await b.now.service.transition(
            await b.token(session_id), session_id, "REVIEW", "IMPL", {}, command_id="other"
        )
        assert (second.status, second.request_id) == ("pending", first.request_id)

    run(story)


def test_the_answer_to_a_request_is_waited_for_and_only_by_who_asked() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        token = await b.token(session.session_id)
        asked = await b.ask(task_id, documents={})
        answer = await b.now.service.transition_status(
            token, session.session_id, asked.request_id, wait_s=10
        )
        assert answer.status == "blocked"
        rules = {blocker["rule"] for blocker in answer.blockers}
        assert "artifact.plan_document.missing" in rules
        assert all(blocker["message"] and blocker["remedy"] for blocker in answer.blockers)
        with pytest.raises(NotFoundError):
            await b.now.service.transition_status(token, session.session_id, "req_x", wait_s=0)
        other = await b.session(await b.create())
        with pytest.raises(AuthError):
            await b.now.service.transition_status(
                token, other.session_id, asked.request_id, wait_s=0
            )

    run(story)


def test_who_waits_hears_that_a_person_ended_the_task() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW", REVIEWED)
        asked = await b.ask(task_id)
        session_id = b.state(task_id).session_id
        token = await b.token(session_id)
        waiting = asyncio.create_task(
            b.now.service.transition_status(token, session_id, asked.request_id, wait_s=10)
        )
        await b.now.people.abort(task_id, by="ada", reason="no longer wanted", command_id="c")
        answer = await waiting
        assert answer.status == "blocked"
        assert "no longer wanted" in answer.blockers[0]["message"]

    run(story)


def test_artifacts_that_do_not_fit_their_schema_stop_the_request_before_it_is_made() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        bad = {"plan_document": {"title": "short"}}
        answer = await b.ask(task_id, documents=bad)
        assert answer.status == "blocked"
        assert answer.blockers[0]["rule"] == "artifact.plan_document.schema"
        assert "phase_transition_requested" not in b.kinds(task_id)

    run(story)


def test_a_reviewer_does_not_move_the_task() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW", REVIEWED)
        session = await b.reviewing(task_id, "security")
        token = await b.token(session.session_id)
        with pytest.raises(ConflictError):
            await b.now.service.transition(
                token, session.session_id, "REVIEW", "COMPLETE", {}, command_id="c"
            )
        assert b.state(task_id).last_session != session.session_id

    run(story)


def test_a_reviewers_token_is_dead_when_the_review_is_over() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW", REVIEWED)
        session = await b.reviewing(task_id, "quality")
        token = await b.token(session.session_id)
        b.now.service.verify(token, session.session_id)
        await b.ask(task_id, "IMPL")
        await b.reaches(task_id, phase="IMPL")
        with pytest.raises(AuthError):
            b.now.service.verify(token, session.session_id)
        await b.until(session.exited.done)

    run(story)


def test_the_snapshot_shows_the_task_and_what_it_depends_on_and_nothing_else() -> None:
    async def story(b: Bench) -> None:
        first = await b.create()
        await b.create()
        session = await b.session(first)
        shown = await b.now.service.snapshot(await b.caller(session.session_id))
        assert shown["task"]["task_id"] == first
        assert shown["current_phase"] == "PLAN"
        assert shown["task_dependencies"] == []

    run(story)
