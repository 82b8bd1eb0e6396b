"""Tokens signed with Ed25519: whoever has the public key can tell them from forgeries, and only
they can."""

from __future__ import annotations

import base64
import hmac
import json
import subprocess
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.records.test_tokens import SECRET, b64, mint, payload_of, refused
from tests.records.test_tokens import service as hmac_service

from interlock.engine.keypair import load_keypair, load_public
from interlock.engine.secret import load_secret
from interlock.engine.tokens import TokenService
from interlock.errors import InvalidInputError, UnavailableError
from interlock.testing.fake_clock import FakeClock

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def service(key: Any = KEY) -> TokenService:
    return TokenService(key, algorithm="EdDSA", issuer="srv", clock=FakeClock(10**15))


def raw(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_token_says_its_algorithm_and_comes_back() -> None:
    tokens = service()
    token = mint(tokens)
    assert json.loads(raw(token.split(".")[0])) == {"alg": "EdDSA", "typ": "JWT"}
    assert tokens.verify(token, audience="agent").tid == "task_1"


def test_another_library_call_reads_it_with_the_public_key() -> None:
    read = jwt.decode(
        mint(service()),
        KEY.public_key(),
        algorithms=["EdDSA"],
        audience="agent",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert read["ph"] == "PLAN"


def test_a_server_with_the_public_key_verifies_and_makes_none() -> None:
    token = mint(service())
    reader = service(KEY.public_key())
    assert reader.verify(token, audience="agent").sid == "ses_1"
    assert refused(reader, mint(service(OTHER))) == "IL-TOK-003"
    with pytest.raises(UnavailableError) as error:
        mint(reader)
    assert error.value.code == "IL-TOK-024"


def test_each_algorithm_refuses_the_others_tokens() -> None:
    assert refused(service(), mint(hmac_service())) == "IL-TOK-002"
    assert refused(hmac_service(), mint(service())) == "IL-TOK-002"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "JWT"},
        {"alg": "HS256", "typ": "JWT"},
        {"alg": "Ed25519", "typ": "JWT"},
        {"alg": "EdDSA", "typ": "JWT", "kid": "1"},
        {"alg": "EdDSA", "typ": "JWT", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}},
        {"alg": "EdDSA"},
    ],
)
def test_any_other_header_is_refused_even_under_our_signature(header: object) -> None:
    body = ".".join(
        b64(json.dumps(part).encode()) for part in (header, payload_of(mint(service())))
    )
    token = f"{body}.{b64(KEY.sign(body.encode()))}"
    assert refused(service(), token) == "IL-TOK-002"


def test_the_public_key_is_no_secret_to_sign_with() -> None:
    token = mint(service())
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for header in ("EdDSA", "HS256"):
        body = f"{b64(json.dumps({'alg': header, 'typ': 'JWT'}, separators=(',', ':')).encode())}."
        body += token.split(".")[1]
        forged = f"{body}.{b64(hmac.digest(public, body.encode(), 'sha256'))}"
        assert refused(service(), forged) in ("IL-TOK-002", "IL-TOK-003")
    with pytest.raises(InvalidInputError) as error:
        TokenService(public, issuer="srv", clock=FakeClock())
    assert error.value.code == "IL-TOK-020"


def test_a_changed_claim_or_signature_is_noticed() -> None:
    head, claims, sign = mint(service()).split(".")
    changed = json.loads(raw(claims)) | {"ph": "IMPL"}
    assert refused(service(), f"{head}.{b64(json.dumps(changed).encode())}.{sign}") == "IL-TOK-003"
    flipped = bytes([raw(sign)[0] ^ 1, *raw(sign)[1:]])
    assert refused(service(), f"{head}.{claims}.{b64(flipped)}") == "IL-TOK-003"
    assert refused(service(), f"{head}.{claims}.") == "IL-TOK-003"


def test_key_and_algorithm_have_to_fit() -> None:
    for key, algorithm in ((SECRET, "EdDSA"), (KEY, "HS256"), (KEY, "none")):
        with pytest.raises(InvalidInputError) as error:
            TokenService(key, algorithm=algorithm, issuer="srv", clock=FakeClock())
        assert error.value.code == "IL-TOK-022"


def test_a_key_is_made_once_and_kept_with_its_public_half_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "jwt.ed25519"
    first = load_keypair(path, {}, variable="V")
    again = load_keypair(path, {"V": ""}, variable="V")
    assert first.private_bytes_raw() == again.private_bytes_raw()
    assert path.stat().st_mode & 0o777 == 0o600
    public = load_public(path.with_name("jwt.ed25519.pub").read_bytes())
    assert service(public).verify(mint(service(first)), audience="agent").ep == 3
    assert sorted(entry.name for entry in path.parent.iterdir()) == [
        "jwt.ed25519",
        "jwt.ed25519.pub",
    ]


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jwt.ed25519"
    load_keypair(path, {}, variable="V")
    path.chmod(0o644)
    with pytest.raises(InvalidInputError) as error:
        load_keypair(path, {}, variable="V")
    assert error.value.code == "IL-TOK-021"


def test_the_variable_holds_a_key_as_the_remedy_says(tmp_path: Path) -> None:
    made = ["openssl", "genpkey", "-algorithm", "ed25519"]
    try:
        text = subprocess.run(made, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no openssl that makes Ed25519 keys")
    key = load_keypair(tmp_path / "k", {"V": text.strip()}, variable="V")
    assert service(key).verify(mint(service(key)), audience="agent").sub == "claude"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["short", SECRET.hex(), "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_variable_without_a_key_is_refused_and_not_shown(text: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as error:
        load_keypair(tmp_path / "k", {"V": text}, variable="V")
    assert error.value.code == "IL-TOK-023"
    assert "export V=" in error.value.remedy
    assert text not in error.value.message + error.value.remedy


def test_a_key_of_this_algorithm_is_no_secret_of_the_other(tmp_path: Path) -> None:
    load_keypair(tmp_path / "k", {}, variable="V")
    pem = (tmp_path / "k").read_text()
    with pytest.raises(InvalidInputError) as error:
        load_secret(tmp_path / "s", {"V": pem}, variable="V")
    assert error.value.code == "IL-TOK-020"


def test_what_is_no_public_key_is_refused() -> None:
    with pytest.raises(InvalidInputError) as error:
        load_public(b"nothing")
    assert error.value.code == "IL-TOK-023"
