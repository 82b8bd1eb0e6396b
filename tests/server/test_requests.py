"""What stands in front of every route: who may call, how much, in which form, and what a refusal
looks like."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.server.house import PASSPHRASE, Answer, Client, House, at_house

from interlock.errors import TooLargeError, UnavailableError
from interlock.server.doors.check import CHECK
from interlock.server.doors.requests import DEEPEST, MAX_VALUES, ToolBody, parse
from interlock.server.guards import BODY_LIMIT, Guard, Receive, Scope, Send, read_body

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
        for _ in range(3 * BODY_LIMIT // len(chunk)):
            given += len(chunk)
            yield chunk

    async def check(_house: House, client: Client, path: str, token: str) -> None:
        too_large(await client.ask("POST", path, token=token, chunks=chunks()))

    both(tmp_path, check)


@pytest.mark.parametrize("length", [str(BODY_LIMIT + 1), "9" * 30, "-1", "x"])
def test_a_body_that_says_it_is_too_large_is_not_read(tmp_path: Path, length: str) -> None:
    async def check(_house: House, client: Client, path: str, token: str) -> None:
        header = [("Content-Length", length)]
        too_large(await client.ask("POST", path, READ, token=token, headers=header))

    both(tmp_path, check)


def test_a_body_that_says_it_is_small_is_counted_all_the_same(tmp_path: Path) -> None:
    async def check(_house: House, client: Client, path: str, token: str) -> None:
        big = [b'{"tool_name": "Read", "args": {"path": "', b"a" * BODY_LIMIT, b'"}}']
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
        posted = await house.owner.ask(method, "/api/v1/trust")
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
