"""Fail points of the records themselves: whatever dies or fails at a step, what was acknowledged
is there, what was not is there whole or not at all, and a failed writer denies."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.records.support import entry, new_log, open_log

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.audit.verify import Proved, verify
from interlock.adapters.secrets import Secrets
from interlock.adapters.stores.blobs import BlobDirectory
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.errors import UnavailableError
from interlock.failpoints import VARIABLE, arm
from interlock.ports.audit import Kind
from interlock.ports.store import NewEvent

# Acknowledges records one by one, and turns its key and its file over after a few.
WRITER = """
import os, sys
from pathlib import Path
from interlock.adapters.audit.log import AuditLog
from interlock.adapters.clock import SystemClock
from interlock.failpoints import arm
from interlock.ports.audit import AuditEntry, Kind

arm("server")
log = AuditLog(Path(sys.argv[1]), clock=SystemClock(), epoch_records=4, segment_bytes=2500)
for n in range(30):
    log.append(AuditEntry(kind=Kind.INTENT, call_id=f"c{n}")).result()
    print(f"c{n}", flush=True)
"""


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    arm("test", {})


def fails(point: str, action: str = "eio", turn: int = 1) -> None:
    """Arm this process."""
    arm("test", {VARIABLE: f"{point}={action}:{turn}"})


@pytest.mark.parametrize("turn", [1, 3])
@pytest.mark.parametrize(
    "point",
    [
        "audit.write",
        "audit.sync",
        "audit.synced",
        "audit.turn",
        "audit.segment",
        "audit.key.write",
        "audit.key.sync",
        "audit.key.rename",
        "audit.key.renamed",
    ],
)
def test_a_log_whose_writer_died_at_any_step_is_whole_and_goes_on(
    tmp_path: Path, point: str, turn: int
) -> None:
    key = bytes.fromhex(AuditLog.create(tmp_path / "audit"))
    died = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path / "audit")],
        env={"PYTHONPATH": os.pathsep.join(sys.path), VARIABLE: f"{point}=kill:{turn}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == -9, died.stderr
    log = open_log(tmp_path / "audit", epoch_records=4, segment_bytes=2500)
    open_ids = {intent.call_id for intent in log.open_intents()}
    assert set(died.stdout.split()) <= open_ids
    assert len(open_ids) <= len(died.stdout.split()) + 1
    log.append(entry(Kind.OUTCOME, "c0")).result(10)
    log.close()
    found = verify(tmp_path / "audit", key, [log.heads])
    assert (found.ok, found.proved) == (True, Proved.WHOLE), found


def test_a_start_that_dies_before_it_has_cut_a_torn_end_leaves_it_to_the_next(
    tmp_path: Path,
) -> None:
    key, log = new_log(tmp_path / "audit")
    log.append(entry(call_id="c")).result(10)
    log.close()
    with (tmp_path / "audit" / "000001.jsonl").open("ab") as file:
        file.write(b'{"kind":"note","seq":2,"ti')
    fails("audit.cut")
    with pytest.raises(UnavailableError) as refused:
        open_log(tmp_path / "audit")
    assert refused.value.remedy
    log = open_log(tmp_path / "audit")
    assert log.append(entry(call_id="d")).result(10).seq == 2
    log.close()
    assert verify(tmp_path / "audit", key, [log.heads]).ok


@pytest.mark.parametrize("action", ["enospc", "eio"])
@pytest.mark.parametrize("point", ["audit.write", "audit.sync", "audit.synced"])
def test_a_writer_that_failed_denies_everybody_until_the_log_is_opened_anew(
    tmp_path: Path, point: str, action: str
) -> None:
    failed = []
    key, log = new_log(tmp_path / "audit", on_failure=lambda: failed.append(True))
    log.append(entry(call_id="before")).result(10)
    fails(point, action)
    for _ in range(3):
        with pytest.raises(UnavailableError) as denied:
            log.append(entry(call_id="denied")).result(10)
        assert denied.value.code == "IL-AUD-002"
        assert "disk" in denied.value.remedy
    log.close()
    assert failed == [True]
    log = open_log(tmp_path / "audit", anchor=log.heads)
    log.append(entry(call_id="after")).result(10)
    log.close()
    assert verify(tmp_path / "audit", key, [log.heads]).ok


@pytest.mark.parametrize("point", ["audit.turn", "audit.segment", "audit.key.sync"])
def test_a_key_or_file_that_cannot_be_turned_over_ends_the_writer_not_the_log(
    tmp_path: Path, point: str
) -> None:
    options = {"epoch_records": 4, "segment_bytes": 1000}
    key, log = new_log(tmp_path / "audit", **options)
    fails(point, "enospc")
    acknowledged = 0
    with contextlib.suppress(UnavailableError):
        while acknowledged < 12:
            log.append(entry(Kind.INTENT, f"c{acknowledged}")).result(10)
            acknowledged += 1
    with pytest.raises(UnavailableError):
        log.append(entry(Kind.INTENT, "denied"))
    log.close()
    log = open_log(tmp_path / "audit", **options)
    assert len(log.open_intents()) == acknowledged >= 3
    log.close()
    assert verify(tmp_path / "audit", key, [log.heads]).ok


@pytest.mark.parametrize("point", ["store.begin", "store.commit"])
def test_an_append_that_fails_before_its_commit_stores_nothing_and_can_be_repeated(
    tmp_path: Path, point: str
) -> None:
    store = SQLiteStore(tmp_path / "events.db")
    event = [NewEvent("e", {"n": 1}, "a")]
    fails(point, "enospc")
    with pytest.raises(UnavailableError) as refused:
        store.append("t", 0, event, command_id="c", at=1)
    assert refused.value.remedy
    assert refused.value.retryable
    assert store.task_ids() == ()
    assert store.command("c") == ()
    (stored,) = store.append("t", 0, event, command_id="c", at=1)
    assert stored.id == 1
    store.close()


def test_an_append_whose_answer_was_lost_is_not_stored_twice(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "events.db")
    event = [NewEvent("e", {"n": 1}, "a")]
    fails("store.committed")
    with pytest.raises(UnavailableError):
        store.append("t", 0, event, command_id="c", at=1)
    assert len(store.append("t", 0, event, command_id="c", at=1)) == 1
    assert len(store.task_events("t")) == 1
    store.close()


@pytest.mark.parametrize("point", ["blob.write", "blob.sync", "blob.rename", "blob.renamed"])
def test_a_blob_that_could_not_be_written_is_not_there_in_part(tmp_path: Path, point: str) -> None:
    blobs = BlobDirectory(tmp_path / "blobs")
    fails(point, "enospc")
    with pytest.raises(UnavailableError) as refused:
        blobs.put(b"x" * 1000)
    assert refused.value.remedy
    digest = blobs.put(b"x" * 1000)
    blobs = BlobDirectory(tmp_path / "blobs")  # a start removes what is unfinished
    assert blobs.get(digest) == b"x" * 1000
    assert [path.name for path in (tmp_path / "blobs").iterdir()] == [digest]


@pytest.mark.parametrize(
    "point", ["secret.write", "secret.sync", "secret.rename", "secret.renamed"]
)
def test_a_secret_that_could_not_be_written_has_its_old_value_or_its_new_one(
    tmp_path: Path, point: str
) -> None:
    secrets = Secrets(tmp_path / "secrets")
    secrets.set("KEY", "the old value")
    fails(point, "enospc")
    with pytest.raises(OSError, match=point):
        secrets.set("KEY", "the new value")
    kept = secrets.values(["KEY"])["KEY"]
    assert kept == ("the new value" if point == "secret.renamed" else "the old value")
    assert secrets.names() == ["KEY"]
    secrets.set("KEY", "the new value")
    assert secrets.values(["KEY"]) == {"KEY": "the new value"}
