"""No tool runs unrecorded, none runs that is not allowed, and none while a request is measured."""

from __future__ import annotations

import pytest
from tests.engine.bench import PLAN, REVIEWED, ROLES, SCOPE, Bench, run

from interlock.core.states import TaskStatus
from interlock.errors import (
    ConflictError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from interlock.ports.audit import Kind

S = TaskStatus
WRITE = {"path": "tests/test_x.py", "content": "x"}


def test_an_allowed_call_is_recorded_before_and_after_it_runs() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD")
        session = await b.session(task_id)
        caller = await b.caller(session.session_id)
        await b.now.service.execute(caller, "write_files", WRITE, call_id="c1")
        assert session.files["tests/test_x.py"] == "x"
        assert b.audit.of("c1") == [Kind.INTENT, Kind.OUTCOME]
        await b.now.service.execute(caller, "read_files", {"path": "tests/test_x.py"}, call_id="c2")
        assert b.audit.of("c2") == [Kind.OUTCOME]

    run(story)


def test_a_call_repeated_under_one_key_has_one_effect() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD")
        session = await b.session(task_id)
        caller = await b.caller(session.session_id)
        await b.now.service.execute(caller, "write_files", WRITE, call_id="c1")
        session.files["tests/test_x.py"] = "changed since"
        await b.now.service.execute(caller, "write_files", WRITE, call_id="c1")
        assert session.files["tests/test_x.py"] == "changed since"

    run(story)


def test_nothing_runs_whose_intent_cannot_be_recorded() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD")
        session = await b.session(task_id)
        caller = await b.caller(session.session_id)
        b.audit.is_broken = True
        with pytest.raises(UnavailableError):
            await b.now.service.execute(caller, "write_files", WRITE, call_id="c1")
        assert "tests/test_x.py" not in session.files
        b.audit.is_broken = False

    run(story)


def test_a_denied_call_is_in_the_audit_and_on_the_bus_and_did_not_run() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        caller = await b.caller(session.session_id)
        with pytest.raises(DeniedError) as denied:
            await b.now.service.execute(caller, "write_files", WRITE, call_id="c1")
        assert b.audit.of("c1") == [Kind.DECISION]
        assert denied.value.context["decision"]["allowed"] is False
        assert denied.value.context["decision"]["reasons"][0]["remedy"]
        assert b.kinds(task_id)[-1] == "tool_denied"
        event = b.store.task_events(task_id)[-1]
        assert event.data["tool"] == "write_files"
        assert event.data["session_id"] == session.session_id
        assert "write" not in session.host.calls

    run(story)


def test_a_denial_that_cannot_be_recorded_is_not_answered() -> None:
    async def story(b: Bench) -> None:
        session = await b.session(await b.create())
        caller = await b.caller(session.session_id)
        b.audit.is_broken = True
        with pytest.raises(UnavailableError):
            await b.now.service.execute(caller, "write_files", WRITE, call_id="c1")
        with pytest.raises(UnavailableError):
            await b.now.service.check(caller, "read_files", {"path": "a"}, call_id="c2")
        b.audit.is_broken = False

    run(story)


def test_a_check_is_recorded_and_runs_nothing() -> None:
    async def story(b: Bench) -> None:
        session = await b.session(await b.create())
        caller = await b.caller(session.session_id)
        decision = await b.now.service.check(caller, "write_files", WRITE, call_id="c1")
        assert not decision.allowed
        assert b.audit.of("c1") == [Kind.DECISION]
        assert "write" not in session.host.calls

    run(story)


def test_tools_are_suspended_while_a_request_is_measured() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW", REVIEWED)
        session = await b.session(task_id)
        caller = await b.caller(session.session_id)
        await b.now.service.execute(caller, "read_files", {"path": "src/text.py"}, call_id="c1")
        await b.ask(task_id)
        assert b.state(task_id).status is S.MEASURING
        with pytest.raises(ConflictError) as refused:
            await b.now.service.execute(caller, "read_files", {"path": "src/text.py"}, call_id="c2")
        assert refused.value.code == "IL-TLB-001"
        assert b.audit.of("c2") == [Kind.DECISION]
        checked = await b.now.service.check(
            caller, "read_files", {"path": "src/text.py"}, call_id="c3"
        )
        assert not checked.allowed
        assert checked.reasons[0].rule == "transition.pending"

    run(story)


def test_a_file_that_the_phase_may_not_write_is_put_back_and_named() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD")
        session = await b.session(task_id)
        session.files["src/text.py"] = "smuggled"
        session.files["setup.cfg"] = "smuggled"
        await b.ask(task_id)
        await b.reaches(task_id, phase="IMPL")
        imported = [e for e in b.store.task_events(task_id) if e.event_type == "tree_imported"]
        assert set(imported[-1].data["refused"]) == {"src/text.py", "setup.cfg"}
        assert session.files["src/text.py"] == ""
        assert "setup.cfg" not in session.files
        following = await b.session(task_id)
        assert following.files["src/text.py"] == ""
        assert following.files["tests/test_new.py"] == "new"

    run(story)


def test_a_session_is_frozen_while_its_tree_is_read_and_thawed_after() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        session = await b.session(task_id)
        session.host.calls.clear()
        await b.ask(task_id, documents={})
        await b.reaches(task_id, last_outcome="blocked")
        assert session.host.calls == ["freeze", "walk", "thaw"]

    run(story)


def test_reviewers_that_use_one_key_do_not_swallow_each_others_verdicts() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("REVIEW", REVIEWED)
        await b.review(task_id)
        assert {verdict.role for verdict in b.state(task_id).verdicts} == set(ROLES)

    run(story)


def test_a_question_to_people_is_put_where_they_look() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        caller = await b.caller((await b.session(task_id)).session_id)
        question = {"question": "Which separator?"}
        await b.now.service.execute(caller, "ask_user_question", question, call_id="c1")
        answer = await b.now.service.execute(caller, "ask_user_question", question, call_id="c2")
        assert answer["answer"] is None
        assert "cannot answer" in answer["message"]
        (notice,) = b.state(task_id).notices
        assert "Which separator?" in str(notice["message"])
        assert "cannot be answered yet" in str(notice["message"])
        assert notice["remedy"] == f"interlock show {task_id}"
        await b.restart()
        caller = await b.caller((await b.session(task_id)).session_id)
        await b.now.service.execute(caller, "ask_user_question", question, call_id="c3")
        assert len(b.state(task_id).notices) == 1

    run(story)


def test_a_denial_names_commands_that_can_be_run() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        caller = await b.caller((await b.session(task_id)).session_id)
        with pytest.raises(DeniedError) as denied:
            await b.now.service.execute(caller, "git_commit", {}, call_id="c1")
        assert f"interlock why {task_id}" in denied.value.remedy
        decision = await b.now.service.check(caller, "git_commit", {}, call_id="c2")
        assert denied.value.remedy == decision.reasons[0].remedy

    run(story)


def test_a_later_phase_reads_what_an_earlier_one_handed_in() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.reach("TDD")
        caller = await b.caller((await b.session(task_id)).session_id)
        got = await b.now.service.execute(
            caller, "read_artifact", {"type": "plan_document"}, call_id="c1"
        )
        assert got == {"type": "plan_document", "content": PLAN}
        with pytest.raises(NotFoundError) as missing:
            await b.now.service.execute(caller, "read_artifact", {"type": "x"}, call_id="c2")
        assert "scope_definition" in missing.value.remedy

    run(story)


def test_a_document_that_does_not_fit_is_shown_to_people_once() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        caller = await b.caller((await b.session(task_id)).session_id)
        bad = {"type": "scope_definition", "content": {**SCOPE, "constraints": []}}
        remedies = set()
        for _ in range(2):
            with pytest.raises(DeniedError) as refused:
                await b.now.service.execute(caller, "submit_artifact", bad, call_id="c1")
            remedies.add(refused.value.remedy)
        (denied,) = [e for e in b.store.task_events(task_id) if e.event_type == "tool_denied"]
        assert denied.data["rule"] == "artifact.scope_definition.schema"
        assert "scope_definition/constraints" in denied.data["message"]
        why = await b.now.people.why(task_id)
        assert "scope_definition/constraints" in why["task"]["blockers"][0]["message"]
        assert {why["task"]["blockers"][0]["remedy"]} == remedies
        assert ".orchestrator/schemas/scope.schema.json" in remedies.pop()

    run(story)


def test_a_read_without_a_path_says_which_argument_is_missing() -> None:
    async def story(b: Bench) -> None:
        caller = await b.caller((await b.session(await b.create())).session_id)
        with pytest.raises(InvalidInputError, match="path"):
            await b.now.service.execute(caller, "read_files", {}, call_id="c1")

    run(story)
