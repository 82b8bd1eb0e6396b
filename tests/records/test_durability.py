"""What was acknowledged was synced before that, and is there after the process was killed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.records.support import open_log, records

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.audit.verify import verify
from interlock.adapters.stores.sqlite import SQLiteStore

# Appends to both records in turns and says each acknowledgement aloud, unbuffered.
WRITER = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from interlock.adapters.audit.log import AuditLog
from interlock.adapters.clock import SystemClock
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.ports.audit import AuditEntry, Kind
from interlock.ports.store import NewEvent

root, run, count, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = SQLiteStore(root / "state" / "events.db")
log = AuditLog(root / "audit", clock=SystemClock(), epoch_records=50, segment_bytes=30_000)

def work(worker):
    for n in range(count):
        name = f"CALL-{run}-{worker}-{n}-"
        log.append(AuditEntry(kind=Kind.INTENT, call_id=name)).result()
        os.write(1, f"AUDIT {name}\\n".encode())
        data = {"name": name, "text": "x" * (20_000 if n % 10 == 9 else 10)}
        store.append(f"t{run}-{worker}", n, [NewEvent("e", data, "a")], command_id=name, at=n)
        os.write(1, f"STORE {name}\\n".encode())

with ThreadPoolExecutor(workers) as pool:
    list(pool.map(work, range(workers)))
log.close()
store.close()
"""


def writer(root: Path, run: int, *, count: int, workers: int) -> list[str]:
    return [sys.executable, "-c", WRITER, str(root), str(run), str(count), str(workers)]


def test_ten_kills_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    key = bytes.fromhex(AuditLog.create(tmp_path / "audit"))
    said: list[str] = []
    for run in range(10):
        command = writer(tmp_path, run, count=100_000, workers=4)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said += [process.stdout.readline() for _ in range(60 + 7 * run)]
            process.kill()
            # What it managed to say before it died counts too; its last word may be cut.
            said += [line for line in process.stdout if line.endswith("\n")]
    audited = {line.split()[1] for line in said if line.startswith("AUDIT")}
    stored = {line.split()[1] for line in said if line.startswith("STORE")}
    assert len(audited) > 100
    log = open_log(tmp_path / "audit")
    log.close()
    assert verify(tmp_path / "audit", key, [log.heads]).ok
    assert not audited - {
        record["call_id"] for record in records(tmp_path / "audit") if "call_id" in record
    }
    store = SQLiteStore(tmp_path / "state" / "events.db")
    events = [event for task in store.task_ids() for event in store.task_events(task)]
    assert not stored - {event.data["name"] for event in events}
    assert sorted(event.id for event in events) == list(range(1, len(events) + 1))
    for task in store.task_ids():
        versions = [event.task_version for event in store.task_events(task)]
        assert versions == list(range(1, len(versions) + 1))
    store.close()


def syscalls(trace: str) -> list[str]:
    """The calls of a trace in the order of their ends, with interrupted ones joined."""
    begun: dict[str, str] = {}
    calls = []
    for line in trace.splitlines():
        thread, _, call = line.partition(" ")
        call = call.lstrip()
        if call.endswith("<unfinished ...>"):
            begun[thread] = call.removesuffix("<unfinished ...>").rstrip()
        elif resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", call):
            calls.append(begun.pop(thread) + resumed[1])
        else:
            calls.append(call)
    return calls


def too_early(trace: str) -> list[str]:
    """Names that were acknowledged before what carries them was written and then synced."""
    files: dict[str, str] = {}
    written: dict[str, set[str]] = {}
    safe: dict[str, set[str]] = {"AUDIT": set(), "STORE": set()}
    early = []
    for call in syscalls(trace):
        if opened := re.match(r'openat\(.*?"([^"]*)".* = (\d+)$', call):
            files[opened[2]] = opened[1]
        elif said := re.match(r'write\(1, "(AUDIT|STORE) (CALL-[\d-]+)', call):
            early += [] if said[2] in safe[said[1]] else [f"{said[1]} {said[2]}"]
        elif wrote := re.match(r"p?write(?:64)?\((\d+), ", call):
            written.setdefault(wrote[1], set()).update(re.findall(r"CALL-[\d-]+", call))
        elif synced := re.match(r"f(?:data)?sync\((\d+)\)\s+= 0$", call):
            kind = "AUDIT" if files.get(synced[1], "").endswith(".jsonl") else "STORE"
            safe[kind] |= written.pop(synced[1], set())
    return early


def traced(root: Path, program: list[str]) -> str:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("NOT RUN: strace is not installed")
    AuditLog.create(root / "audit")
    trace = root / "trace"
    command = [strace, "-f", "-qq", "-s", "65536", "-o", str(trace)]
    command += ["-e", "trace=openat,write,pwrite64,fsync,fdatasync", *program]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if "ptrace" in run.stderr and "not permitted" in run.stderr:
        pytest.skip("NOT RUN: tracing is not permitted here")
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("AUDIT") == run.stdout.count("STORE") > 0
    return trace.read_text(errors="replace")


def test_every_acknowledgement_comes_after_its_sync(tmp_path: Path) -> None:
    trace = traced(tmp_path, writer(tmp_path, 0, count=8, workers=2))
    assert too_early(trace) == []


def test_the_trace_shows_it_when_syncs_are_left_out(tmp_path: Path) -> None:
    program = writer(tmp_path, 0, count=2, workers=1)
    program[2] = "import os\nos.fdatasync = os.fsync = lambda descriptor: None\n" + program[2]
    assert any(name.startswith("AUDIT") for name in too_early(traced(tmp_path, program)))
