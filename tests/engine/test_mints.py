"""A workflow's tokens are its own: algorithm, variable, life, and what they say besides."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.bench import Bench, run

from interlock.core.model import TokenSpec
from interlock.core.surroundings import INFORMATION
from interlock.engine.mints import Mints
from interlock.engine.tokens import Claims, _Written
from interlock.errors import AuthError, InvalidInputError
from interlock.testing.fake_clock import FakeClock

STRONG = secrets.token_hex(32)
NAMES: dict[str, Any] = {
    "audience": "a",
    "agent": "x",
    "session": "s",
    "task": "t",
    "phase": "P",
    "epoch": 1,
    "attempt": "a",
    "workflow": "w",
}


def mints(
    directory: Path, environment: dict[str, str] | None = None, expiry_s: int = 7200
) -> Mints:
    return Mints(
        secret=directory / "jwt.secret",
        keypair=directory / "jwt.ed25519",
        environment=environment or {},
        issuer="srv",
        clock=FakeClock(10**15),
        expiry_s=expiry_s,
    )


def said(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(claims, dict)
    return claims


def test_the_secret_is_that_of_the_variable_that_the_workflow_names(tmp_path: Path) -> None:
    made = mints(tmp_path, {"MINE": STRONG})
    token = made(TokenSpec(secret_env_var="MINE")).mint(**NAMES)
    assert made(TokenSpec(secret_env_var="MINE")).verify(token, audience="a").tid == "t"
    with pytest.raises(AuthError) as error:
        made(TokenSpec()).verify(token, audience="a")
    assert error.value.code == "IL-TOK-003"
    again = mints(tmp_path, {"ORCHESTRATOR_JWT_SECRET": STRONG})
    assert again(TokenSpec()).verify(token, audience="a").tid == "t"


@pytest.mark.parametrize(
    "algorithm,weak,code",
    [("HS256", "password" * 8, "IL-TOK-020"), ("EdDSA", STRONG, "IL-TOK-023")],
    ids=["HS256", "EdDSA"],
)
def test_a_weak_secret_of_that_variable_is_refused(
    algorithm: str, weak: str, code: str, tmp_path: Path
) -> None:
    made = mints(tmp_path, {"MINE": weak})
    with pytest.raises(InvalidInputError) as error:
        made(TokenSpec(algorithm=algorithm, secret_env_var="MINE"))
    assert error.value.code == code
    assert "export MINE=" in error.value.remedy


@pytest.mark.parametrize("asked,longest,life", [(900, 7200, 900), (7200, 600, 600)])
def test_the_shorter_life_counts(asked: int, longest: int, life: int, tmp_path: Path) -> None:
    claims = said(mints(tmp_path, expiry_s=longest)(TokenSpec(expiry_seconds=asked)).mint(**NAMES))
    assert claims["exp"] - claims["iat"] == life


def test_every_claim_that_can_be_asked_for_can_be_read_back() -> None:
    assert set(_Written.__struct_fields__) - set(Claims.__struct_fields__) == set(INFORMATION)


def _claimed(tmp_path: Path, spec: TokenSpec) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def story(b: Bench) -> None:
        b.mint_of = mints(tmp_path)
        await b.restart()
        b.workflow = replace(b.workflow, tokens=spec)
        task_id = await b.create()
        session = await b.session(task_id)
        token = await b.token(session.session_id)
        caller = b.now.service.verify(token, session.session_id)
        assert caller.task_id == task_id
        fresh = await b.now.service.refresh(caller)
        assert said(fresh).keys() == said(token).keys()
        found.update(said(token), task=task_id, session=session.session_id)
        found["header"] = token.split(".")[0]

    run(story)
    return found


def test_a_token_says_what_the_workflow_lists_and_is_judged_without_it(tmp_path: Path) -> None:
    spec = TokenSpec(include_claims=("task_id", "phase", "allowed_tools"))
    claims = _claimed(tmp_path, spec)
    assert claims["task_id"] == claims["tid"] == claims["task"]
    assert claims["phase"] == "PLAN"
    assert "read_files" in claims["allowed_tools"]
    assert "forbidden_tools" not in claims
    assert "session_id" not in claims


def test_a_token_says_no_more_than_it_must_by_default(tmp_path: Path) -> None:
    claims = _claimed(tmp_path, TokenSpec())
    assert not claims.keys() & INFORMATION.keys()


def test_no_claim_is_a_secret(tmp_path: Path) -> None:
    claims = json.dumps(_claimed(tmp_path, TokenSpec(include_claims=tuple(INFORMATION))))
    assert (tmp_path / "jwt.secret").read_text().strip() not in claims


def test_a_session_has_the_tokens_of_its_own_workflow_and_no_others(tmp_path: Path) -> None:
    async def story(b: Bench) -> None:
        b.mint_of = made = mints(tmp_path)
        await b.restart()
        b.workflow = replace(b.workflow, tokens=TokenSpec(algorithm="EdDSA"))
        task_id = await b.create()
        session = await b.session(task_id)
        token = await b.token(session.session_id)
        head = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
        assert head["alg"] == "EdDSA"
        caller = b.now.service.verify(token, session.session_id)
        claims = b.now.service.identify(token, session.session_id)
        as_hmac = made(TokenSpec()).mint(
            audience=claims.aud,
            agent=claims.sub,
            session=claims.sid,
            task=claims.tid,
            phase=claims.ph,
            epoch=claims.ep,
            attempt=claims.att,
            workflow=claims.wfd,
        )
        assert caller.task_id == task_id
        with pytest.raises(AuthError) as error:
            b.now.service.verify(as_hmac, session.session_id)
        assert error.value.code == "IL-TOK-002"

    run(story)
