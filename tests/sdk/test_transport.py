"""Calls are repeated while nobody answers, under the key that they had, and not for ever."""

from __future__ import annotations

import threading
import time

import pytest
from tests.sdk.conftest import Connect
from tests.sdk.double import CLAIM, EXECUTE, Double, Seen, free_port, serving

from interlock.errors import UnavailableError

NOT_READY = UnavailableError("starting", code="IL-SRV-503")


def test_broken_connection_is_repeated_under_the_same_key(door: Double, connect: Connect) -> None:
    door.on(EXECUTE, "reset", "reset", (200, {"result": "once"}))
    agent = connect(door.url)
    assert agent.use_tool("write_files", path="a", content="b") == "once"
    sent = door.of(EXECUTE)
    assert len(sent) == 3
    assert len({seen.key for seen in sent}) == 1
    assert len({str(seen.body) for seen in sent}) == 1


def test_server_that_is_not_ready_is_asked_again_under_the_same_key(
    door: Double, connect: Connect
) -> None:
    door.on(EXECUTE, NOT_READY, NOT_READY, (200, {"result": 1}))
    agent = connect(door.url)
    assert agent.use_tool("bash", command="ls") == 1
    assert len({seen.key for seen in door.of(EXECUTE)}) == 1


def test_refused_connection_is_waited_for(connect: Connect) -> None:
    port = free_port()
    found: list[object] = []

    def claim() -> None:
        found.append(connect(f"http://127.0.0.1:{port}").task)

    thread = threading.Thread(target=claim)
    thread.start()
    # The client is being refused meanwhile: it was started first.
    thread.join(0.2)
    assert not found
    with serving(Double(), port=port):
        thread.join(10)
    assert found


def test_server_that_was_restarted_in_between_is_found_again(connect: Connect) -> None:
    first = Double()
    with serving(first) as double:
        agent = connect(double.url)
        port = int(double.url.rpartition(":")[2])
    second = Double()
    second.on(EXECUTE, (200, {"result": "second"}))
    with serving(second, port=port):
        assert agent.use_tool("status") == "second"
    assert second.of(EXECUTE)[0].token == "token-1"


def test_patience_ends_with_the_address_and_a_remedy(connect: Connect) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    began = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        connect(url, patience_s=0.3)
    assert time.monotonic() - began < 5
    assert url in caught.value.message
    assert caught.value.remedy == "interlock up"


def test_server_that_never_gets_ready_says_so_itself_in_the_end(
    door: Double, connect: Connect
) -> None:
    door.on(CLAIM, NOT_READY)
    with pytest.raises(UnavailableError, match="starting"):
        connect(door.url, patience_s=0.3)
    assert len(door.of(CLAIM)) > 1


def test_refusals_are_not_repeated(door: Double, connect: Connect) -> None:
    door.on(CLAIM, (409, {"title": "ConflictError", "code": "IL-X-1", "detail": "stale"}))
    with pytest.raises(Exception, match="stale"):
        connect(door.url)
    assert len(door.of(CLAIM)) == 1


def test_localhost_means_the_address_that_is_ours(door: Double, connect: Connect) -> None:
    assert connect(door.url.replace("127.0.0.1", "localhost")).task is not None


def test_one_connection_serves_many_calls(door: Double, connect: Connect) -> None:
    ports: set[str] = set()

    def note(seen: Seen) -> tuple[int, dict[str, object]]:
        ports.add(threading.current_thread().name)
        return 200, {"result": None}

    door.on(EXECUTE, note)
    agent = connect(door.url)
    for _ in range(5):
        agent.use_tool("status")
    assert len(ports) == 1
