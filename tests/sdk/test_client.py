"""The agent's client against real HTTP: what it sends, what it waits for, what it raises."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sdk.conftest import Connect
from tests.sdk.double import CLAIM, EXECUTE, TRANSITION, Double, Seen, claimed, serving

from interlock import AgentClient
from interlock.adapters.toolhost.errors import tool_error
from interlock.errors import (
    AuthError,
    ConflictError,
    InterlockError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UsageError,
    from_problem,
)
from interlock.sdk.exchange import ToolDeniedError

EXPIRED = AuthError("the token has expired", code="IL-TOK-004")
STATUS = f"{TRANSITION}/req_1"


def pending(**more: str) -> tuple[int, dict[str, object]]:
    return 200, {
        "allowed": False,
        "status": "pending",
        "transition_id": "req_1",
        "phase": "PLAN",
        "blockers": [],
        **more,
    }


def allowed() -> tuple[int, dict[str, object]]:
    return 200, {**pending()[1], "allowed": True, "status": "allowed", "phase": "TDD"}


def test_claim_keeps_task_phase_and_token_for_later_calls(door: Double) -> None:
    door.on(EXECUTE, (200, {"result": {"text": "hello", "next": None}}))
    with AgentClient("me", door.url) as client:
        task = client.claim_task(["python"])
        assert task is not None
        assert task["task_id"] == "task_1"
        assert client.current_phase == "PLAN"
        assert client.read_file("README.md") == "hello"
    assert door.of(CLAIM)[0].body == {"agent_id": "me", "capabilities": ["python"]}
    assert door.of(EXECUTE)[0].token == "token-1"


def test_token_travels_in_the_header_only(door: Double, connect: Connect) -> None:
    door.on(EXECUTE, (200, {"result": {}}))
    connect(door.url).use_tool("grep", pattern="x")
    sent = door.of(EXECUTE)[0]
    assert "token-1" not in sent.path
    assert sent.body == {"tool_name": "grep", "args": {"pattern": "x"}}


def test_nothing_ready_is_an_answer_not_an_error(door: Double, connect: Connect) -> None:
    door.on(CLAIM, (200, {"task": None, "phase": None, "phase_token": None}))
    client = connect(door.url, claims=False)
    assert client.claim_task() is None
    with pytest.raises(ConflictError, match="no task was claimed"):
        client.request_transition("TDD")


def test_address_and_name_come_from_the_session(
    door: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_URL", door.url)
    monkeypatch.setenv("INTERLOCK_AGENT_ID", "author-7")
    with AgentClient() as client:
        client.claim_task()
    assert door.of(CLAIM)[0].body["agent_id"] == "author-7"


def test_all_pages_of_a_file_are_read(door: Double, connect: Connect) -> None:
    door.on(
        EXECUTE,
        (200, {"result": {"text": "one ", "next": 4}}),
        (200, {"result": {"text": "two", "next": None}}),
    )
    assert connect(door.url).read_file("a.txt") == "one two"
    assert [seen.body["args"]["offset"] for seen in door.of(EXECUTE)] == [0, 4]


def test_pending_transition_is_polled_until_it_is_decided(door: Double, connect: Connect) -> None:
    door.on(TRANSITION, pending())
    door.on(STATUS, pending(), pending(), allowed())
    answer = connect(door.url).request_transition("TDD", {"plan_document": {}})
    assert answer["allowed"]
    assert len(door.of(TRANSITION)) == 1
    assert len(door.of(STATUS)) == 3
    assert all("wait=" in seen.path for seen in door.of(STATUS))


def test_transition_that_waits_for_a_person_is_not_polled(door: Double, connect: Connect) -> None:
    door.on(TRANSITION, pending(gate="plan_approved"))
    answer = connect(door.url).request_transition("TDD")
    assert (answer["status"], answer["gate"]) == ("pending", "plan_approved")
    assert door.of(STATUS) == []


def test_polling_stops_when_a_person_comes_to_be_asked(door: Double, connect: Connect) -> None:
    door.on(TRANSITION, pending())
    door.on(STATUS, pending(), pending(gate="plan_approved"))
    assert connect(door.url).request_transition("TDD")["gate"] == "plan_approved"
    assert len(door.of(STATUS)) == 2


def test_who_does_not_want_to_wait_gets_the_pending_answer_and_may_wait_later(
    door: Double, connect: Connect
) -> None:
    door.on(TRANSITION, pending())
    door.on(STATUS, allowed())
    client = connect(door.url)
    answer = client.request_transition("TDD", wait_s=0)
    assert answer["status"] == "pending"
    assert door.of(STATUS) == []
    assert client.await_transition(answer)["allowed"]


def test_blockers_are_returned_not_raised(door: Double, connect: Connect) -> None:
    blocker = {"rule": "artifact.missing", "message": "no plan", "remedy": "hand it in"}
    door.on(TRANSITION, (200, {**pending()[1], "status": "blocked", "blockers": [blocker]}))
    answer = connect(door.url).request_transition("TDD")
    assert not answer["allowed"]
    assert answer["blockers"] == [blocker]


def test_denied_tool_is_a_permission_error_with_the_decision(
    door: Double, connect: Connect
) -> None:
    decision = {"allowed": False, "tool": "write_files", "reasons": [{"rule": "tool.forbidden"}]}
    problem = {
        "title": "DeniedError",
        "code": "IL-POL-403",
        "detail": "write_files is forbidden in PLAN",
        "remedy": "Plan first.",
        "context": {"decision": decision},
    }
    door.on(EXECUTE, (403, problem))
    with pytest.raises(PermissionError) as caught:
        connect(door.url).write_file("a.py", "x")
    assert isinstance(caught.value, ToolDeniedError)
    assert caught.value.decision == decision
    assert caught.value.remedy == "Plan first."
    assert len(door.of(EXECUTE)) == 1


def test_error_of_the_server_is_raised_as_what_it_is(door: Double, connect: Connect) -> None:
    door.on(EXECUTE, InvalidInputError("no path", code="IL-TLC-001", remedy="Send path."))
    with pytest.raises(InvalidInputError) as caught:
        connect(door.url).use_tool("read_files")
    assert (caught.value.code, caught.value.remedy) == ("IL-TLC-001", "Send path.")


def test_expired_token_is_replaced_by_claiming_again_under_the_same_key(
    door: Double, connect: Connect
) -> None:
    door.on(CLAIM, claimed(token="old"), claimed(token="new"))
    door.on(EXECUTE, EXPIRED, (200, {"result": {"done": True}}))
    client = connect(door.url)
    assert client.use_tool("run_tests") == {"done": True}
    first, second = door.of(EXECUTE)
    assert (first.token, second.token) == ("old", "new")
    assert first.key == second.key
    assert first.body == second.body
    assert client.phase_token == "new"


def test_token_that_stays_expired_is_claimed_for_once_only(door: Double, connect: Connect) -> None:
    door.on(EXECUTE, EXPIRED)
    with pytest.raises(AuthError, match="expired"):
        connect(door.url).use_tool("run_tests")
    assert len(door.of(CLAIM)) == 2
    assert len(door.of(EXECUTE)) == 2


def test_other_refusals_of_a_token_do_not_claim_again(door: Double, connect: Connect) -> None:
    door.on(EXECUTE, AuthError("of another session", code="IL-TOK-030"))
    with pytest.raises(AuthError):
        connect(door.url).use_tool("run_tests")
    assert len(door.of(CLAIM)) == 1


def test_refresh_replaces_the_token(door: Double, connect: Connect) -> None:
    door.on("/api/v1/tokens/refresh", (200, {"phase_token": "fresh"}))
    client = connect(door.url)
    assert client.refresh_token() == "fresh"
    assert client.phase_token == "fresh"


def test_unix_socket_is_spoken_to_like_a_port(tmp_path: Path, connect: Connect) -> None:
    with serving(Double(), path=tmp_path / "s") as double:
        assert connect(double.url).task is not None
    assert double.of(CLAIM)[0].headers["host"] == "interlock"


def test_address_that_is_none_is_refused_at_once(connect: Connect) -> None:
    with pytest.raises(UsageError, match="no address"):
        connect("ftp://somewhere")


def test_answer_without_json_is_not_taken_for_an_answer(door: Double, connect: Connect) -> None:
    door.on(CLAIM, (200, b"<html>"))
    with pytest.raises(UnavailableError, match="without JSON"):
        connect(door.url)


def test_each_call_has_a_key_of_its_own(door: Double, connect: Connect) -> None:
    door.on(EXECUTE, (200, {"result": {}}))
    client = connect(door.url)
    client.status()
    client.status()
    keys = [seen.key for seen in door.seen]
    assert all(keys)
    assert len(set(keys)) == len(keys)


def test_reads_carry_no_key(door: Double, connect: Connect) -> None:
    door.on("/api/v1/state/snapshot", (200, {"current_phase": "PLAN"}))
    assert connect(door.url).get_state_snapshot() == {"current_phase": "PLAN"}
    assert door.of("/api/v1/state/snapshot")[0].key == ""


def test_every_shortcut_sends_the_tool_that_it_names(door: Double, connect: Connect) -> None:
    def echo(seen: Seen) -> tuple[int, dict[str, object]]:
        return 200, {"result": seen.body}

    door.on(EXECUTE, echo)
    client = connect(door.url)
    assert client.write_file("a", "b")["tool_name"] == "write_files"
    assert client.edit_file("a", "b", "c")["args"] == {"path": "a", "old": "b", "new": "c"}
    assert client.grep("x", "*.py")["args"] == {"pattern": "x", "glob": "*.py"}
    assert client.glob("*")["tool_name"] == "glob"
    assert client.run_command("ls", seconds=3)["args"] == {"command": "ls", "seconds": 3}
    assert client.run_tests()["args"] == {"seconds": 600.0}
    assert client.run_tests("pytest -x")["args"]["command"] == "pytest -x"
    assert client.submit_artifact("t", {"a": 1})["args"] == {"type": "t", "content": {"a": 1}}


def test_a_denial_prints_its_remedy() -> None:
    denied = ToolDeniedError("not in PLAN", remedy="client.request_transition('TDD')")
    assert str(denied) == "not in PLAN → client.request_transition('TDD')"


@pytest.mark.parametrize(
    "kind, raised", [("ENOENT", NotFoundError), ("invalid", InvalidInputError)]
)
def test_what_a_tool_refused_is_raised_as_an_error_of_the_tree(
    kind: str, raised: type[InterlockError]
) -> None:
    error = from_problem(tool_error(kind, "f: no", op="read").problem())
    assert type(error) is raised
    assert error.http_status < 500


def test_a_document_of_an_earlier_phase_is_read(door: Double, connect: Connect) -> None:
    door.on(EXECUTE, (200, {"result": {"type": "plan_document", "content": {"title": "x"}}}))
    assert connect(door.url).artifact("plan_document") == {"title": "x"}
    assert door.of(EXECUTE)[0].body == {
        "tool_name": "read_artifact",
        "args": {"type": "plan_document"},
    }
