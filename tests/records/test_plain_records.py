"""The quick way of encoding gives what the thorough one gives, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock.adapters.audit import entry as entries
from interlock.ports.audit import AuditEntry, Kind

SECRETS = [
    "password=hunter2222",
    "AKIAABCDEFGHIJKLMNOP",
    "ghp_0123456789abcdefghij",
    "sk_live_0123456789abcdefghij",
    "https://me:pw1234@host",
    "API_KEY=abcdef",
    "Authorization: Basic abcdefgh",
    "-----BEGIN PRIVATE KEY-----\nabc",
    "eyJhbGciOi.eyJzdWIi.abc",
    "PA\N{LATIN CAPITAL LETTER S}S=abcdefg",
    "to\N{KELVIN SIGN}en: abcdefgh",
]
NAMES = ["password", "api_key", "Cookie", "x-secrets", "token", "authorization", "path"]
texts = st.one_of(st.text(max_size=40), st.sampled_from(SECRETS), st.just("x" * 2049))
keys = st.one_of(st.text(max_size=10), st.sampled_from(NAMES), st.just("k" * 257))
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        texts,
        st.binary(max_size=8),
        st.just(Kind.NOTE),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=2).map(tuple),
        st.dictionaries(st.one_of(keys, st.integers()), inner, max_size=4),
    ),
    max_leaves=12,
)


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@given(value=values)
@example(value=deep(16))
@example(value=deep(17))
@example(value="\ud800")
@example(value=2**64)
@example(value={"a": {"COOKIE": "v"}})
def test_what_is_encoded_as_it_is_would_not_have_been_changed(value: Any) -> None:
    entry = AuditEntry(kind=Kind.NOTE, args=value, call_id="c", tool="t")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "_as_it_is", lambda fields: None)
        thorough = entries.encode(entry, 1)
    assert entries.encode(entry, 1) == thorough


def test_an_ordinary_call_is_encoded_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(entries, "_made_fit")
    call = {"path": "src/a.py", "content": "def f(x):\n    return x == 1\n"}
    entry = AuditEntry(kind=Kind.DECISION, args=call, tool="write_files", task_id="task_1")
    assert b'"src/a.py"' in entries.encode(entry, 1)
    with pytest.raises(NameError):
        entries.encode(replace(entry, args={"token": "x"}), 1)
