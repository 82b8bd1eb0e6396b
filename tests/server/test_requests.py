"""What stands in front of every route: who may call, how much, in which form, and what a refusal
looks like."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from tests.server.house import PASSPHRASE, Answer, Client, House, at_house

from interlock.errors import TooLargeError, UnavailableError
from interlock.server.doors.agent import AGENT_ROUTES
from interlock.server.doors.check import CHECK
from interlock.server.doors.keys import Keys
from interlock.server.doors.people import PEOPLE_ROUTES
from interlock.server.doors.requests import (
    DEEPEST,
    MAX_VALUES,
    SESSION,
    ReasonBody,
    ToolBody,
    parse,
)
from interlock.server.guards import (
    AT_ONCE,
    LARGE,
    SMALL,
    USUAL,
    Admission,
    Guard,
    Receive,
    Scope,
    Send,
    read_body,
)

EXECUTE = "/api/v1/tools/execute"
READ = {"tool_name": "Read", "args": {"path": "src/text.py"}}


def both(place: Path, check: Callable[[House, Client, str, str], Any]) -> None:
    """The same at a route of the framework and at the one beside it."""

    async def story(house: House) -> None:
        _, client, token = await house.working()
        for path in (EXECUTE, CHECK):
            await check(house, client, path, token)

    at_house(place, story)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::2]:8000", "127.0.0.2"],
)
def test_a_name_that_was_bound_to_our_address_is_not_ours(tmp_path: Path, host: str) -> None:
    async def story(house: House) -> None:
        for client in (house.agent("ses"), house.owner, house.network):
            answer = await client.ask("GET", "/healthz", host=host)
            assert (answer.status, answer.json["code"]) == (403, "IL-DOR-001")
            assert answer.is_problem

    at_house(tmp_path, story)


def test_a_request_names_one_host(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        two = await house.owner.ask("GET", "/healthz", headers=[("Host", "evil.example")])
        none = await house.owner.ask("GET", "/healthz", host=None)
        assert [two.status, none.status] == [403, 403]

    at_house(tmp_path, story)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9", "localhost:8000", "LOCALHOST"])
def test_our_own_names_are_ours(tmp_path: Path, host: str) -> None:
    async def story(house: House) -> None:
        assert (await house.network.ask("GET", "/healthz", host=host)).status == 200

    at_house(tmp_path, story)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1:9999", "null", "https://127.0.0.1:8000", ""],
)
def test_a_page_from_elsewhere_cannot_post(tmp_path: Path, origin: str) -> None:
    async def story(house: House) -> None:
        login = await house.login()
        header = [("Origin", origin), ("Cookie", f"interlock_session={login}")]
        answer = await house.network.ask("POST", "/api/v1/tasks", {"title": "x"}, headers=header)
        assert (answer.status, answer.json["code"]) == (403, "IL-DOR-002")
        assert answer.is_problem
        assert house.now.ledger.states() == ()

    at_house(tmp_path, story)


def test_our_own_page_may_call(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        header = [("Origin", "http://127.0.0.1:8000")]
        assert (await house.network.ask("GET", "/healthz", headers=header)).status == 200

    at_house(tmp_path, story)


def too_large(answer: Answer) -> None:
    assert (answer.status, answer.json["code"]) == (413, "IL-DOR-003")
    assert answer.is_problem


def test_a_body_without_end_is_cut_off(tmp_path: Path) -> None:
    chunk = b" " * (1 << 20)
    given = 0

    def chunks() -> Any:
        nonlocal given
        for _ in range(3 * LARGE // len(chunk)):
            given += len(chunk)
            yield chunk

    async def check(_house: House, client: Client, path: str, token: str) -> None:
        too_large(await client.ask("POST", path, token=token, chunks=chunks()))

    both(tmp_path, check)


@pytest.mark.parametrize("length", [str(LARGE + 1), "9" * 30, "-1", "x"])
def test_a_body_that_says_it_is_too_large_is_not_read(tmp_path: Path, length: str) -> None:
    async def check(_house: House, client: Client, path: str, token: str) -> None:
        header = [("Content-Length", length)]
        too_large(await client.ask("POST", path, READ, token=token, headers=header))

    both(tmp_path, check)


def test_a_body_that_says_it_is_small_is_counted_all_the_same(tmp_path: Path) -> None:
    async def check(_house: House, client: Client, path: str, token: str) -> None:
        big = [b'{"tool_name": "Read", "args": {"path": "', b"a" * LARGE, b'"}}']
        header = [("Content-Length", "10")]
        too_large(await client.ask("POST", path, token=token, headers=header, chunks=big))

    both(tmp_path, check)


def nested(depth: int) -> bytes:
    inner = b"[" * (depth - 2) + b"]" * (depth - 2)
    return b'{"tool_name": "Read", "args": {"path": %b}}' % inner


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\xfe",
        b'{"tool_name": "Read", "args": {"n": NaN}}',
        b'{"tool_name": "Read", "args": {"n": Infinity}}',
        b'{"tool_name": "Read", "tool_name": "Write"}',
        b'{"tool_name": "Read", "args": {"path": "a", "path": "b"}}',
        b'{"tool_name": "Read", "args": {"deep": [{"a": 1, "\\u0061": 2}]}}',
        b'{"tool_name": "Read"} {}',
        b'{"tool_name": "Read", "args": {"n": "\\ud800"}}',
        nested(DEEPEST + 1),
        nested(100_000),
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)
def test_what_is_no_plain_json_is_refused(tmp_path: Path, body: bytes) -> None:
    async def check(_house: House, client: Client, path: str, token: str) -> None:
        answer = await client.ask("POST", path, body, token=token)
        assert (answer.status, answer.json["code"]) == (400, "IL-DOR-010")
        assert answer.is_problem

    both(tmp_path, check)


@pytest.mark.parametrize(
    "body", [[], {}, {"tool_name": 1}, {"tool_name": "Read", "more": 1}, {"tool_name": None}]
)
def test_json_of_another_shape_is_refused_with_its_place(tmp_path: Path, body: object) -> None:
    async def check(_house: House, client: Client, path: str, token: str) -> None:
        answer = await client.ask("POST", path, body, token=token)
        assert (answer.status, answer.json["code"]) == (422, "IL-DOR-011")
        assert answer.is_problem

    both(tmp_path, check)


def test_as_deep_as_documents_go_is_fine(tmp_path: Path) -> None:
    async def check(_house: House, client: Client, path: str, token: str) -> None:
        answer = await client.ask("POST", path, nested(DEEPEST), token=token)
        assert answer.status != 400

    both(tmp_path, check)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_answered_in_the_one_shape(tmp_path: Path, method: str) -> None:
    async def check(house: House, client: Client, path: str, token: str) -> None:
        answer = await client.ask(method, path, token=token)
        assert answer.status in (404, 405)
        assert answer.is_problem
        posted = await house.owner.ask(method, "/api/v1/tasks/task_x/abort")
        assert (posted.status, posted.json["code"]) == (405, "IL-DOR-405")
        assert posted.headers["allow"] == "POST"

    both(tmp_path, check)


@pytest.mark.parametrize(
    "path", ["/", "/api/v1", "/api/v1/tasks/", "//api/v1/tasks", "/api/v1/tasks/a/b/c", "/docs"]
)
def test_what_is_not_there_is_answered_in_the_one_shape(tmp_path: Path, path: str) -> None:
    async def story(house: House) -> None:
        for client in (house.owner, house.agent("ses")):
            answer = await client.ask("GET", path)
            assert (answer.status, answer.json["code"]) == (404, "IL-DOR-404")
            assert answer.is_problem

    at_house(tmp_path, story)


def guarded(app: Any, **more: Any) -> Answer:
    return asyncio.run(Client(Guard(app)).ask("POST", "/x", **more))


def test_our_own_failure_tells_no_secrets() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("the key is 12345")

    answer = guarded(broken)
    assert answer.status == 500
    assert answer.is_problem
    assert "12345" not in answer.body.decode()


def test_a_client_that_left_is_nobodys_failure() -> None:
    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(receive)
        await read_body(receive)

    assert guarded(reading, body=b"x").json["code"] == "IL-DOR-004"


def test_stopping_waits_for_what_may_change_something_and_refuses_the_rest() -> None:
    async def story() -> None:
        going, may_end = asyncio.Event(), asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            going.set()
            await may_end.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        guard = Guard(slow)
        client = Client(guard)
        asked = asyncio.create_task(client.ask("POST", "/x"))
        await going.wait()
        drained = asyncio.create_task(guard.drain(20))
        await asyncio.sleep(0)
        late = await client.ask("POST", "/x")
        assert (late.status, late.json["retryable"]) == (503, True)
        assert not drained.done()
        may_end.set()
        await drained
        assert (await asked).status == 200

    asyncio.run(story())


def test_stopping_waits_for_nobody_who_only_looks_and_not_for_ever() -> None:
    async def story() -> None:
        going = asyncio.Event()

        async def endless(scope: Scope, receive: Receive, send: Send) -> None:
            going.set()
            await asyncio.Event().wait()

        for method, limit in (("GET", 20.0), ("POST", 0.01)):
            guard = Guard(endless)
            going.clear()
            asked = asyncio.create_task(Client(guard).ask(method, "/x"))
            await going.wait()
            async with asyncio.timeout(5):
                await guard.drain(limit)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)

    asyncio.run(story())


def test_an_error_of_ours_keeps_its_code_remedy_and_status() -> None:
    async def absent(scope: Scope, receive: Receive, send: Send) -> None:
        raise UnavailableError("gone", code="IL-XXX-001", remedy="interlock up", context={"a": 1})

    answer = guarded(absent)
    assert answer.is_problem
    assert answer.status == 503
    found = json.loads(answer.body)
    assert (found["code"], found["remedy"], found["context"]) == (
        "IL-XXX-001",
        "interlock up",
        {"a": 1},
    )


def test_passphrases_are_not_repeated_in_errors(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        body = {"passphrase": PASSPHRASE, "more": 1}
        answer = await house.network.ask("POST", "/api/v1/session", body)
        assert answer.status == 422
        assert PASSPHRASE not in answer.body.decode()

    at_house(tmp_path, story)


def test_very_many_values_are_refused_before_anything_decides_on_them() -> None:
    files = [{"path": f"f{n}", "content": ""} for n in range(MAX_VALUES)]
    body = json.dumps({"tool_name": "Write", "args": {"files": files}}).encode()
    with pytest.raises(TooLargeError, match="values"):
        parse(body, ToolBody)
    text = json.dumps({"tool_name": "Write", "args": {"path": "a", "content": "," * 50_000}})
    assert parse(text.encode(), ToolBody).tool_name == "Write"


# -- who sends is known before anything is read ------------------------------------------------


def test_nothing_is_read_from_who_shows_a_bad_token(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, _ = await house.working()
        _, _, foreign = await house.working()
        for method, path, _ in (*AGENT_ROUTES, ("POST", CHECK, "")):
            if method != "POST" or path.endswith("/claim"):
                continue
            for token in ("guess", foreign):
                answer = await client.ask(method, path, READ, token=token)
                assert (answer.status, answer.reads) == (401, 0), path
                assert answer.is_problem
        await house.network.ask("POST", "/api/v1/session", {"passphrase": PASSPHRASE})
        for method, path, _ in PEOPLE_ROUTES:
            if method != "POST" or path.endswith("/session"):
                continue
            for login in (None, "guess"):
                answer = await house.network.ask(method, path, {"title": "t"}, token=login)
                assert (answer.status, answer.reads) == (401, 0), path

    at_house(tmp_path, story)


def padded(size: int, **fields: Any) -> bytes:
    """A body of that many bytes."""
    body = json.dumps(fields).encode()
    return body + b" " * (size - len(body))


def test_bodies_are_bound_by_who_sends_them_and_where(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id, client, token = await house.working()
        move = {"current_phase": "PLAN", "target_phase": "NONE"}
        word = {"passphrase": "wrong horse"}
        limits: list[tuple[Client, str, dict[str, Any], str | None, int]] = [
            (client, EXECUTE, READ, token, LARGE),
            (client, CHECK, READ, token, LARGE),
            (client, "/api/v1/tasks/transition", move, token, LARGE),
            (client, "/api/v1/tokens/refresh", {}, token, USUAL),
            (client, "/api/v1/tasks/claim", {}, token, SMALL),
            (client, "/api/v1/tasks/claim", {}, None, SMALL),
            (client, EXECUTE, {**READ, "phase_token": token}, None, SMALL),
            (client, CHECK, {**READ, "phase_token": token}, None, SMALL),
            (house.owner, "/api/v1/tasks", {"title": "t"}, None, USUAL),
            (house.owner, f"/api/v1/tasks/{task_id}/abort", word, None, USUAL),
            (house.network, "/api/v1/session", word, None, SMALL),
        ]
        for sender, path, body, shown, limit in limits:
            fits = await sender.ask("POST", path, padded(limit, **body), token=shown)
            assert fits.status in (200, 201, 401), (path, fits.body)
            length = [("Content-Length", str(limit + 1))]
            said = await sender.ask("POST", path, b"", token=shown, headers=length)
            too_large(said)
            assert said.reads == 0
            too_large(await sender.ask("POST", path, padded(limit + 1, **body), token=shown))

    at_house(tmp_path, story)


def test_one_sender_does_not_hold_many_large_bodies_at_once(tmp_path: Path) -> None:
    """Others are not kept waiting for it, and what is over is given back."""

    async def story() -> None:
        held = asyncio.Event()

        async def reading(scope: Scope, receive: Receive, send: Send) -> None:
            await read_body(receive)
            await held.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        guard = Guard(reading, lambda scope: Admission(scope["sender"], LARGE))
        mine, other = (Client(guard, {"sender": name}) for name in ("mine", "other"))
        fit = AT_ONCE // LARGE
        going = [asyncio.create_task(mine.ask("POST", "/x", b" " * LARGE)) for _ in range(fit)]
        await asyncio.sleep(0)
        refused = await mine.ask("POST", "/x", b" ")
        assert (refused.status, refused.json["code"]) == (503, "IL-DOR-007")
        going.append(asyncio.create_task(other.ask("POST", "/x", b" " * LARGE)))
        await asyncio.sleep(0)
        held.set()
        assert [answer.status for answer in await asyncio.gather(*going)] == [200] * (fit + 1)
        assert (await mine.ask("POST", "/x", b" " * LARGE)).status == 200

    asyncio.run(story())


# -- a key for repeating stands for one request --------------------------------------------------


def keyed(key: str) -> list[tuple[str, str]]:
    return [("Idempotency-Key", key)]


def test_a_key_that_was_used_is_refused_for_another_request(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        task_id, client, token = await house.working()
        waits = await house.waiting()
        v1, word = "/api/v1", {"passphrase": PASSPHRASE, "reason": "r"}
        approve = f"{v1}/tasks/{waits}/gates/plan_approved/approve"
        other: dict[str, Any] = {"tool_name": "Read", "args": {"path": "b"}}
        used: list[tuple[Client, str, dict[str, Any], str, dict[str, Any]]] = [
            (client, EXECUTE, READ, EXECUTE, other),
            (client, CHECK, READ, CHECK, other),
            (client, CHECK, READ, EXECUTE, READ),
            (house.owner, f"{v1}/tasks", {"title": "a"}, f"{v1}/tasks", {"title": "b"}),
            (house.owner, approve, word, approve, {**word, "reason": "another"}),
            (house.owner, f"{v1}/tasks", {"title": "a"}, f"{v1}/tasks/{task_id}/abort", word),
            (house.owner, f"{v1}/tasks", {"title": "a"}, f"{v1}/tasks/{task_id}/resume", {}),
        ]
        for n, (sender, first, body, second, changed) in enumerate(used):
            key = keyed(f"key {n}")
            shown = token if sender is client else None
            once = await sender.ask("POST", first, body, token=shown, headers=key)
            again = await sender.ask("POST", first, body, token=shown, headers=key)
            assert once.status == again.status
            reused = await sender.ask("POST", second, changed, token=shown, headers=key)
            assert (reused.status, reused.json["code"]) == (409, "IL-DOR-015"), (n, reused.body)
            assert reused.is_problem
        assert house.state(task_id).status == "working"

    at_house(tmp_path, story)


def test_keys_are_each_senders_own(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        for args in ({"path": "a"}, {"path": "b"}):
            _, client, token = await house.working()
            body = {"tool_name": "Read", "args": args}
            answer = await client.ask("POST", CHECK, body, token=token, headers=keyed("same"))
            assert answer.status == 200

    at_house(tmp_path, story)


def test_the_next_server_refuses_a_commands_key_as_well(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        _, client, token = await house.working()
        move = {"current_phase": "PLAN", "target_phase": "NONE"}
        path, tasks = "/api/v1/tasks/transition", "/api/v1/tasks"
        await client.ask("POST", path, move, token=token, headers=keyed("a"))
        await house.owner.ask("POST", tasks, {"title": "a"}, headers=keyed("b"))
        await house.crash()
        await house.open()
        for sender, where, body, key in (
            (house.agent(client.extra[SESSION]), path, {**move, "target_phase": "TDD"}, "a"),
            (house.owner, tasks, {"title": "b"}, "b"),
        ):
            of_agent = token if key == "a" else None
            answer = await sender.ask("POST", where, body, token=of_agent, headers=keyed(key))
            assert (answer.status, answer.json["code"]) == (409, "IL-DOR-015")
        again = await house.owner.ask("POST", tasks, {"title": "a"}, headers=keyed("b"))
        assert again.status == 201
        assert len(house.now.ledger.states()) == 2

    at_house(tmp_path, story)


def test_no_digest_of_a_passphrase_is_kept(tmp_path: Path) -> None:
    """It would be a quick way to try guesses: what is kept does not depend on the passphrase."""

    async def story(house: House) -> None:
        kept = []
        for word in ("wrong horse", "other horse"):
            request = Request(
                {"type": "http", "method": "POST", "path": "/x", "headers": [], **house.owner.extra}
            )
            request.scope["headers"].append((b"idempotency-key", b"k"))
            keys, body = Keys(house.now.ledger), ReasonBody(passphrase=word, reason="r")
            kept.append(await keys.of_command(request, "people", body))
        # Two digests would be told apart, and refused.
        assert kept == ["k", "k"]

    at_house(tmp_path, story)
