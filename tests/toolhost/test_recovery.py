"""Servers die and are replaced: nothing happens twice, nothing is half believed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from interlock.supervisor.toolhost.ledger import Answer, Ledger
from interlock.supervisor.toolhost.wire import CHUNK, packets

if TYPE_CHECKING:
    from tests.toolhost.conftest import Host

Eventually = Callable[[Callable[[], Any]], Any]


def test_repeated_call_gives_the_first_outcome_and_does_nothing(host: Host, root: Path) -> None:
    (root / "f").write_text("a")
    first = host.call("edit", call_id="e1", path="f", old="a", new="aa")
    assert host.call("edit", call_id="e1", path="f", old="a", new="aa") == first
    assert (root / "f").read_text() == "aa"
    assert host.ok("run", call_id="r1", shell="echo x >> log; cat log")["output"] == "x\n"
    assert host.ok("run", call_id="r1", shell="echo x >> log; cat log")["output"] == "x\n"
    made = host.ok("spawn", call_id="s1", argv=["true"])
    assert host.ok("spawn", call_id="s1", argv=["true"]) == made


def test_refusal_is_remembered_as_well(host: Host, root: Path) -> None:
    assert host.refused("edit", call_id="e1", path="f", old="a", new="b") == "ENOENT"
    (root / "f").write_text("a")
    assert host.refused("edit", call_id="e1", path="f", old="a", new="b") == "ENOENT"


def test_reading_is_never_answered_from_memory(host: Host, root: Path) -> None:
    for text in ("one", "two"):
        (root / "f").write_text(text)
        assert host.ok("read", call_id="r", path="f")["text"] == text


def test_id_of_another_call_is_a_conflict(host: Host, root: Path) -> None:
    host.call("write", call_id="w", path="f", text="a")
    assert host.refused("write", call_id="w", path="f", text="b") == "conflict"
    assert host.refused("write", call_id="w", path="f", body=b"a") == "conflict"
    assert host.refused("run", call_id="w", argv=["true"]) == "conflict"
    assert (root / "f").read_text() == "a"


def test_new_server_gets_the_outcome_of_a_call_that_still_runs(
    host: Host, root: Path, eventually: Eventually
) -> None:
    script = "echo x >> started; while ! test -e go; do sleep 0.01; done; cat started"

    async def first() -> None:
        asyncio.ensure_future(host.client.call("run", call_id="r", shell=script))  # noqa: RUF006
        async with asyncio.timeout(10):
            while not (root / "started").exists():
                await asyncio.sleep(0.005)

    async def second() -> list[Any]:
        calls = [host.client.call("run", call_id="r", shell=script) for _ in range(3)]
        tasks = [asyncio.ensure_future(call) for call in calls]
        await host.client.call("ping")
        (root / "go").touch()
        return list(await asyncio.gather(*tasks))

    host.run(first())
    host.crash()
    replies = host.run(second())
    assert [reply.ok["output"] for reply in replies] == ["x\n"] * 3
    host.crash()
    assert host.ok("run", call_id="r", shell=script)["output"] == "x\n"


def test_state_of_the_session_survives_the_server(host: Host) -> None:
    handle = host.ok("spawn", argv=["sleep", "60"])["handle"]
    host.call("freeze")
    host.crash()
    assert host.ok("ping")["frozen"]
    assert host.ok("wait", handle=handle, seconds=0) == {"rc": None}
    host.call("thaw")
    host.call("kill", handle=handle)
    assert host.ok("wait", handle=handle)["rc"] == -15


def test_answer_to_a_dead_server_is_passed_over_by_the_next(host: Host, root: Path) -> None:
    """More than the socket holds: part of it is read by nobody, part by the wrong one."""
    (root / "f").write_bytes(os.urandom(3 << 20))

    async def ask_and_die() -> None:
        task = asyncio.ensure_future(host.client.call("read", path="f"))
        await asyncio.sleep(0)
        host.client.close()
        await asyncio.gather(task, return_exceptions=True)

    for _ in range(5):
        host.run(ask_and_die())
        host.crash()
        assert not host.ok("ping")["frozen"]
    assert host.ok("read", path="f")["size"] == 3 << 20


def test_half_a_request_of_a_dead_server_is_forgotten(host: Host, root: Path) -> None:
    document = {"op": "write", "call": "w", "args": {"path": "f"}}
    half = list(packets(77 << 32 | 1, document, b"x" * 3 * CHUNK))[:2]
    for packet in half:
        host.spare.send(packet)
    host.crash()
    assert host.ok("write", call_id="w", path="f", text="whole")["created"]
    assert (root / "f").read_text() == "whole"
    # What it would have been goes on nowhere, even if its number comes again.
    for packet in half:
        host.spare.send(packet)
    assert not host.ok("ping")["frozen"]
    assert (root / "f").read_text() == "whole"


def test_calls_are_remembered_up_to_the_limit(host: Host, root: Path) -> None:
    host.call("write", call_id="w", path="f", text="x")
    for number in range(255):
        host.call("write", call_id=f"n{number}", path="g", text="")
    (root / "f").unlink()
    host.call("write", call_id="w", path="f", text="x")
    assert not (root / "f").exists()


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=40))
def test_running_call_is_never_begun_twice(steps: list[tuple[str, bool]]) -> None:
    """Whatever comes in between: an id begins again only once its outcome is forgotten."""
    ledger, running, order = Ledger(keep=2), dict[str, list[int]](), list[str]()
    for number, (call, finish) in enumerate(steps):
        if finish and call in running:
            assert ledger.finish(call, Answer({"call": call})) == running.pop(call)
            order = [*order, call][-2:]
            continue
        new, answer = ledger.enter(call, b"", number)
        assert new == (call not in running and call not in order)
        assert (answer is not None) == (call in order)
        if answer is None:
            running.setdefault(call, []).append(number)
