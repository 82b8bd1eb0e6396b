"""What a task's past says beyond its state: endings, refusals, rejections, notices."""

from __future__ import annotations

import pytest
from tests.engine.bench import DOCUMENTS, OPEN_PLAN, SCOPE, Bench, run

from interlock.core.commands import Record
from interlock.core.events import BlockerEncountered
from interlock.core.states import TaskStatus
from interlock.engine.history import Ended
from interlock.engine.views import condensed

S = TaskStatus
PIP = """building the environment failed (1):
$ pip install -r requirements.txt
Collecting no-such-thing
  ERROR: Could not find a version that satisfies the requirement no-such-thing
ERROR: No matching distribution found for no-such-thing
WARNING: pip is old"""


@pytest.mark.parametrize(
    "outcome, code, said",
    [
        ("exited", 1, "the agent exited with status 1 in PLAN"),
        ("exited", 0, "the agent exited with status 0 without leaving PLAN"),
        ("exited", -9, "the agent was ended by signal 9 in PLAN"),
        ("died", None, "the session died in PLAN"),
    ],
)
def test_an_ending_is_told_with_its_status(outcome: str, code: int | None, said: str) -> None:
    ended = Ended(number=1, phase="PLAN", session_id="ses_x", outcome=outcome, exit_code=code)
    assert str(ended) == said


def test_of_a_programs_output_the_errors_are_kept() -> None:
    assert condensed(PIP).splitlines() == [
        "building the environment failed (1):",
        "    ERROR: Could not find a version that satisfies the requirement no-such-thing",
        "  ERROR: No matching distribution found for no-such-thing",
    ]
    assert condensed("one line") == "one line"
    assert condensed("head\na\nb\nc\nd").splitlines() == ["head", "  b", "  c", "  d"]


def test_why_shows_the_refused_request_and_that_its_work_is_gone() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD")
        b.red = b.red.__class__(problem="the tests pass on the base")
        await b.ask(task_id)
        await b.reaches(task_id, last_outcome="blocked")
        why = await b.now.people.why(task_id)
        judged = why["gate"]
        assert why["request"]["is_kept"] is True
        (await b.session(task_id)).leave()
        await b.reaches(task_id, status=S.READY)
        why = await b.now.people.why(task_id)
        assert why["gate"] == judged
        assert why["request"]["is_kept"] is False
        assert why["request"]["tree"] != b.state(task_id).tree

    run(story)


def test_what_was_rejected_before_is_shown_with_the_plan_that_is_handed_in_again() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        documents = {"plan_document": OPEN_PLAN, "scope_definition": SCOPE}
        await b.ask(task_id, documents=documents)
        await b.reaches(task_id, status=S.AWAITING_APPROVAL)
        (item,) = await b.now.people.inbox()
        assert item["rejected_before"] == []
        await b.now.people.reject(
            task_id,
            "plan_approved",
            by="ada",
            strength="passphrase",
            reason="too vague",
            command_id="n",
        )
        await b.ask(task_id, documents=documents)
        await b.reaches(task_id, status=S.AWAITING_APPROVAL)
        (item,) = await b.now.people.inbox()
        assert item["rejected_before"] == [{"by": "ada", "reason": "too vague"}]
        assert item["artifacts"]["plan_document"] == OPEN_PLAN
        assert set(DOCUMENTS["PLAN"]) <= set(item["artifacts"])

    run(story)


@pytest.mark.parametrize(
    "message, kind, who",
    [
        (PIP, "notice", "a person"),
        ("author-x asks: which separator?", "question", "the agent"),
    ],
)
def test_a_notice_stops_a_task_and_a_question_does_not(message: str, kind: str, who: str) -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        await b.session(task_id)
        event = BlockerEncountered(message=message, remedy="interlock trust")
        await b.now.ledger.apply(task_id, Record(event=event), actor="server")
        (item,) = await b.now.people.inbox()
        assert (item["kind"], item["command"]) == (kind, "interlock trust")
        (task,) = await b.now.people.tasks()
        assert task["waiting_for"]["who"] == who
        await b.leave(task_id)
        assert await b.now.people.inbox() == []

    run(story)
