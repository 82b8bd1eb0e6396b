"""A server as a process has it: sockets, files, the order in which it ends, and why it does not
start."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.server.process import git, supervised

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.clock import SystemClock
from interlock.adapters.lockfile import LockFile
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.errors import (
    AuthError,
    IntegrityError,
    InterlockError,
    InvalidInputError,
    UnavailableError,
)
from interlock.failpoints import VARIABLE, arm
from interlock.ports.audit import AuditEntry, Kind
from interlock.ports.store import NewEvent
from interlock.sdk.people import PeopleClient
from interlock.server.app import serve_forever
from interlock.server.layout import Layout
from interlock.server.passphrase import set_passphrase
from interlock.server.records import newest_anchor
from interlock.supervisor.monitor import _FATAL

PASSPHRASE = "correct horse"


@pytest.fixture
def layout() -> Iterator[Layout]:
    """A repository that was set up; its path is short, as sockets want it."""
    with tempfile.TemporaryDirectory(prefix="il-") as name:
        repo = Path(name) / "repo"
        repo.mkdir()
        git(repo, "init", "-q")
        git(repo, "commit", "-q", "--allow-empty", "-m", "First")
        os.environ["XDG_STATE_HOME"] = f"{name}/state"
        made = Layout.of(repo, create=True)
        set_passphrase(made.passphrase, PASSPHRASE)
        AuditLog.create(made.audit)
        yield made


def test_owner_and_network_meet_the_door_they_should(layout: Layout) -> None:
    async def story() -> None:
        async with supervised(layout) as server:
            assert layout.people_socket.stat().st_mode & 0o777 == 0o600
            assert json.loads(layout.about.read_text())["port"] == server.port

            def ask() -> None:
                owner = PeopleClient(f"unix:{layout.people_socket}")
                about = owner.about()
                assert (about["level"], about["notices"]) == ("none", [])
                network = PeopleClient(f"http://127.0.0.1:{server.port}")
                with pytest.raises(AuthError):
                    network.tasks()
                network.login(PASSPHRASE)
                assert network.tasks() == owner.tasks() == []
                owner.close()
                network.close()

            await asyncio.to_thread(ask)
        for left in (layout.about, layout.people_socket.with_name("people.tmp")):
            assert not left.exists()

    asyncio.run(story())


def test_the_wanted_port_or_the_next_free_one_is_taken(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("ORCHESTRATOR_API_PORT", str(port))

        async def story() -> int:
            async with supervised(layout) as server:
                return server.port

        assert asyncio.run(story()) not in (0, port)


def test_after_a_stop_the_next_server_starts_on_the_same_records(layout: Layout) -> None:
    async def story() -> None:
        for _ in range(2):
            async with supervised(layout) as server:
                assert server.ledger.states() == ()

    asyncio.run(story())


def test_a_server_that_still_waits_for_its_supervisor_can_be_stopped(layout: Layout) -> None:
    command = [sys.executable, "-m", "interlock.server", "--state", str(layout.root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while not layout.about.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.terminate()
        assert process.wait(15) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert not layout.about.exists()


# -- what keeps a server from starting ------------------------------------------------------


def refused(layout: Layout, code: int) -> dict[str, object]:
    """Start the process; the problem that it leaves behind."""
    done = subprocess.run(
        [sys.executable, "-m", "interlock.server", "--state", str(layout.root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if not layout.run.exists():
        return {"detail": done.stderr}
    found: dict[str, object] = json.loads(layout.failure.read_text())
    assert f"{found['code']}: {found['detail']}" in done.stderr
    assert found["remedy"]
    return found


def test_a_second_server_is_told_who_has_the_state(layout: Layout) -> None:
    store = SQLiteStore(layout.events, blobs=layout.root / "blobs")
    try:
        found = refused(layout, 6)
    finally:
        store.close()
    assert f"process {os.getpid()}" in str(found["detail"])


def test_a_state_that_was_never_set_up_is_named(tmp_path: Path) -> None:
    assert "interlock init" in str(refused(Layout(tmp_path / "none"), 5)["detail"])


def test_a_setting_that_does_not_fit_is_named_with_its_file(layout: Layout) -> None:
    repo = Path(layout.user_repository.read_text().strip())
    (repo / ".orchestrator").mkdir()
    (repo / ".orchestrator" / "config.yaml").write_text("api: {prot: 1}\n")
    assert f"{repo}/.orchestrator/config.yaml" in str(refused(layout, 7)["detail"])


def test_a_weak_secret_is_refused(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_JWT_SECRET", "a" * 64)
    assert "weak" in str(refused(layout, 7)["detail"])


def anchored(layout: Layout) -> None:
    """A log with three records, and an event that says so."""
    audit = AuditLog(layout.audit, clock=SystemClock())
    entries = [AuditEntry(kind=Kind.DECISION, call_id=f"c{n}", tool="read") for n in range(3)]
    sealed = [audit.append(entry) for entry in entries][-1].result(10)
    audit.close()
    data = {"audit_seq": sealed.seq, "audit_head": sealed.head}
    store = SQLiteStore(layout.events, blobs=layout.root / "blobs")
    for n, seq in enumerate((data, {"audit_seq": 1, "audit_head": "0" * 64}, {})):
        event = NewEvent(event_type="phase_changed", data=seq, actor="server")
        store.append("task_a", n, [event], command_id=None, at=1)
    assert newest_anchor(store) == sealed
    store.close()


@pytest.mark.parametrize("kept", [0, 1])
def test_a_log_that_was_cut_keeps_the_server_from_starting(layout: Layout, kept: int) -> None:
    anchored(layout)
    segment = layout.audit / "000001.jsonl"
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(True)[:kept]))
    found = refused(layout, 3)
    assert found["title"] == "IntegrityError"
    assert str(found["code"]).startswith("IL-AUD-")


def test_a_log_that_reaches_its_anchor_is_opened(layout: Layout) -> None:
    anchored(layout)
    store = SQLiteStore(layout.events, blobs=layout.root / "blobs")
    anchor = newest_anchor(store)
    store.close()
    AuditLog(layout.audit, clock=SystemClock(), anchor=anchor).close()
    (layout.audit / "000001.jsonl").write_bytes(b"")
    with pytest.raises(IntegrityError):
        AuditLog(layout.audit, clock=SystemClock(), anchor=anchor)


def test_an_empty_store_has_no_anchor(layout: Layout) -> None:
    store = SQLiteStore(layout.events, blobs=layout.root / "blobs")
    assert newest_anchor(store) is None
    store.close()


def test_a_call_that_nobody_saw_the_end_of_is_named_at_the_next_start(layout: Layout) -> None:
    audit = AuditLog(layout.audit, clock=SystemClock())
    for call in ("seen", "lost"):
        entry = AuditEntry(kind=Kind.INTENT, call_id=call, session_id="ses_a", tool="bash")
        audit.append(entry).result(10)
    audit.append(AuditEntry(kind=Kind.OUTCOME, call_id="seen", tool="bash")).result(10)
    audit.close()

    async def story() -> None:
        async with supervised(layout):
            pass

    for _ in range(2):  # a second start finds nothing left to name
        asyncio.run(story())
    lines = (layout.audit / "000001.jsonl").read_text().splitlines()
    named = [line for line in map(json.loads, lines) if line["call_id"] == "lost"][1:]
    assert [line["kind"] for line in named] == ["outcome"]
    assert named[0]["result"]["outcome"] == "unknown"
    assert (named[0]["session_id"], named[0]["tool"]) == ("ses_a", "bash")


def test_a_server_whose_records_cannot_be_written_ends_to_be_started_again(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = AuditEntry(kind=Kind.NOTE, call_id="c", tool="x")

    async def story() -> None:
        async with supervised(layout) as server:
            armed = {VARIABLE: "audit.sync=eio"}
            arm("server", armed)
            for _ in range(2):
                with pytest.raises(UnavailableError) as denied:
                    await server.audit.record(entry)
                assert denied.value.remedy
            await asyncio.wait_for(server.broken.wait(), 10)
        async with supervised(layout) as server:
            await server.audit.record(entry)

    asyncio.run(story())

    @asynccontextmanager
    async def broken(layout: Layout) -> AsyncIterator[Any]:
        async with supervised(layout) as server:
            server.broken.set()
            yield server

    monkeypatch.setattr("interlock.server.app.running", broken)
    with pytest.raises(UnavailableError) as ended:
        asyncio.run(serve_forever(layout))
    assert ended.value.exit_code not in _FATAL


# -- where state lies ------------------------------------------------------------------------


def test_a_worktree_has_the_state_of_its_repository(layout: Layout) -> None:
    repo = Path(layout.user_repository.read_text().strip())
    git(repo, "worktree", "add", "-q", str(repo.parent / "tree"))
    found = Layout.of(repo.parent / "tree", create=True)
    assert found == layout
    assert layout.user_repository.read_text().strip() == str(repo)


def test_a_repository_that_moved_keeps_its_state(layout: Layout) -> None:
    repo = Path(layout.user_repository.read_text().strip())
    moved = repo.rename(repo.with_name("moved"))
    assert Layout.of(moved, create=True) == layout
    assert layout.user_repository.read_text().strip() == str(moved)


def test_a_copy_of_a_repository_does_not_act_on_the_original(layout: Layout) -> None:
    repo = Path(layout.user_repository.read_text().strip())
    copy = repo.with_name("copy")
    subprocess.run(["cp", "-r", str(repo), str(copy)], check=True)
    for create in (False, True):
        with pytest.raises(InterlockError, match="is a copy") as caught:
            Layout.of(copy, create=create)
        assert caught.value.exit_code == 6


def test_the_state_is_for_its_owner_alone(layout: Layout) -> None:
    for directory in (layout.keys, layout.run, layout.audit):
        assert directory.stat().st_mode & 0o777 == 0o700
    assert layout.passphrase.stat().st_mode & 0o777 == 0o600
    assert PASSPHRASE not in layout.passphrase.read_text()


def test_a_short_passphrase_is_refused(layout: Layout) -> None:
    with pytest.raises(InvalidInputError):
        set_passphrase(layout.passphrase, "short")


def test_a_lock_names_its_holder(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "lock", code="IL-TST-001", what="it")
    with pytest.raises(InterlockError) as caught:
        LockFile(tmp_path / "lock", code="IL-TST-001", what="it")
    assert caught.value.context["pid"] == os.getpid()
    lock.release()
