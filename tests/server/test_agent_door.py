"""The agent door: answers and refusals of every route, and who may be who."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.engine.bench import DOCUMENTS
from tests.server.house import OPEN, PASSPHRASE, Client, House, at_house

from interlock.server.doors.agent import AGENT_ROUTES
from interlock.server.doors.check import CHECK
from interlock.server.doors.people import PEOPLE_ROUTES

READ = {"tool_name": "Read", "args": {"path": "src/text.py"}}
WRITE = {"tool_name": "Write", "args": {"path": "src/text.py", "content": "x"}}
HERE = {
    ("POST", "/api/v1/tasks/claim"),
    ("POST", "/api/v1/tasks/transition"),
    ("GET", "/api/v1/tasks/transition/{request_id}"),
    ("POST", "/api/v1/tools/execute"),
    ("POST", "/api/v1/tools/check"),
    ("GET", "/api/v1/state/snapshot"),
    ("POST", "/api/v1/tokens/refresh"),
    ("GET", "/healthz"),
}
"""Everything that an agent can ask for."""


def routes(table: Any) -> set[tuple[str, str]]:
    return {(method, path) for method, path, _ in table}


def test_the_agent_door_has_these_routes_and_no_others() -> None:
    assert {*routes(AGENT_ROUTES), ("POST", CHECK)} == HERE


def test_no_route_of_people_is_at_the_agent_door(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id, client, token = await house.working()
        for method, path, _ in PEOPLE_ROUTES:
            if path == "/healthz":
                continue
            real = path.replace("{task_id}", task_id).replace("{gate}", "plan_approved")
            answer = await client.ask(method, real, {"passphrase": "correct horse"}, token=token)
            assert answer.status == 404, (method, path)
            assert answer.json["code"] == "IL-DOR-404"
        assert house.state(task_id).status == "working"

    at_house(tmp_path, story)


def test_claim_gives_the_sessions_task_with_a_token_that_works(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id = await house.create()
        client = house.agent((await house.session(task_id)).session_id)
        body = {"agent_id": "me", "capabilities": ["python"]}
        claimed = await client.ask("POST", "/api/v1/tasks/claim", body)
        assert claimed.status == 200
        assert claimed.headers["content-type"] == "application/json"
        assert set(claimed.json) == {"task", "phase", "phase_token"}
        assert claimed.json["task"]["task_id"] == task_id
        assert claimed.json["phase"]["id"] == "PLAN"
        token = claimed.json["phase_token"]
        assert (await client.ask("GET", "/api/v1/state/snapshot", token=token)).status == 200

    at_house(tmp_path, story)


def test_a_session_without_a_task_is_answered_with_none(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        nothing = await house.agent("ses_stranger").ask("POST", "/api/v1/tasks/claim", {})
        assert nothing.status == 200
        assert nothing.json == {"task": None, "phase": None, "phase_token": None}

    at_house(tmp_path, story)


def test_transition_says_where_its_end_can_be_read(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id, client, token = await house.working()
        body = {
            "current_phase": "PLAN",
            "target_phase": "TDD",
            "artifacts": DOCUMENTS["PLAN"],
            "phase_token": token,
        }
        key = [("Idempotency-Key", "one")]
        asked = await client.ask("POST", "/api/v1/tasks/transition", body, headers=key)
        assert asked.status == 200
        assert asked.json["status"] == "pending"
        assert asked.json["allowed"] is False
        where = asked.headers["location"]
        assert where == f"/api/v1/tasks/transition/{asked.json['transition_id']}"
        over = await client.ask("GET", where, token=token, query="wait=10")
        assert (over.json["status"], over.json["allowed"]) == ("allowed", True)
        assert over.json["phase"] == house.state(task_id).phase == "TDD"
        again = await client.ask("POST", "/api/v1/tasks/transition", body, headers=key)
        assert again.json == over.json

    at_house(tmp_path, story)


def test_a_gate_that_does_not_pass_is_an_answer_and_no_error(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        body = {"current_phase": "PLAN", "target_phase": "TDD"}
        asked = await client.ask("POST", "/api/v1/tasks/transition", body, token=token)
        where = asked.headers["location"]
        over = await client.ask("GET", where, token=token, query="wait=10")
        assert (over.status, over.json["status"]) == (200, "blocked")
        assert all(b["message"] and b["remedy"] for b in over.json["blockers"])
        assert over.json["blockers"]

    at_house(tmp_path, story)


def test_a_gate_that_waits_for_a_person_is_named(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id, client, token = await house.working()
        body = {"current_phase": "PLAN", "target_phase": "TDD", "artifacts": OPEN}
        asked = await client.ask("POST", "/api/v1/tasks/transition", body, token=token)
        await house.reaches(task_id, status="awaiting_approval")
        shown = await client.ask("GET", asked.headers["location"], token=token)
        assert shown.json["status"] == "pending"
        assert shown.json["gate"] == "plan_approved"

    at_house(tmp_path, story)


@pytest.mark.parametrize("wait", ["x", "-1", "26", "nan", "inf"])
def test_a_wait_is_a_number_of_seconds_within_bounds(tmp_path: Path, wait: str) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        path = "/api/v1/tasks/transition/req_x"
        answer = await client.ask("GET", path, token=token, query=f"wait={wait}")
        assert (answer.status, answer.json["code"]) == (400, "IL-DOR-013")
        assert answer.is_problem

    at_house(tmp_path, story)


def test_another_sessions_request_is_not_to_be_seen(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        answer = await client.ask("GET", "/api/v1/tasks/transition/req_other", token=token)
        assert answer.status == 404
        assert answer.is_problem

    at_house(tmp_path, story)


def test_a_tool_is_carried_out_or_denied_with_the_decision(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        done = await client.ask("POST", "/api/v1/tools/execute", READ, token=token)
        assert done.status == 200
        assert set(done.json) == {"result"}
        denied = await client.ask("POST", "/api/v1/tools/execute", WRITE, token=token)
        assert denied.status == 403
        assert denied.is_problem
        assert denied.json["context"]["decision"]["allowed"] is False
        checked = await client.ask("POST", CHECK, WRITE, token=token)
        assert checked.status == 200
        assert checked.json["allowed"] is False

    at_house(tmp_path, story)


def test_a_refreshed_token_works(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        fresh = await client.ask("POST", "/api/v1/tokens/refresh", token=token)
        assert fresh.status == 200
        token = fresh.json["phase_token"]
        assert (await client.ask("GET", "/api/v1/state/snapshot", token=token)).status == 200

    at_house(tmp_path, story)


def test_without_a_token_nothing_but_a_claim_is_answered(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, _ = await house.working()
        for method, path in sorted(HERE - {("POST", "/api/v1/tasks/claim"), ("GET", "/healthz")}):
            transition = {"current_phase": "P", "target_phase": "T"}
            body = READ if "tools" in path else transition if "tasks" in path else {}
            answer = await client.ask(method, path, body if method == "POST" else None)
            assert answer.status == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.is_problem

    at_house(tmp_path, story)


async def refused(client: Client, token: str | None, **more: Any) -> tuple[int, str]:
    answer = await client.ask("GET", "/api/v1/state/snapshot", token=token, **more)
    assert answer.is_problem
    return answer.status, str(answer.json["code"])


def test_a_token_of_another_session_is_refused(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, _, mine = await house.working()
        _, other, _ = await house.working()
        assert await refused(other, mine) == (401, "IL-TOK-030")

    at_house(tmp_path, story)


def test_a_token_of_a_left_phase_is_stale(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id, client, token = await house.working()
        await house.leave(task_id)
        answer = await client.ask("POST", CHECK, READ, token=token)
        assert answer.status in (401, 409)
        assert answer.is_problem

    at_house(tmp_path, story)


def test_a_token_in_the_address_is_never_read(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        for name in ("token", "phase_token", "access_token", "authorization"):
            found = await refused(client, None, query=f"{name}={token}")
            assert found == (401, "IL-TOK-033")

    at_house(tmp_path, story)


def test_a_token_in_the_body_must_agree_with_the_header(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        inside = {**READ, "phase_token": token}
        path = "/api/v1/tools/execute"
        assert (await client.ask("POST", path, inside)).status == 200
        assert (await client.ask("POST", path, inside, token=token)).status == 200
        house.clock.advance(1)
        claimed = await client.ask("POST", "/api/v1/tasks/claim", {})
        another = claimed.json["phase_token"]
        assert another != token
        answer = await client.ask("POST", path, inside, token=another)
        assert (answer.status, answer.json["code"]) == (401, "IL-TOK-032")

    at_house(tmp_path, story)


def test_a_basic_credential_is_no_token(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        header = [("Authorization", f"Basic {token}")]
        assert await refused(client, None, headers=header) == (401, "IL-TOK-033")

    at_house(tmp_path, story)


def test_a_key_for_repeating_has_a_limit(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        for path in ("/api/v1/tools/execute", CHECK):
            for length, status in ((200, 200), (201, 400)):
                header = [("Idempotency-Key", path[-1] * length)]
                answer = await client.ask("POST", path, READ, token=token, headers=header)
                assert answer.status == status
                assert length == 200 or answer.json["code"] == "IL-DOR-012"

    at_house(tmp_path, story)


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """Not even with a body that would change something if it were posted."""

    async def story(house: House) -> None:
        task_id, client, token = await house.working()
        before, records = house.kinds(task_id), len(house.audit.entries)
        for _, path in sorted(HERE):
            move = {"current_phase": "PLAN", "target_phase": "TDD"}
            body = WRITE if "tools" in path else move if path.endswith("transition") else {}
            real = path.replace("{request_id}", "r")
            for method in ("GET", "HEAD"):
                await client.ask(method, real, body, token=token)
        assert house.kinds(task_id) == before
        assert len(house.audit.entries) == records

    at_house(tmp_path, story)


def test_no_route_of_agents_is_at_the_peoples_door(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, _, token = await house.working()
        shared = {path for _, path, _ in PEOPLE_ROUTES}
        for method, path in sorted(HERE):
            if path in shared:
                continue
            for client in (house.owner, house.network):
                answer = await client.ask(method, path, READ, token=token)
                assert answer.status in (401, 404, 405), (method, path)

    at_house(tmp_path, story)


def test_no_request_makes_or_decides_anything_that_is_peoples(tmp_path: Path) -> None:
    """Whatever it is called: no task is made, no gate opened, nothing trusted, nobody let in."""

    async def story(house: House) -> None:
        task_id, client, token = await house.working()
        waits = await house.waiting()
        words = ("approve", "reject", "waive", "waivers", "abort", "resume", "admin", "settings")
        paths = [f"/api/v1/tasks/{waits}/gates/plan_approved/{word}" for word in words]
        paths += [f"/api/v1/tasks/{waits}/{word}" for word in words]
        paths += [f"/api/v1/{word}" for word in (*words, "tasks", "trust", "session", "people")]
        body = {"title": "t", "passphrase": PASSPHRASE, "reason": "r"}
        for method in ("POST", "PUT", "PATCH", "DELETE", "GET"):
            for path in paths:
                answer = await client.ask(method, path, body, token=token)
                assert answer.status in (404, 405), (method, path)
        assert house.state(waits).status == "awaiting_approval"
        assert house.state(task_id).status == "working"
        assert len(house.now.ledger.states()) == 2
        assert house.trusted_by == []

    at_house(tmp_path, story)


def test_a_change_is_its_agents_and_its_sessions(tmp_path: Path) -> None:
    """By the server's own records: what an agent calls itself changes nothing."""

    async def story(house: House) -> None:
        task_id = await house.create()
        session = await house.session(task_id)
        client = house.agent(session.session_id)
        body = {"agent_id": "somebody-else"}
        claimed = (await client.ask("POST", "/api/v1/tasks/claim", body)).json
        move = {
            "current_phase": "PLAN",
            "target_phase": "TDD",
            "artifacts": DOCUMENTS["PLAN"],
        }
        token = claimed["phase_token"]
        await client.ask("POST", "/api/v1/tasks/transition", move, token=token)
        await house.reaches(task_id, phase="TDD")
        events = house.store.task_events(task_id)
        (asked,) = [e for e in events if e.event_type == "phase_transition_requested"]
        mine = (session.spec.agent_id, session.session_id)
        assert (asked.data["agent_id"], asked.data["session_id"]) == mine
        assert asked.actor == f"agent:{mine[0]}"
        submitted = [e.data["session_id"] for e in events if e.event_type == "artifact_submitted"]
        assert set(submitted) == {mine[1]}
        assert mine[0] in house.state(task_id).authors
        bundle = await house.owner.ask("GET", f"/api/v1/tasks/{task_id}/evidence")
        assert mine in [(s["agent_id"], s["session_id"]) for s in bundle.json["sessions"]]

    at_house(tmp_path, story)
