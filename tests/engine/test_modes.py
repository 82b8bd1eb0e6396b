"""A task below strict: what agents are told, what is on record, and what holds all the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.engine.bench import DOCUMENTS, PLAN, REVIEWED, SCOPE, WORKFLOW, Bench, run

from interlock.core.gates.samples import red
from interlock.core.model import Mode
from interlock.engine.prompts import author_prompt
from interlock.errors import AuthError, ConflictError, DeniedError
from interlock.ports.audit import Kind

READ = {"path": "src/text.py"}
PERMISSIVE, ADVISORY = Mode.PERMISSIVE, Mode.ADVISORY


async def bench_under(b: Bench, mode: Mode, setting: Mode = ADVISORY) -> Bench:
    """The bench with a workflow of that mode under a server of that setting."""
    first, *others = WORKFLOW.phases
    blind = replace(first, forbidden_tools=(*first.forbidden_tools, "read_files"))
    b.workflow = replace(
        WORKFLOW,
        phases=(blind, *others),
        mode=mode,
        tool_mode=mode,
        mode_position=None,
        digest=f"wf-{mode}",
    )
    b.mode = (setting, "config.yaml")
    await b.restart()
    return b


@pytest.mark.parametrize("mode", [PERMISSIVE, ADVISORY])
def test_a_blocked_gate_lets_through_and_only_permissive_tells_the_agent(mode: Mode) -> None:
    async def story(b: Bench) -> None:
        await bench_under(b, mode)
        task_id = await b.reach("TDD")
        b.red = replace(red(), environment="env", problem="no test was collected")
        session_id = (await b.session(task_id)).session_id
        token = await b.token(session_id)
        answer = await b.ask(task_id)
        await b.until(lambda: b.state(task_id).last_outcome)
        done = await b.now.service.transition_status(token, session_id, answer.request_id, wait_s=0)
        assert done.is_allowed
        told = [str(reason["rule"]) for reason in done.would_have_blocked]
        rules = ["tests_exist_for_acceptance_criteria", "tests_are_failing"]
        assert told == (rules if mode is PERMISSIVE else [])
        passed = [e for e in b.store.task_events(task_id) if e.event_type == "gate_passed"][-1]
        assert passed.data["overridden_by_mode"] == mode
        assert [r["rule"] for r in passed.data["reasons"]] == rules

    run(story)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_denied_call_runs_below_strict_and_only_permissive_tells_the_agent(mode: Mode) -> None:
    async def story(b: Bench) -> None:
        await bench_under(b, mode)
        task_id = await b.create()
        session = await b.session(task_id)
        caller = await b.caller(session.session_id)
        if mode is Mode.STRICT:
            with pytest.raises(DeniedError):
                await b.now.service.execute(caller, "read_files", READ, call_id="c1")
            assert "read" not in session.host.calls
            return
        result = await b.now.service.execute(caller, "read_files", READ, call_id="c1")
        assert "read" in session.host.calls
        assert b.audit.of("c1") == [Kind.OUTCOME]
        outcome = b.audit.entries[-1]
        assert outcome.decision is not None
        assert outcome.decision["overridden_by_mode"] == mode
        assert outcome.decision["would_have_been_denied"][0]["rule"] == "tool.forbidden"
        event = b.store.task_events(task_id)[-1]
        assert (event.event_type, event.data["overridden_by_mode"]) == ("tool_denied", mode)
        told = [reason["rule"] for reason in result.get("would_have_been_denied", [])]
        assert told == (["tool.forbidden"] if mode is PERMISSIVE else [])
        asked = await b.now.service.check(caller, "read_files", READ, call_id="c2")
        assert asked.allowed
        assert bool(asked.overridden) == (mode is PERMISSIVE)

    run(story)


@pytest.mark.parametrize("mode", [PERMISSIVE, ADVISORY])
def test_what_the_phase_may_not_write_never_lands_below_strict(mode: Mode) -> None:
    async def story(b: Bench) -> None:
        await bench_under(b, mode)
        task_id = await b.reach("TDD")
        session = await b.session(task_id)
        caller = await b.caller(session.session_id)
        write = {"path": "src/text.py", "content": "cheat"}
        with pytest.raises(DeniedError):
            await b.now.service.execute(caller, "write_files", write, call_id="c1")
        session.files["src/text.py"] = "by another way"
        await b.ask(task_id)
        await b.until(lambda: b.state(task_id).last_outcome)
        imported = [e for e in b.store.task_events(task_id) if e.event_type == "tree_imported"][-1]
        assert list(imported.data["refused"]) == ["src/text.py"]
        assert b.trees.files(b.state(task_id).tree)["src/text.py"] == ""

    run(story)


@pytest.mark.parametrize("mode", [PERMISSIVE, ADVISORY])
def test_tokens_and_identity_are_real_below_strict(mode: Mode) -> None:
    async def story(b: Bench) -> None:
        await bench_under(b, mode)
        task_id = await b.create()
        session = await b.session(task_id)
        token = await b.token(session.session_id)
        with pytest.raises(AuthError):
            b.now.service.verify(token, "ses_other")
        with pytest.raises(AuthError):
            b.now.service.verify(token + "x", session.session_id)
        await b.ask(task_id)
        await b.until(lambda: b.state(task_id).last_outcome)
        with pytest.raises((ConflictError, AuthError)):
            b.now.service.verify(token, session.session_id)

    run(story)


def test_a_reviewer_only_looks_below_strict() -> None:
    async def story(b: Bench) -> None:
        await bench_under(b, ADVISORY)
        task_id = await b.reach("REVIEW", REVIEWED)
        session = await b.reviewing(task_id, "security")
        caller = await b.caller(session.session_id)
        for tool, args in (("bash", {"command": "ls"}), ("run_tests", {})):
            with pytest.raises(DeniedError):
                await b.now.service.execute(caller, tool, args, call_id=tool)

    run(story)


def test_a_document_that_does_not_fit_counts_as_not_handed_in() -> None:
    async def story(b: Bench) -> None:
        await bench_under(b, PERMISSIVE)
        task_id = await b.create()
        wrong = {"plan_document": {**PLAN, "title": 7}, "scope_definition": SCOPE}
        answer = await b.ask(task_id, documents=wrong)
        assert answer.status == "pending"
        await b.reaches(task_id, status="awaiting_approval")
        rules = [str(reason["rule"]) for reason in b.state(task_id).blockers]
        assert "artifact.plan_document.missing" in rules
        assert "plan_document" not in b.state(task_id).artifacts

    run(story)


def test_a_stricter_setting_holds_at_once_and_a_lower_one_for_new_tasks() -> None:
    async def story(b: Bench) -> None:
        await bench_under(b, PERMISSIVE, setting=Mode.STRICT)
        first = await b.create()
        assert b.state(first).enforcement.is_strict
        b.mode = (PERMISSIVE, "config.yaml")
        await b.restart()
        second = await b.create()
        assert b.state(first).enforcement.is_strict
        assert b.state(second).enforcement.gates is PERMISSIVE
        b.mode = (Mode.STRICT, "config.yaml")
        await b.restart()
        assert b.state(second).enforcement.is_strict
        assert "enforcement_raised" in b.kinds(second)
        assert "enforcement_raised" not in b.kinds(first)

    run(story)


def test_every_view_says_that_enforcement_is_not_strict() -> None:
    async def story(b: Bench) -> None:
        await bench_under(b, PERMISSIVE)
        task_id = await b.create(REVIEWED)
        session = await b.session(task_id)
        caller = await b.caller(session.session_id)
        banner = "ENFORCEMENT IS NOT STRICT: gates permissive (the workflow), "
        people = b.now.people
        views = [
            await people.task(task_id),
            (await people.why(task_id))["task"],
            await people.evidence(task_id),
            (await b.now.service.snapshot(caller))["task"],
            (await b.now.service.claim(session.session_id, "a", ())).task,  # type: ignore[union-attr] # it is there
        ]
        prompt = author_prompt(b.workflow, b.state(task_id), {})
        await b.ask(task_id, documents={**DOCUMENTS["PLAN"], "scope_definition": {}})
        await b.reaches(task_id, status="awaiting_approval")
        views += await people.inbox()
        assert [v["enforcement"]["banner"].startswith(banner) for v in views] == [True] * len(views)
        assert f"**{banner}" in prompt

    run(story)


def test_a_strict_task_says_nothing_of_modes_to_its_agent() -> None:
    async def story(b: Bench) -> None:
        task_id = await b.create()
        assert "ENFORCEMENT" not in author_prompt(b.workflow, b.state(task_id), {})
        assert (await b.now.people.task(task_id))["enforcement"]["banner"] == ""

    run(story)


def test_the_next_phase_is_told_what_its_gate_was_let_through_in_spite_of() -> None:
    async def story(b: Bench) -> None:
        await bench_under(b, PERMISSIVE)
        task_id = await b.reach("TDD")
        b.red = replace(red(), environment="env", problem="no test was collected")
        await b.ask(task_id)
        await b.until(lambda: b.state(task_id).phase == "IMPL")
        prompt = author_prompt(b.workflow, b.state(task_id), {})
        assert "no test was collected" in prompt
        b.workflow = replace(b.workflow, mode=ADVISORY)
        advisory = replace(b.state(task_id).enforcement, gates=ADVISORY)
        silent = author_prompt(b.workflow, replace(b.state(task_id), enforcement=advisory), {})
        assert "no test was collected" not in silent

    run(story)
