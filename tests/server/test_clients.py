"""Which clients the agent door lets in, as the task's workflow says, and what they are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.double import Double, serving
from tests.server.house import House, at_house

from interlock import AgentClient
from interlock.core.surroundings import SdkSpec
from interlock.core.tasks import TaskState
from interlock.engine.clients import check_client
from interlock.engine.prompts import author_prompt, reviewer_prompt
from interlock.errors import DeniedError, InterlockError
from interlock.sdk.contract import CONTRACT, HEADER
from interlock.server.doors.agent import AGENT_ROUTES
from interlock.server.doors.check import CHECK

CLAIM = "/api/v1/tasks/claim"


@pytest.mark.parametrize(
    "specifier,version,code",
    [
        ("", "1.0.0", None),
        ("", "", None),
        (">=0.1", "1.0.0", None),
        (">=0.1", "", None),
        (">=1,<2", "1.9", None),
        (">=1,<2", "1.2.0rc1", None),
        (">=1,<2", "2.0.0", "IL-DOR-030"),
        (">=1,<2", "0.9", "IL-DOR-030"),
        ("==2.*", CONTRACT, "IL-DOR-030"),
        (">=1", "newest", "IL-DOR-032"),
        ("", "newest", "IL-DOR-032"),
        (">=1", "9" * 5000, None),
    ],
)
def test_a_client_outside_of_the_specifier_is_refused(
    specifier: str, version: str, code: str | None
) -> None:
    if code is None:
        check_client(SdkSpec(version=specifier), version)
        return
    with pytest.raises(InterlockError) as error:
        check_client(SdkSpec(version=specifier), version)
    assert error.value.code == code
    assert error.value.remedy


def test_a_client_without_a_contract_is_refused_where_one_is_required() -> None:
    check_client(SdkSpec(version=">=1"), "")
    with pytest.raises(DeniedError) as error:
        check_client(SdkSpec(required=True), "")
    assert error.value.code == "IL-DOR-031"
    assert f"{HEADER}: " in error.value.remedy


def with_sdk(house: House, **sdk: Any) -> None:
    house.workflow = replace(house.workflow, sdk=SdkSpec(**sdk))


@pytest.mark.parametrize("method,path", [(m, p) for m, p, _ in AGENT_ROUTES] + [("POST", CHECK)])
def test_every_call_is_asked_before_anything_is_done(
    method: str, path: str, tmp_path: Path
) -> None:
    async def story(house: House) -> None:
        with_sdk(house, required=True, version=">=1,<2")
        client = house.agent((await house.session(await house.create())).session_id)
        for headers, code in (([], "IL-DOR-031"), ([(HEADER, "2.0")], "IL-DOR-030")):
            answer = await client.ask(method, path, {}, headers=headers)
            if path == "/healthz":
                assert answer.status == 200
                continue
            assert (answer.status, answer.json["code"]) == (403, code)
            assert answer.is_problem

    at_house(tmp_path, story)


def test_a_client_that_fits_gets_its_task(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        with_sdk(house, required=True, version=">=0.1")
        client = house.agent((await house.session(await house.create())).session_id)
        answer = await client.ask("POST", CLAIM, {}, headers=[(HEADER, CONTRACT)])
        assert answer.json["phase_token"]

    at_house(tmp_path, story)


def test_each_task_is_asked_for_its_own_workflow(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        free = house.agent((await house.session(await house.create())).session_id)
        house.workflow = replace(
            house.workflow, digest="other", sdk=SdkSpec(required=True, version=">=5")
        )
        bound = house.agent((await house.session(await house.create())).session_id)
        assert (await free.ask("POST", CLAIM, {})).status == 200
        assert (await bound.ask("POST", CLAIM, {}, headers=[(HEADER, CONTRACT)])).status == 403

    at_house(tmp_path, story)


def test_the_sdk_says_its_contract_with_every_call() -> None:
    with serving(Double()) as door, AgentClient("me", f"{door.url}/api/v1/") as client:
        assert client.claim_task() is not None
    assert client.url == door.url
    assert [seen.headers[HEADER.lower()] for seen in door.seen] == [CONTRACT]


def test_the_doors_port_in_a_session_is_that_of_the_workflows_address(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        default = await house.session(await house.create())
        with_sdk(house, endpoint="http://localhost:9100/api/v1", port=9100)
        chosen = await house.session(await house.create())
        assert default.spec.ports == (8000,)
        assert chosen.spec.ports == (9100,)

    at_house(tmp_path, story)


def test_agents_are_told_with_what_they_may_call_and_where(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        state = TaskState(task_id="t", title="x", phase="PLAN", tree="a" * 40)
        plain = author_prompt(house.workflow, state)
        assert HEADER not in plain
        with_sdk(house, required=True, version=">=1,<2", endpoint="http://localhost:9100")
        for told in (
            author_prompt(house.workflow, state),
            reviewer_prompt(house.workflow, state, "security"),
        ):
            assert "contract >=1,<2" in told
            assert "http://localhost:9100 is the address outside of a session" in told

    at_house(tmp_path, story)
