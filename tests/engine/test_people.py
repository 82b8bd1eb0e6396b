"""What people see and do: one task for one command, why it waits, and all that is known of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace

import pytest
from tests.engine.bench import DOCUMENTS, OPEN_PLAN, PLAN, REVIEWED, SCOPE, WORKFLOW, Bench, run

from interlock.core.model import EnvironmentSpec
from interlock.core.states import TaskStatus
from interlock.engine.codec import plain
from interlock.errors import ConflictError, DeniedError, InvalidInputError, NotFoundError

S = TaskStatus


def test_a_task_is_made_once_for_one_command() -> None:
    async def story(b: Bench) -> None:
        one = await b.create(command_id="c")
        assert await b.create(command_id="c") == one
        await b.restart()
        assert await b.create(command_id="c") == one
        assert len(await b.now.people.tasks()) == 1

    run(story)


def test_a_task_needs_a_title_and_dependencies_that_exist() -> None:
    async def story(b: Bench) -> None:
        with pytest.raises(InvalidInputError):
            await b.now.people.create_task(title=" ", actor="p", command_id="c")
        with pytest.raises(NotFoundError):
            await b.create(depends_on=("task_x",))
        assert await b.now.people.tasks() == []

    run(story)


def test_the_evidence_has_every_document_also_those_that_were_replaced() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create(REVIEWED)
        first = {**PLAN, "title": "A first plan that was replaced"}
        await b.ask(task_id, documents={"plan_document": first})
        await b.reaches(task_id, last_outcome="blocked")
        while b.state(task_id).phase != "COMPLETE":
            if b.state(task_id).phase == "REVIEW":
                await b.review(task_id)
            await b.leave(task_id)
        await b.leave(task_id)
        await b.reaches(task_id, status=S.COMPLETED)

        bundle = json.loads(json.dumps(await b.now.people.evidence(task_id)))
        stored = b.store.task_events(task_id)
        assert [e["event_type"] for e in bundle["events"]] == [e.event_type for e in stored]
        named = {e.data["digest"] for e in stored if "digest" in e.data}
        assert set(bundle["documents"]) == named
        assert first in bundle["documents"].values()
        for documents in DOCUMENTS.values():
            for document in documents.values():
                assert document in bundle["documents"].values()
        kinds = {d.get("kind") for d in bundle["documents"].values()}
        assert {"red", "green"} <= kinds
        assert bundle["commit"] == b.state(task_id).commit
        assert bundle["audit"]["head"] == b.audit.heads.head
        for digest in named:
            assert hashlib.sha256(b.store.get_blob(digest)).hexdigest() == digest

    run(story)


def test_why_names_what_is_missing_and_nothing_that_is_there() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        await b.ask(task_id, documents={"scope_definition": SCOPE})
        await b.reaches(task_id, last_outcome="blocked")
        why = await b.now.people.why(task_id)
        assert {blocker["rule"] for blocker in why["gate"]["blockers"]} == {
            "artifact.plan_document.missing",
            "plan_has_acceptance_criteria",
        }
        assert {c["check"]: c["outcome"] for c in why["gate"]["checks"]}["scope_is_bounded"] == (
            "pass"
        )

    run(story)


def test_why_does_not_show_an_older_measurement_as_the_present_one() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("IMPL")
        await b.ask(task_id, "TDD", documents={})
        await b.reaches(task_id, phase="TDD")
        why = await b.now.people.why(task_id)
        outcomes = {c["check"]: c["outcome"] for c in why["gate"]["checks"]}
        assert outcomes["tests_are_failing"] == "not_yet"

    run(story)


def test_an_approval_of_what_was_shown_before_is_refused() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        documents = {"plan_document": OPEN_PLAN, "scope_definition": SCOPE}
        await b.ask(task_id, documents=documents)
        await b.reaches(task_id, status=S.AWAITING_APPROVAL)
        (shown,) = await b.now.people.inbox()
        await b.now.people.reject(
            task_id, "plan_approved", by="ada", strength="passphrase", reason="no", command_id="n"
        )
        changed = {**OPEN_PLAN, "title": "Another plan altogether"}
        await b.ask(task_id, documents={**documents, "plan_document": changed})
        await b.reaches(task_id, status=S.AWAITING_APPROVAL)
        with pytest.raises(ConflictError):
            await b.now.people.approve(
                task_id,
                "plan_approved",
                by="ada",
                strength="passphrase",
                binding=shown["binding"],
                command_id="y",
            )
        assert b.state(task_id).phase == "PLAN"

    run(story)


def test_events_are_followed_by_cursor_and_waited_for() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        await b.session(task_id)
        await b.until(lambda: b.state(task_id).base)
        seen, cursor = await b.now.people.events(0, task_id=task_id)
        stored = [event.event_type for event in b.store.task_events(task_id)]
        assert [e["event_type"] for e in seen] == stored
        waiting = asyncio.create_task(b.now.people.events(cursor, wait_s=10))
        await asyncio.sleep(0)
        await b.now.people.abort(task_id, by="ada", reason="x", command_id="c")
        found, _ = await waiting
        assert found[0]["event_type"] == "task_aborted"

    run(story)


UNTRUSTED = replace(WORKFLOW, environment=EnvironmentSpec(setup=("make env",)), digest="untrusted")


def test_a_task_whose_environment_nobody_trusts_says_so_at_its_start_and_at_its_gate() -> None:
    async def story(b: Bench) -> None:
        b.workflow = UNTRUSTED
        task_id = await b.create(command_id="c")
        assert [notice["remedy"] for notice in b.state(task_id).notices] == ["interlock trust"]
        assert await b.create(command_id="c") == task_id
        assert b.kinds(task_id).count("blocker_encountered") == 1
        await b.leave(task_id)
        caller = await b.caller((await b.session(task_id)).session_id)
        with pytest.raises(DeniedError) as refused:
            await b.now.service.execute(caller, "run_tests", {}, call_id="c1")
        assert refused.value.remedy == "interlock trust"
        assert "nobody has trusted" in refused.value.message
        await b.ask(task_id)
        await b.reaches(task_id, last_outcome="blocked")
        remedies = {str(blocker["remedy"]) for blocker in b.state(task_id).blockers}
        assert remedies == {"interlock trust"}

    run(story)


def test_a_trusted_environment_is_not_worth_a_notice() -> None:
    async def story(b: Bench) -> None:
        assert b.state(await b.create()).notices == ()

    run(story)


def test_every_command_in_a_stored_reason_names_its_task() -> None:
    async def story(b: Bench) -> None:
        b.green = replace(b.green, problem="the judge broke")
        task_id = await b.reach("IMPL")
        await b.ask(task_id)
        await b.reaches(task_id, last_outcome="blocked")
        stored = json.dumps([plain(event) for event in b.store.task_events(task_id)])
        shown = json.dumps(await b.now.people.why(task_id))
        for text in (stored, shown):
            assert f"interlock evidence {task_id}" in text
            assert " TASK" not in text

    run(story)


def test_what_is_not_committed_is_said_to_be_left_out() -> None:
    async def story(b: Bench) -> None:
        b.trees.uncommitted = tuple(f"f{number}.py" for number in range(7))
        (notice,) = b.state(await b.create()).notices
        assert str(notice["message"]).endswith("f0.py, f1.py, f2.py, f3.py, f4.py and 2 more")
        assert "git commit" in str(notice["remedy"])

    run(story)
