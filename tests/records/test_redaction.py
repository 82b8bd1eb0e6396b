"""Secrets never reach the record, long texts as digests only; nothing makes encoding fail."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.adapters.audit.entry import encode
from interlock.adapters.audit.redact import redact
from interlock.ports.audit import AuditEntry, Kind

HEX = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.{HEX}"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAKCAQEA\n-----END RSA PRIVATE KEY-----"

SECRETS = [
    (f"curl -H 'Authorization: Bearer {HEX}' http://x", HEX),
    (f"Authorization: Basic {HEX}==", HEX),
    (f"bearer {HEX}", HEX),
    (f'{{"authorization": "Bearer {HEX}"}}', HEX),
    (f"token is {JWT}", JWT),
    (f"a={JWT};b", JWT),
    (PEM, "MIIEow"),
    (f"x {PEM} y", "AKCAQEA"),
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz", "b3BlbnNz"),
    ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQOYBF", "lQOYBF"),
    ("aws AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    (f"AWS_SECRET_ACCESS_KEY={HEX}", HEX),
    ("export DB_PASSWORD=abc", "abc"),
    ("MYSQL_PWD='a b c' mysql", "a b c"),
    ('API_TOKEN="s p a c e" run', "s p a c e"),
    (f"ORCHESTRATOR_JWT_SECRET={HEX} python", HEX),
    ("password: hunter2hunter2", "hunter2hunter2"),
    ('"password": "hunter2"', "hunter2"),
    (r"{\"password\": \"hunter2\"}", "hunter2"),
    ("client_secret = 'hunter2'", "hunter2"),
    ("apiKey=hunter2hunter2&x=1", "hunter2hunter2"),
    ("mysql --password=hunter2x -u root", "hunter2x"),
    ("tool --auth-token hunter2x", "hunter2x"),
    ("git clone https://me:hunter2@host/x.git", "hunter2"),
    ("postgres://app:hunter2@db:5432/app", "hunter2"),
    (f"ghp_{HEX}", HEX),
    (f"github_pat_{HEX}", HEX),
    (f"glpat-{HEX}", HEX),
    (f"sk-ant-api03-{HEX}", HEX),
    (f"sk_live_{HEX}", HEX),
    (f"xoxb-123-{HEX}", HEX),
    (f"AIza{HEX}xyz", HEX),
    (f"npm_{HEX}", HEX),
]

INNOCENT = [
    "",
    "pytest -q tests/test_tokens.py::test_secret_is_refused",
    "git log --oneline | head -3",
    "def verify(token: str) -> Claims:",
    "src/interlock/engine/secret.py",
    "https://example.org/a:b/c@d",
    "the basic idea is a key-value store",
    "d" * 64,
    "sk-learn",
    "PATH=/usr/bin",
    "monkey patching keyboard",
]


@pytest.mark.parametrize("text, secret", SECRETS, ids=range(len(SECRETS)))
def test_a_secret_is_taken_out_and_its_kind_named(text: str, secret: str) -> None:
    cleaned = redact(text)
    assert secret not in cleaned
    assert "[redacted:" in cleaned
    assert redact(cleaned) == cleaned


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ-",
        "eyJa.",
        "password",
        "--password",
        "token=",
        "-----BEGIN PRIVATE KEY-----",
        "://a:",
        "bearer ",
        "sk-",
        "KEY",
        "token \"'",
        "a-token:",
        '\\"password\\"',
        "AKIA",
        "_secret_",
    ],
)
def test_hostile_text_takes_no_more_than_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.process_time()
        redact(text)
        return time.process_time() - start

    # Eight times the text: quadratic would be 64 times the time.
    small = max(min(seconds(8_192) for _ in range(3)), 0.0005)
    assert min(seconds(8_192 * 8) for _ in range(2)) < small * 30


def fields(**values: Any) -> dict[str, Any]:
    encoded = encode(AuditEntry(kind=Kind.NOTE, **values), 1)
    read = json.loads(b"{" + encoded + b"}")
    assert isinstance(read, dict)
    return read


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWORD", "api_key", "apiKey", "phase_token", "Authorization"]
)
@pytest.mark.parametrize("value", ["x", 123456, ["a"], {"b": "c"}, b"x"])
def test_what_stands_under_the_name_of_a_secret_is_taken_out(name: str, value: Any) -> None:
    args = fields(args={"deep": [{name: value, "other": 1}]})["args"]
    assert args == {"deep": [{name: "[redacted:field]", "other": 1}]}


def test_names_that_only_resemble_secrets_keep_their_values() -> None:
    args = {"max_tokens": 100, "token_type": "phase", "passwords_ok": 1, "monkey": 2, "token": None}
    assert fields(args=args)["args"] == args


def test_secrets_are_taken_out_of_every_field_and_of_names() -> None:
    secret = f"ghp_{HEX}"
    record = fields(args=[secret], decision={"facts": secret}, result={secret: secret})
    assert HEX not in json.dumps(record)


def test_a_long_text_is_recorded_as_digest_and_head() -> None:
    text = "line\n" * 10_000
    args = fields(args={"path": "src/x.py", "content": text})["args"]
    assert args["path"] == "src/x.py"
    assert args["content"] == {
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "bytes": len(text),
        "head": text[:512],
    }


def test_a_secret_across_the_end_of_the_head_is_taken_out() -> None:
    text = "x" * 490 + f" ghp_{HEX}" + "y" * 5000
    head = fields(args=text)["args"]["head"]
    assert "ghp_" not in head
    long_key = "x" * 400 + "-----BEGIN PRIVATE KEY-----\n" + "MIIE" * 5000
    assert "MIIE" not in fields(args=long_key)["args"]["head"]


def test_a_field_of_many_small_parts_is_bounded_too() -> None:
    record = fields(args={f"k{n}": n for n in range(5000)}, result=["x"] * 10, decision=[1] * 9000)
    assert set(record["args"]) == set(record["decision"]) == {"sha256", "bytes", "head"}
    assert record["result"] == ["x"] * 10
    assert len(json.dumps(record)) < 4000


def test_names_and_ids_are_bounded() -> None:
    record = fields(tool="t" * 10**6, call_id="c" * 300, agent_id="a" * 256)
    assert len(record["tool"]) == len(record["call_id"]) == 257
    assert record["agent_id"] == "a" * 256


class Odd:
    """Something that JSON does not know."""

    def __repr__(self) -> str:
        raise RuntimeError("even its name fails")


def cyclic() -> list[Any]:
    inner: list[Any] = []
    inner.append(inner)
    return inner


@pytest.mark.parametrize(
    "value",
    [
        "\ud800\udfff",
        {"\ud800": 1},
        10**400,
        -(10**30),
        float("nan"),
        float("-inf"),
        {1: 2, None: 3, (1,): 4},
        {3, 1, 2},
        b"\xff\0",
        cyclic(),
        complex(1, 2),
        Odd(),
        [[[[[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]]]]],
        "\0\n\r\u2028",
    ],
    ids=range(14),
)
def test_no_value_makes_encoding_fail(value: Any) -> None:
    record = fields(args=value, result={"inner": value}, tool="\ud800", call_id="\udfff")
    assert record["tool"] == "\\ud800"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=50)
@given(args=JSON, tool=st.text())
def test_every_json_value_is_recorded_on_one_line(args: Any, tool: str) -> None:
    encoded = encode(AuditEntry(kind=Kind.NOTE, args=args, tool=tool), 1)
    assert b"\n" not in encoded
    assert len(encoded) < 30_000
    json.loads(b"{" + encoded + b"}")
