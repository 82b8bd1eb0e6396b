"""The level that sessions and judge jobs were confined to is on every record and every surface.

Sessions run at ``partial`` here and the judge at ``full``, so that neither can be taken for the
other, nor for what a surface might say by default.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.bench import REVIEWED, WORKFLOW, Bench
from tests.server.house import PASSPHRASE, House, at_house

from interlock.adapters.audit.entry import encode
from interlock.cli import approvals, tasks, why
from interlock.cli.output import table
from interlock.cli.progress import line
from interlock.core.model import Approver, GateSpec, GateType, PhaseSpec
from interlock.core.tasks import TaskState
from interlock.engine.codec import decode
from interlock.engine.signing import commit_message
from interlock.ports.confinement import Level

MADE, JUDGED = Level.PARTIAL, Level.FULL
Seen = dict[str, Any]


def asking(phase: PhaseSpec) -> PhaseSpec:
    """GREEN is a person's to open, so that something judged waits for an approval."""

    def gate(spec: GateSpec) -> GateSpec:
        if spec.id != "tests_green":
            return spec
        return replace(spec, type=GateType.APPROVAL, approvers=(Approver.HUMAN,))

    return replace(phase, gates=tuple(map(gate, phase.gates)))


async def journey(house: House, made: Level = MADE, judged: Level = JUDGED) -> Seen:
    """A task from its beginning to its end, and what every surface said of it on the way."""
    seen: Seen = {}
    house.runner.level = made
    house.red = replace(house.red, level=judged.value)
    house.green = replace(house.green, level=judged.value)
    house.workflow = replace(WORKFLOW, phases=tuple(map(asking, WORKFLOW.phases)), digest="asking")
    task_id = await house.create(REVIEWED)
    for _ in ("PLAN", "TDD"):
        await house.leave(task_id)
    session = await house.session(task_id)
    client = house.agent(session.session_id)
    claimed = (await client.ask("POST", "/api/v1/tasks/claim", {})).json
    token = claimed["phase_token"]
    payload = token.split(".")[1]
    seen["token"] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    seen["claim"] = claimed["task"]
    seen["snapshot"] = (await client.ask("GET", "/api/v1/state/snapshot", token=token)).json
    call = {"tool_name": "status", "args": {}}
    status = await client.ask("POST", "/api/v1/tools/execute", call, token=token)
    seen["status"] = status.json["result"]
    await house.ask(task_id)
    await house.reaches(task_id, status="awaiting_approval")
    owner, v1 = house.owner, "/api/v1"
    seen["waiting"] = (await owner.ask("GET", f"{v1}/tasks/{task_id}")).json
    (seen["list"],) = (await owner.ask("GET", f"{v1}/tasks")).json["tasks"]
    seen["why"] = (await owner.ask("GET", f"{v1}/tasks/{task_id}/why")).json
    (seen["inbox"],) = (await owner.ask("GET", f"{v1}/inbox")).json["waiting"]
    gate = f"{v1}/tasks/{task_id}/gates/tests_green/approve"
    key, word = [("Idempotency-Key", "yes")], {"passphrase": PASSPHRASE}
    approved = await owner.ask("POST", gate, word, headers=key)
    assert approved.status == 200, approved.body
    again = (await owner.ask("POST", gate, word, headers=key)).json
    seen["approve"] = approved.json["approved"]
    assert again["approved"] == seen["approve"]
    await house.reaches(task_id, phase="REVIEW")
    await house.review(task_id)
    await house.leave(task_id)
    await house.leave(task_id)
    await house.reaches(task_id, status="completed")
    seen["task"] = (await owner.ask("GET", f"{v1}/tasks/{task_id}")).json
    seen["evidence"] = (await owner.ask("GET", f"{v1}/tasks/{task_id}/evidence")).json
    events = (await owner.ask("GET", f"{v1}/events")).json["events"]
    seen["events"] = {event["event_type"]: event for event in events}
    seen["audit"] = [json.loads(b"{%b}" % encode(e, 0)) for e in house.audit.entries]
    seen["commit"] = commit_message(house.state(task_id), "")
    return seen


@pytest.fixture(scope="module")
def seen() -> Seen:
    found: Seen = {}

    async def story(house: House) -> None:
        found.update(await journey(house))

    with tempfile.TemporaryDirectory() as place:
        at_house(Path(place), story)
    return found


def event(name: str, field: str) -> Callable[[Seen], object]:
    return lambda seen: seen["events"][name]["data"][field]


RECORDS: dict[str, tuple[Callable[[Seen], object], Level]] = {
    "token": (lambda seen: seen["token"]["lvl"], MADE),
    "claim": (lambda seen: seen["claim"]["confinement"], MADE),
    "snapshot": (lambda seen: seen["snapshot"]["confinement"], MADE),
    "snapshot, task": (lambda seen: seen["snapshot"]["task"]["confinement"], MADE),
    "tool status": (lambda seen: seen["status"]["confinement"], MADE),
    "task list": (lambda seen: seen["list"]["confinement"], MADE),
    "task list, judged": (lambda seen: seen["list"]["judged"], JUDGED),
    "task": (lambda seen: seen["task"]["confinement"], MADE),
    "task, weakest": (lambda seen: seen["task"]["weakest_confinement"], MADE),
    "task, reviewer": (lambda seen: seen["task"]["reviewers"][0]["confinement"], MADE),
    "why": (lambda seen: seen["why"]["task"]["confinement"], MADE),
    "why, judged": (lambda seen: seen["why"]["task"]["judged"], JUDGED),
    "inbox": (lambda seen: seen["inbox"]["confinement"], MADE),
    "inbox, judged": (lambda seen: seen["inbox"]["judged"], JUDGED),
    "approve": (lambda seen: seen["approve"]["confinement"], MADE),
    "approve, judged": (lambda seen: seen["approve"]["judged"], JUDGED),
    "evidence": (lambda seen: seen["evidence"]["confinement"], MADE),
    "evidence, author": (lambda seen: seen["evidence"]["sessions"][0]["level"], MADE),
    "evidence, reviewer": (lambda seen: seen["evidence"]["sessions"][-2]["level"], MADE),
    "evidence, judge": (lambda seen: seen["evidence"]["measurements"][-1]["level"], JUDGED),
    "event of an attempt": (event("attempt_started", "confinement"), MADE),
    "event of a review": (event("reviewer_started", "confinement"), MADE),
    "event of the judge": (event("evidence_recorded", "level"), JUDGED),
    "event of an approval": (event("approval_given", "confinement"), MADE),
    "event of an approval, judged": (event("approval_given", "judged"), JUDGED),
    "event of the end": (event("task_completed", "confinement"), MADE),
    "audit": (lambda seen: {record["level"] for record in seen["audit"]}.pop(), MADE),
}
"""Where a level is recorded → how it is read there, and which one it is."""

COLUMNS = ["task_id", "confinement"]
TEXTS: dict[str, tuple[Callable[[Seen], str], tuple[Level, ...]]] = {
    "show": (lambda seen: tasks.describe(seen["task"]), (MADE,)),
    "task list": (lambda seen: table([seen["list"]], COLUMNS), (MADE,)),
    "why": (lambda seen: why._tree(seen["why"]), (MADE, JUDGED)),
    "inbox": (lambda seen: approvals._item(seen["inbox"]), (MADE, JUDGED)),
    "run, attempt": (lambda seen: line(seen["events"]["attempt_started"]), (MADE,)),
    "run, review": (lambda seen: line(seen["events"]["reviewer_started"]), (MADE,)),
    "run, judge": (lambda seen: line(seen["events"]["evidence_recorded"]), (JUDGED,)),
    "run, approval": (lambda seen: line(seen["events"]["approval_given"]), (MADE, JUDGED)),
    "run, end": (lambda seen: line(seen["events"]["task_completed"]), (MADE,)),
    "commit": (lambda seen: seen["commit"], (MADE,)),
}
"""What people read → how it is made, and the levels that stand there."""


@pytest.mark.parametrize("name", RECORDS)
def test_the_level_is_on_record(seen: Seen, name: str) -> None:
    read, wanted = RECORDS[name]
    assert read(seen) == wanted.value


@pytest.mark.parametrize("name", TEXTS)
def test_the_level_is_shown(seen: Seen, name: str) -> None:
    make, wanted = TEXTS[name]
    text = make(seen)
    for level in wanted:
        assert level.value in text
    # Below full each of them says the same, and where to read what that means.
    is_below = MADE in wanted and name not in ("task list", "commit")
    assert ("below full → interlock doctor" in text) is is_below


def test_at_full_nothing_is_said_to_be_below(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        seen = await journey(house, Level.FULL, Level.FULL)
        for make, _ in TEXTS.values():
            assert "below full" not in make(seen)
            assert "full" in make(seen)

    at_house(tmp_path, story)


def test_a_judge_that_is_less_confined_than_the_session_is_told(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        seen = await journey(house, Level.FULL, Level.NONE)
        for name in ("why", "inbox", "run, judge", "run, approval"):
            assert "below full" in TEXTS[name][0](seen), name

    at_house(tmp_path, story)


def test_what_was_never_run_is_not_said_to_be_judged(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        house.runner.level = Level.FULL
        await house.waiting()
        (item,) = (await house.owner.ask("GET", "/api/v1/inbox")).json["waiting"]
        assert (item["confinement"], item["judged"]) == ("full", "")
        assert "made at full, nothing was run to judge it" in approvals._item(item)

    at_house(tmp_path, story)


def test_a_token_that_lies_about_its_level_decides_nothing(tmp_path: Path) -> None:
    """Whatever level a token names, or none as those of older releases, answers are the same."""

    async def story(house: House) -> None:
        house.runner.level = MADE
        task_id, client, _ = await house.working()
        state, session = house.state(task_id), house.state(task_id).session_id
        answers = []
        for level in ("", "none", "partial", "full", "nonsense"):
            token = house.now.tokens.mint(
                audience="interlock-agent",
                agent=state.agent_id,
                session=session,
                task=task_id,
                phase=state.phase,
                epoch=state.epoch,
                attempt=state.attempt_id,
                workflow=state.workflow,
                confinement=level,
            )
            snapshot = await client.ask("GET", "/api/v1/state/snapshot", token=token)
            write = {"tool_name": "Write", "args": {"path": "a", "content": ""}}
            check = await client.ask("POST", "/api/v1/tools/check", write, token=token)
            answers.append((snapshot.status, snapshot.json, check.status, check.json))
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][1]["confinement"] == MADE.value
        assert {entry.level for entry in house.audit.entries} == {MADE.value}

    at_house(tmp_path, story)


def test_a_session_that_got_less_than_is_on_record_does_not_work() -> None:
    async def story() -> None:
        b = Bench()
        b.runner.level, b.runner.given = Level.FULL, Level.PARTIAL
        await b.start()
        try:
            task_id = await b.create()
            await b.until(lambda: b.state(task_id).notices)
            (notice,) = b.state(task_id).notices
            assert "got partial, and full is on record" in str(notice["message"])
            assert notice["remedy"] == "interlock doctor"
            assert b.now.doors.open_ids == set()
        finally:
            await b.close()

    asyncio.run(story())


NEW_FIELDS = {"approval_given": ("confinement", "judged"), "task_completed": ("confinement",)}
"""Fields that histories of earlier releases do not have."""


def test_histories_without_levels_still_load(tmp_path: Path) -> None:
    """Those of releases that recorded the level of sessions and judge alone."""

    async def story(house: House) -> None:
        await journey(house)
        (task_id,) = house.store.task_ids()
        for index, stored in enumerate(house.store._events):
            data = dict(stored.data)
            for name in NEW_FIELDS.get(stored.event_type, ()):
                del data[name]
            house.store._events[index] = replace(stored, data=data)
        before = house.state(task_id)
        await house.restart()
        assert house.state(task_id) == before
        given = next(
            decode(e) for e in house.store.task_events(task_id) if e.event_type == "approval_given"
        )
        assert "gate" in line({"event_type": given.type, "task_id": "t", "data": vars_of(given)})

    at_house(tmp_path, story)


def vars_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def test_a_state_knows_only_the_level_of_what_it_holds() -> None:
    state = TaskState(judged="full", measured={"tree": "t"})
    assert (state.judged_at("t"), state.judged_at("u")) == ("full", "")
