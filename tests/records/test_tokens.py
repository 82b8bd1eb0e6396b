"""A token holds only as it was minted: every forgery and every misuse is told apart and refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import threading
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.engine.tokens import Claims, TokenService, load_secret
from interlock.errors import AuthError, InvalidInputError
from interlock.testing.fake_clock import FakeClock

SECRET = bytes.fromhex("8f3ce1a4976b02d55c19e8743fb0a26d471ec8905ab3f46128d7094be65a13fc")
OTHER = bytes.fromhex("17bd46f09ae3528c6d01b7f4935ea82c03ef496bd81c7a5520964de7bb38f1ca")
CLAIMS = ["iss", "aud", "sub", "sid", "tid", "ph", "ep", "att", "wfd", "jti", "iat", "exp"]
INFORMATION = ["lvl"]


def service(secret: bytes = SECRET, *, issuer: str = "srv", start: int = 10**15) -> TokenService:
    return TokenService(secret, issuer=issuer, clock=FakeClock(start), expiry_s=7200)


def mint(tokens: TokenService, **changes: Any) -> str:
    claims: dict[str, Any] = {
        "audience": "agent",
        "agent": "claude",
        "session": "ses_1",
        "task": "task_1",
        "phase": "PLAN",
        "epoch": 3,
        "attempt": "att_1",
        "workflow": "d" * 64,
        "confinement": "full",
    }
    return tokens.mint(**(claims | changes))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forge(header: object, payload: object, key: bytes = SECRET) -> str:
    """A token as an attacker would write it, signed with HMAC under ``key``."""
    body = ".".join(
        b64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload)
    )
    return f"{body}.{b64(hmac.digest(key, body.encode(), 'sha256'))}"


def payload_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(claims, dict)
    return claims


def refused(tokens: TokenService, token: str, **more: Any) -> str:
    with pytest.raises(AuthError) as error:
        tokens.verify(token, **({"audience": "agent"} | more))
    assert error.value.remedy
    return error.value.code


def test_a_minted_token_says_what_was_put_in_and_nothing_else() -> None:
    tokens = service()
    token = mint(tokens)
    assert list(payload_of(token)) == CLAIMS + INFORMATION
    claims = tokens.verify(token, audience="agent")
    assert claims == Claims(
        iss="srv",
        aud="agent",
        sub="claude",
        sid="ses_1",
        tid="task_1",
        ph="PLAN",
        ep=3,
        att="att_1",
        wfd="d" * 64,
        jti=claims.jti,
        iat=10**9,
        exp=10**9 + 7200,
        lvl="full",
    )
    assert claims.jti.startswith("tok_")


def test_another_library_reads_the_token_and_the_service_reads_its_token() -> None:
    tokens = service()
    token = mint(tokens)
    options: Any = {"verify_exp": False, "require": CLAIMS}
    read = jwt.decode(
        token, SECRET, algorithms=["HS256"], audience="agent", issuer="srv", options=options
    )
    assert read == payload_of(token)
    assert tokens.verify(jwt.encode(read, SECRET, "HS256"), audience="agent").jti == read["jti"]


def test_every_token_has_an_id_of_its_own() -> None:
    tokens = service()
    assert len({tokens.verify(mint(tokens), audience="agent").jti for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "JWT"},
        {"alg": "None", "typ": "JWT"},
        {"alg": "nOnE"},
        {"alg": "RS256", "typ": "JWT"},
        {"alg": "ES256", "typ": "JWT"},
        {"alg": "EdDSA", "typ": "JWT"},
        {"alg": "HS384", "typ": "JWT"},
        {"alg": "hs256", "typ": "JWT"},
        {"alg": ["HS256"], "typ": "JWT"},
        {"typ": "JWT"},
        {"alg": "HS256"},
        {"alg": "HS256", "typ": "JWT", "kid": "../../dev/null"},
        {"alg": "HS256", "typ": "JWT", "kid": "' UNION SELECT 'x"},
        {"alg": "HS256", "typ": "JWT", "jku": "http://127.0.0.1/keys"},
        {"alg": "HS256", "typ": "JWT", "jwk": {"kty": "oct", "k": b64(OTHER)}},
        {"alg": "HS256", "typ": "JWT", "x5u": "http://127.0.0.1/cert"},
        {"alg": "HS256", "typ": "JWT", "crit": ["exp"], "exp": 1},
        {"alg": "HS256", "typ": "JWT", "b64": False, "crit": ["b64"]},
        {"alg": "HS256", "typ": "JWT", "zip": "DEF"},
        [],
        "HS256",
        None,
    ],
)
@pytest.mark.parametrize("key", [SECRET, OTHER, b""], ids=["ours", "other", "empty"])
def test_any_other_header_is_refused_even_under_our_signature(header: object, key: bytes) -> None:
    tokens = service()
    token = forge(header, payload_of(mint(tokens)), key)
    assert refused(tokens, token) == "IL-TOK-002"
    unsigned = token.rpartition(".")[0] + "."
    assert refused(tokens, unsigned) == "IL-TOK-002"


def test_a_token_signed_with_a_public_key_as_secret_is_refused() -> None:
    tokens = service()
    public = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"
    payload = payload_of(mint(tokens))
    assert refused(tokens, forge({"alg": "HS256", "typ": "JWT"}, payload, public)) == "IL-TOK-003"


@pytest.mark.parametrize("secret", [OTHER, b"", hashlib.sha256(SECRET).digest()])
def test_a_signature_under_another_secret_is_refused(secret: bytes) -> None:
    tokens = service()
    payload = payload_of(mint(tokens))
    assert refused(tokens, forge({"alg": "HS256", "typ": "JWT"}, payload, secret)) == "IL-TOK-003"


@pytest.mark.parametrize(
    "claim, value",
    [("ph", "IMPL"), ("ep", 4), ("tid", "task_2"), ("sub", "root"), ("exp", 2**40), ("aud", "x")],
)
def test_a_changed_claim_breaks_the_signature(claim: str, value: object) -> None:
    tokens = service()
    header, _, signature = mint(tokens).split(".")
    payload = payload_of(mint(tokens)) | {claim: value}
    token = f"{header}.{b64(json.dumps(payload).encode())}.{signature}"
    assert refused(tokens, token) == "IL-TOK-003"


@given(place=st.integers(0, 10_000), letter=st.sampled_from("AZaz09-_.=+/ \n\0é"))
def test_no_single_character_can_be_changed(place: int, letter: str) -> None:
    tokens = service()
    token = mint(tokens)
    tokens.verify(token, audience="agent")  # a cached original must not help
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        assert refused(tokens, changed) in {"IL-TOK-001", "IL-TOK-002", "IL-TOK-003"}


def test_a_second_spelling_of_the_signature_is_refused() -> None:
    tokens = service()
    token = mint(tokens)
    # 43 characters carry 258 bits: the last two do not count when decoded leniently.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    for other in alphabet[last + 1 : last + 4]:
        assert refused(tokens, token[:-1] + other) == "IL-TOK-001"
    for junk in (token + "=", token + "\n", " " + token, token + "!", token.replace(".", "..")):
        assert refused(tokens, junk) == "IL-TOK-001"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "x" * 5000,
        "é" * 30,
        "٣.٣.٣",
        "\ud800",
        "a\0b.c.d",
        "eyJ.eyJ." + "A" * 10_000_000,
    ],
    ids=range(11),
)
def test_what_is_no_token_is_refused_as_such(token: str) -> None:
    assert refused(service(), token) == "IL-TOK-001"


@given(st.text(max_size=200))
def test_no_text_makes_the_service_stumble(token: str) -> None:
    refused(service(), token)


@pytest.mark.parametrize(
    "change",
    [{"admin": True}, {"ep": "3"}, {"ep": 3.5}, {"exp": None}, {"aud": ["agent"]}, {"sub": 1}],
)
def test_claims_of_another_shape_are_refused_even_under_our_signature(change: Any) -> None:
    tokens = service()
    payload = payload_of(mint(tokens)) | change
    assert refused(tokens, forge({"alg": "HS256", "typ": "JWT"}, payload)) == "IL-TOK-001"


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_missing_claim_is_refused_even_under_our_signature(claim: str) -> None:
    tokens = service()
    payload = payload_of(mint(tokens))
    del payload[claim]
    assert refused(tokens, forge({"alg": "HS256", "typ": "JWT"}, payload)) == "IL-TOK-001"


def test_a_token_dies_at_its_expiry_also_when_it_is_cached() -> None:
    tokens = service()
    token = mint(tokens)
    end = (10**9 + 7200) * 10**6
    tokens.verify(token, audience="agent", now=end - 1)
    assert refused(tokens, token, now=end) == "IL-TOK-004"
    assert refused(service(), token, now=end) == "IL-TOK-004"


def test_the_clock_decides_when_no_time_is_given() -> None:
    clock = FakeClock()
    tokens = TokenService(SECRET, issuer="srv", clock=clock, expiry_s=10)
    token = mint(tokens)
    clock.advance(9)
    tokens.verify(token, audience="agent")
    clock.advance(1)
    assert refused(tokens, token) == "IL-TOK-004"


def test_a_token_from_the_future_is_refused_but_a_small_step_back_is_not() -> None:
    tokens = service()
    token = mint(tokens)
    tokens.verify(token, audience="agent", now=(10**9 - 60) * 10**6)
    assert refused(tokens, token, now=(10**9 - 61) * 10**6) == "IL-TOK-007"


def test_a_token_for_another_door_is_refused_also_when_it_is_cached() -> None:
    tokens = service()
    token = mint(tokens)
    assert refused(tokens, token, audience="people") == "IL-TOK-005"
    tokens.verify(token, audience="agent")
    assert refused(tokens, token, audience="people") == "IL-TOK-005"
    assert refused(tokens, token, audience="") == "IL-TOK-005"


def test_a_token_of_another_server_with_the_same_secret_is_refused() -> None:
    assert refused(service(), mint(service(issuer="other"))) == "IL-TOK-006"


def test_the_cache_is_bounded_and_keeps_what_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interlock.engine.tokens._CACHED", 4)
    decoded: list[str] = []
    tokens = service()
    decode = tokens._decode

    def counted(token: str) -> Claims:
        decoded.append(token)
        return decode(token)

    monkeypatch.setattr(tokens, "_decode", counted)
    hot = mint(tokens)
    for _ in range(10):
        tokens.verify(mint(tokens), audience="agent")
        tokens.verify(hot, audience="agent")
    assert decoded.count(hot) == 1
    assert len(tokens._verified) == 4


def test_refused_tokens_are_not_cached() -> None:
    tokens = service()
    for n in range(50):
        refused(tokens, f"a.b{n}.c")
    assert not tokens._verified


def test_a_service_signs_with_the_algorithm_of_its_key() -> None:
    for algorithm in ("EdDSA", "none", "RS256", "HS512", ""):
        with pytest.raises(InvalidInputError) as error:
            TokenService(SECRET, algorithm=algorithm, issuer="srv", clock=FakeClock())
        assert error.value.code == "IL-TOK-022"


WEAK = [
    "short",
    "a" * 64,
    "ab" * 32,
    "abc" * 21 + "a",
    "0123456789abcdef" * 4,
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "this-is-my-secret-for-the-new-server-2024",
    "Password123Password456Password789xyz",
    "01101001110010101101100101101110010101100110",
]


@pytest.mark.parametrize("weak", WEAK)
def test_a_weak_secret_is_refused(weak: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as error:
        load_secret(tmp_path / "jwt", {"ORCHESTRATOR_JWT_SECRET": weak})
    assert error.value.code == "IL-TOK-020"
    assert weak not in error.value.message + error.value.remedy
    with pytest.raises(InvalidInputError):
        service(weak.encode())


def test_random_secrets_of_usual_forms_are_accepted(tmp_path: Path) -> None:
    for _ in range(200):
        raw = os.urandom(32)
        for text in (raw[:16].hex(), raw.hex(), base64.b64encode(raw).decode()):
            assert load_secret(tmp_path / "x", {"ORCHESTRATOR_JWT_SECRET": text}) == text.encode()
    assert not list(tmp_path.iterdir())


def test_without_a_variable_a_secret_is_generated_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "jwt"
    first = load_secret(path, {"ORCHESTRATOR_JWT_SECRET": ""})
    assert load_secret(path, {}) == first
    assert len(first) == 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in path.parent.iterdir()] == ["jwt"]


def test_processes_that_start_at_once_agree_on_one_generated_secret(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    found: list[bytes] = []

    def load() -> None:
        start.wait(10)
        found.append(load_secret(tmp_path / "jwt", {}))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_secret_file_that_others_can_touch_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jwt"
    load_secret(path, {})
    link = tmp_path / "link"
    link.symlink_to(path)
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "nowhere")
    directory = tmp_path / "directory"
    directory.mkdir(mode=0o700)
    open_file = tmp_path / "open"
    open_file.write_bytes(path.read_bytes())
    open_file.chmod(0o640)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for bad in (link, dangling, directory, open_file, pipe):
        with pytest.raises(InvalidInputError) as error:
            load_secret(bad, {})
        assert error.value.code == "IL-TOK-021"
