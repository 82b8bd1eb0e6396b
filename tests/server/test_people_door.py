"""The people's door: who is let in which way, and that their word is asked for each time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from tests.engine.bench import AGENT
from tests.server.house import OPEN as OPEN_DOCUMENTS
from tests.server.house import PASSPHRASE, Answer, Client, House, at_house

from interlock.core.model import Strength
from interlock.ports.confinement import Level
from interlock.server.doors.agent import AGENT_ROUTES
from interlock.server.doors.check import CHECK
from interlock.server.doors.logins import LIFETIME_S
from interlock.server.doors.people import PEOPLE_ROUTES
from interlock.server.passphrase import file_of, set_passphrase

HERE = {
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("GET", "/api/v1/tasks"),
    ("POST", "/api/v1/tasks"),
    ("GET", "/api/v1/tasks/{task_id}"),
    ("GET", "/api/v1/tasks/{task_id}/why"),
    ("GET", "/api/v1/tasks/{task_id}/evidence"),
    ("POST", "/api/v1/tasks/{task_id}/abort"),
    ("POST", "/api/v1/tasks/{task_id}/resume"),
    ("POST", "/api/v1/tasks/{task_id}/gates/{gate}/approve"),
    ("POST", "/api/v1/tasks/{task_id}/gates/{gate}/reject"),
    ("GET", "/api/v1/inbox"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/trust"),
    ("POST", "/api/v1/trust"),
    ("GET", "/api/v1/environments"),
    ("POST", "/api/v1/environments/build"),
    ("POST", "/api/v1/environments/prune"),
    ("GET", "/api/v1/about"),
    ("GET", "/healthz"),
}
"""Everything that a person can ask for."""

OPEN = {("POST", "/api/v1/session"), ("DELETE", "/api/v1/session"), ("GET", "/healthz")}
"""What is answered to everybody at the port."""

GATE = "plan_approved"


def real(path: str, task_id: str) -> str:
    return path.replace("{task_id}", task_id).replace("{gate}", GATE)


def decision(task_id: str, verb: str) -> str:
    return f"/api/v1/tasks/{task_id}/gates/{GATE}/{verb}"


async def decide(client: Client, task_id: str, verb: str, **more: Any) -> Answer:
    token = more.pop("token", None)
    body = {"passphrase": PASSPHRASE, "reason": "because", **more}
    return await client.ask("POST", decision(task_id, verb), body, token=token)


def test_the_peoples_door_has_these_routes_and_no_others() -> None:
    assert {(method, path) for method, path, _ in PEOPLE_ROUTES} == HERE


def test_nothing_is_told_or_done_at_the_port_without_a_login(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id = await house.waiting()
        before = house.kinds(task_id)
        body = {"passphrase": PASSPHRASE, "reason": "r"}
        for token in (None, "", "guess", "\x00"):
            for method, path in sorted(HERE - OPEN):
                sent = {"title": "t"} if path.endswith("/tasks") else body
                answer = await house.network.ask(
                    method, real(path, task_id), sent if method == "POST" else None, token=token
                )
                assert (answer.status, answer.json["code"]) == (401, "IL-DOR-020"), path
                assert answer.is_problem
        assert house.kinds(task_id) == before
        assert house.trusted_by == []

    at_house(tmp_path, story)


def test_an_agents_token_opens_nothing_of_people(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id, _, token = await house.working()
        answer = await house.network.ask("GET", f"/api/v1/tasks/{task_id}", token=token)
        assert answer.status == 401

    at_house(tmp_path, story)


def test_a_login_is_a_cookie_that_no_page_can_use_or_read(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        made = await house.network.ask("POST", "/api/v1/session", {"passphrase": PASSPHRASE})
        assert made.status == 201
        cookie = SimpleCookie(made.headers["set-cookie"])["interlock_session"]
        assert cookie["httponly"]
        assert cookie["samesite"].lower() == "strict"
        assert cookie["path"] == "/"
        by_cookie = [("Cookie", f"interlock_session={cookie.value}")]
        shown = await house.network.ask("GET", "/api/v1/tasks", headers=by_cookie)
        assert shown.json == {"tasks": []}
        token = made.json["session"]
        assert (await house.network.ask("GET", "/api/v1/inbox", token=token)).status == 200

    at_house(tmp_path, story)


def test_a_login_ends_by_itself_and_on_request(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        first, second = await house.login(), await house.login()
        assert (await house.network.ask("DELETE", "/api/v1/session", token=first)).status == 200
        assert (await house.network.ask("GET", "/api/v1/tasks", token=first)).status == 401
        assert (await house.network.ask("GET", "/api/v1/tasks", token=second)).status == 200
        house.clock.advance(LIFETIME_S + 1)
        assert (await house.network.ask("GET", "/api/v1/tasks", token=second)).status == 401

    at_house(tmp_path, story)


def test_a_person_makes_and_sees_tasks(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        key = [("Idempotency-Key", "same")]
        body = {"title": "slug", "agent": {}}
        made = await house.owner.ask("POST", "/api/v1/tasks", body, headers=key)
        assert made.status == 201
        task_id = made.json["task_id"]
        assert made.headers["location"] == f"/api/v1/tasks/{task_id}"
        again = await house.owner.ask("POST", "/api/v1/tasks", body, headers=key)
        assert again.json["task_id"] == task_id
        listed = await house.owner.ask("GET", "/api/v1/tasks")
        assert [task["task_id"] for task in listed.json["tasks"]] == [task_id]
        for path in ("", "/why", "/evidence"):
            shown = await house.owner.ask("GET", f"/api/v1/tasks/{task_id}{path}")
            assert shown.status == 200
        assert (await house.owner.ask("GET", "/api/v1/about")).json == {"level": "none"}

    at_house(tmp_path, story)


@pytest.mark.parametrize(
    "body, status",
    [({}, 422), ({"title": " "}, 422), ({"title": "t", "depends_on": ["task_x"]}, 404)],
)
def test_a_task_that_cannot_be_is_refused(
    tmp_path: Path, body: dict[str, Any], status: int
) -> None:
    async def story(house: House) -> None:
        answer = await house.owner.ask("POST", "/api/v1/tasks", body)
        assert answer.status == status
        assert answer.is_problem

    at_house(tmp_path, story)


def test_a_task_that_is_not_there_is_404_everywhere(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        for method, path in sorted(HERE):
            if "{task_id}" not in path:
                continue
            word = {} if path.endswith("/resume") else {"passphrase": PASSPHRASE, "reason": "r"}
            answer = await house.owner.ask(
                method, real(path, "task_none"), word if method == "POST" else None
            )
            assert answer.status == 404, path
            assert answer.is_problem

    at_house(tmp_path, story)


def test_an_approval_lets_through_what_was_shown(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id = await house.waiting()
        (shown,) = (await house.owner.ask("GET", "/api/v1/inbox")).json["waiting"]
        assert shown["task_id"] == task_id
        assert shown["artifacts"]["plan_document"]["open_questions"] == ["Which separator?"]
        done = await decide(house.owner, task_id, "approve", binding=shown["binding"])
        assert done.status == 200
        assert done.json["phase"] == "TDD"
        (given,) = [
            e.data for e in house.store.task_events(task_id) if e.event_type == "approval_given"
        ]
        assert (given["by"], given["strength"]) == ("owner", "passphrase")

    at_house(tmp_path, story)


def test_a_login_approves_in_its_own_name(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id = await house.waiting()
        done = await decide(house.network, task_id, "approve", token=await house.login())
        assert done.status == 200
        kinds = {e.event_type: e.data for e in house.store.task_events(task_id)}
        # The passphrase is the owner's, wherever it was given.
        assert kinds["approval_given"]["by"] == "owner"

    at_house(tmp_path, story)


def given(house: House, task_id: str) -> dict[str, Any]:
    """The record of the task's one approval."""
    (found,) = [e for e in house.store.task_events(task_id) if e.event_type == "approval_given"]
    return dict(found.data)


def gated(house: House, **changes: Any) -> None:
    """Let the next tasks' plans wait at a gate that asks for something else."""
    start = house.workflow.start
    gate = replace(start.gates[0], **changes)
    phases = (replace(start, gates=(gate,)), *house.workflow.phases[1:])
    house.workflow = replace(house.workflow, phases=phases, digest=str(sorted(changes)))


def test_how_sure_the_server_was_of_a_person_is_on_record(tmp_path: Path) -> None:
    """A gate may do with a login, at full; else the passphrase is asked for again."""

    async def story(house: House) -> None:
        login = await house.login()
        house.runner.level = Level.FULL
        for wanted, asks in ((Strength.SESSION, False), (Strength.PASSPHRASE, True)):
            gated(house, approval_strength=wanted)
            task_id = await house.waiting()
            (item,) = (await house.owner.ask("GET", "/api/v1/inbox")).json["waiting"]
            assert item["strength"] == wanted.value
            path = decision(task_id, "approve")
            alone = await house.network.ask("POST", path, {}, token=login)
            if asks:
                assert (alone.status, alone.json["code"]) == (401, "IL-PPL-006")
                assert "interlock approve" in alone.json["remedy"]
                assert (await decide(house.network, task_id, "approve", token=login)).status == 200
            else:
                assert alone.status == 200
            assert given(house, task_id)["strength"] == wanted.value

    at_house(tmp_path, story)


@pytest.mark.parametrize("level", [Level.PARTIAL, Level.NONE])
def test_below_full_a_login_is_never_enough(tmp_path: Path, level: Level) -> None:
    async def story(house: House) -> None:
        gated(house, approval_strength=Strength.SESSION)
        house.runner.level = level
        task_id = await house.waiting()
        (item,) = (await house.owner.ask("GET", "/api/v1/inbox")).json["waiting"]
        assert item["strength"] == "passphrase"
        answer = await house.owner.ask("POST", decision(task_id, "approve"), {})
        assert (answer.status, answer.json["code"]) == (401, "IL-PPL-006")
        assert (await decide(house.owner, task_id, "approve")).status == 200

    at_house(tmp_path, story)


def test_a_gate_with_four_eyes_wants_somebody_else(tmp_path: Path) -> None:
    """By that person's own passphrase; the owner's under another name is wrong."""

    async def story(house: House) -> None:
        set_passphrase(file_of(tmp_path / "passphrase.json", "bob"), "battery staple")
        gated(house, four_eyes=True)
        made = await house.owner.ask("POST", "/api/v1/tasks", {"title": "t", "agent": AGENT})
        task_id = made.json["task_id"]
        assert made.json["created_by"] == "owner"
        await house.ask(task_id, documents=OPEN_DOCUMENTS)
        await house.reaches(task_id, status="awaiting_approval")
        own = await decide(house.owner, task_id, "approve")
        assert (own.status, own.json["code"]) == (403, "IL-PPL-007")
        for word, name in ((PASSPHRASE, "bob"), ("battery staple", "carol"), ("", "bob")):
            wrong = await decide(house.owner, task_id, "approve", passphrase=word, name=name)
            assert (wrong.status, wrong.json["code"]) == (401, "IL-PAS-002")
        await house.owner.ask("POST", "/api/v1/session", {"passphrase": PASSPHRASE})
        login = {"passphrase": "battery staple", "name": "bob"}
        token = (await house.network.ask("POST", "/api/v1/session", login)).json["session"]
        done = await decide(
            house.network, task_id, "approve", passphrase="battery staple", name="bob", token=token
        )
        assert done.status == 200
        assert given(house, task_id)["by"] == "bob"

    at_house(tmp_path, story)


def test_names_that_lead_elsewhere_are_nobodys(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        for name in ("../passphrase", "/etc/passwd", "", "Owner", "a" * 40, "a/../../x"):
            body = {"passphrase": PASSPHRASE, "name": name}
            answer = await house.owner.ask("POST", "/api/v1/session", body)
            assert answer.status == 401
            house.clock.advance(1000)

    at_house(tmp_path, story)


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_stale_binding_is_a_conflict(tmp_path: Path, verb: str) -> None:
    async def story(house: House) -> None:
        task_id = await house.waiting()
        answer = await decide(house.owner, task_id, verb, binding="0" * 64)
        assert answer.status == 409
        assert answer.is_problem
        assert house.state(task_id).status == "awaiting_approval"

    at_house(tmp_path, story)


def test_what_was_approved_is_not_approved_again(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id = await house.waiting()
        assert (await decide(house.owner, task_id, "approve")).status == 200
        assert (await decide(house.owner, task_id, "approve")).status == 409
        other = f"/api/v1/tasks/{task_id}/gates/no_such_gate/approve"
        body = {"passphrase": PASSPHRASE}
        assert (await house.owner.ask("POST", other, body)).status == 409

    at_house(tmp_path, story)


def test_a_rejection_needs_a_reason_and_carries_it(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id = await house.waiting()
        silent = await decide(house.owner, task_id, "reject", reason=" ")
        assert silent.status == 422
        done = await decide(house.owner, task_id, "reject", reason="Hyphens, please.")
        assert done.status == 200
        assert done.json["phase"] == "PLAN"
        assert "Hyphens, please." in json.dumps(done.json["blockers"])

    at_house(tmp_path, story)


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_a_decision_asks_for_the_passphrase_each_time(tmp_path: Path, verb: str) -> None:
    async def story(house: House) -> None:
        task_id, token = await house.waiting(), await house.login()
        before = house.kinds(task_id)
        for client in (house.owner, house.network):
            answer = await decide(client, task_id, verb, passphrase="wrong horse", token=token)
            assert (answer.status, answer.json["code"]) == (401, "IL-PAS-002")
            body = {"reason": "r"}
            answer = await client.ask("POST", decision(task_id, verb), body, token=token)
            assert answer.status == (401 if verb == "approve" else 422)
        assert house.kinds(task_id) == before

    at_house(tmp_path, story)


def test_aborting_and_trusting_ask_for_the_passphrase(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id = await house.create()
        for path in (f"/api/v1/tasks/{task_id}/abort", "/api/v1/trust"):
            wrong = {"passphrase": "wrong horse"}
            assert (await house.owner.ask("POST", path, wrong)).status == 401
            assert house.trusted_by == []
            assert house.state(task_id).status != "aborted"
        right = {"passphrase": PASSPHRASE, "reason": "r"}
        ended = await house.owner.ask("POST", f"/api/v1/tasks/{task_id}/abort", right)
        assert ended.json["status"] == "aborted"
        assert (await house.owner.ask("POST", "/api/v1/trust", right)).status == 200
        assert house.trusted_by == ["owner"]

    at_house(tmp_path, story)


def test_a_session_is_tried_again_only_where_one_ended(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id, _, _ = await house.working()
        path = f"/api/v1/tasks/{task_id}/resume"
        assert (await house.owner.ask("POST", path, {})).status == 409
        house.runner.sessions[house.state(task_id).session_id].leave(1)
        await house.until(lambda: house.state(task_id).failures)
        assert (await house.owner.ask("POST", path, {})).status == 200

    at_house(tmp_path, story)


def test_who_guesses_is_slowed_down_more_and_more(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        async def guess(client: Client, passphrase: str = "wrong horse") -> str:
            body = {"passphrase": passphrase}
            answer = await client.ask("POST", "/api/v1/session", body)
            return "" if answer.status == 201 else str(answer.json["code"])

        assert [await guess(house.network) for _ in range(5)] == ["IL-PAS-002"] * 5
        assert await guess(house.network, PASSPHRASE) == "IL-PAS-003"
        # Who guesses at the port does not lock the owner out.
        assert await guess(house.owner, PASSPHRASE) == ""
        house.clock.advance(29)
        assert await guess(house.network, PASSPHRASE) == "IL-PAS-003"
        house.clock.advance(2)
        assert await guess(house.network) == "IL-PAS-002"
        house.clock.advance(31)
        assert await guess(house.network, PASSPHRASE) == "IL-PAS-003"
        house.clock.advance(30)
        assert await guess(house.network, PASSPHRASE) == ""
        assert await guess(house.network) == "IL-PAS-002"

    at_house(tmp_path, story)


def test_guesses_at_once_do_not_get_around_the_pause(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        body = {"passphrase": "wrong horse"}
        asked = [house.network.ask("POST", "/api/v1/session", body) for _ in range(40)]
        codes = [answer.json["code"] for answer in await asyncio.gather(*asked)]
        assert codes.count("IL-PAS-002") == 5
        assert codes.count("IL-PAS-003") == 35

    at_house(tmp_path, story)


def test_reading_changes_nothing(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id = await house.waiting()
        before = house.kinds(task_id)
        for _, path in sorted(HERE):
            await house.owner.ask("GET", real(path, task_id), {"passphrase": PASSPHRASE})
        assert house.kinds(task_id) == before

    at_house(tmp_path, story)


def test_events_are_read_by_cursor_type_and_task(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        first, second = await house.create({}), await house.create({})

        async def read(query: str) -> Any:
            return (await house.owner.ask("GET", "/api/v1/events", query=query)).json

        everything = await read("")
        assert {e["task_id"] for e in everything["events"]} == {first, second}
        assert everything["cursor"] == everything["events"][-1]["id"]
        rest = await read(f"after={everything['cursor']}")
        assert rest == {"events": [], "cursor": everything["cursor"]}
        of_second = await read(f"task={second}&type=task_created&type=task_aborted")
        assert [e["event_type"] for e in of_second["events"]] == ["task_created"]
        assert len((await read("limit=1"))["events"]) == 1

    at_house(tmp_path, story)


def test_a_wait_for_events_ends_with_the_first_one(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        waiting = asyncio.create_task(
            house.owner.ask("GET", "/api/v1/events", query="after=0&wait=20")
        )
        await asyncio.sleep(0)
        task_id = await house.create({})
        async with asyncio.timeout(10):
            found = (await waiting).json["events"]
        assert found[0]["task_id"] == task_id

    at_house(tmp_path, story)


@pytest.mark.parametrize(
    "query", ["after=x", "after=-1", "limit=0", "limit=1001", "wait=26", "wait=nan", "wait=x"]
)
def test_a_query_out_of_bounds_is_refused(tmp_path: Path, query: str) -> None:
    async def story(house: House) -> None:
        answer = await house.owner.ask("GET", "/api/v1/events", query=query)
        assert (answer.status, answer.json["code"]) == (400, "IL-DOR-021")
        assert answer.is_problem

    at_house(tmp_path, story)


def test_text_of_an_agent_is_data_and_never_a_page(tmp_path: Path) -> None:
    """Whatever it holds, each answer of each door says that it is JSON and nothing to run."""
    page = "<script>alert(1)</script>"

    def inert(answer: Answer) -> None:
        assert answer.headers["content-type"] in ("application/json", "application/problem+json")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"

    async def story(house: House) -> None:
        _, client, token = await house.working()
        made = await house.owner.ask("POST", "/api/v1/tasks", {"title": page})
        assert made.json["title"] == page
        for method, path in sorted(HERE):
            inert(await house.owner.ask(method, real(path, made.json["task_id"]), {"title": page}))
            inert(await house.network.ask(method, path))
        for method, path, _ in (*AGENT_ROUTES, ("POST", CHECK, "")):
            body = {"tool_name": page, "args": {page: page}}
            inert(await client.ask(method, path, body, token=token))
            inert(await client.ask(method, f"{path}/{page}", body, token=token))

    at_house(tmp_path, story)
