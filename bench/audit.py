"""``audit verify`` over a log as a server writes it, against parsing and sealing its lines once."""

from __future__ import annotations

import hmac
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import Budget, Figure, Measured, Plan, interleaved, ratio
from interlock.adapters.audit.log import AuditLog
from interlock.adapters.audit.segments import SystemIO
from interlock.adapters.audit.verify import Proved, verify
from interlock.adapters.clock import SystemClock
from interlock.ports.audit import AuditEntry, Kind

__all__ = ["measure"]

RECORDS, SAMPLE = 200_000, 20_000
_CALL: dict[str, Any] = {
    "path": "src/textkit/slug.py",
    "content": "def slugify(text, sep='-'):\n    return sep.join(text.lower().split())\n",
}


class _Unsynced(SystemIO):
    """Filling the log is not what is measured."""

    def sync(self, descriptor: int) -> None:
        return


def _fill(directory: Path, records: int) -> bytes:
    """A log of calls, each with its intent and its outcome; its first key."""
    key = bytes.fromhex(AuditLog.create(directory))
    log = AuditLog(
        directory,
        clock=SystemClock(),
        io=_Unsynced(),
        segment_bytes=16 << 20,
        queue_records=records + 1,
    )
    last = None
    for number in range(records):
        kind = Kind.OUTCOME if number % 2 else Kind.INTENT
        entry = AuditEntry(
            kind=kind,
            call_id=f"call_{number // 2:026d}",
            agent_id="author-task_01K0000000000000000000000",
            session_id="ses_01K0000000000000000000000",
            task_id="task_01K0000000000000000000000",
            phase="IMPL",
            tool="write_files",
            args=_CALL,
            result={"path": _CALL["path"], "bytes": 80} if number % 2 else None,
            duration=0.001 if number % 2 else None,
        )
        last = log.append(entry)
    assert last is not None
    last.result(120)
    log.close()
    return key


def _loop(directory: Path, key: bytes) -> int:
    """The least that a verifier written by the book does: parse each line, seal it once."""
    count = 0
    for path in sorted(directory.glob("*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                msgspec.json.decode(line)
                hmac.digest(key, line, "sha256")
                count += 1
    return count


def measure(plan: Plan) -> Measured:
    """Lines per second of both, in turns, on one log."""
    records = SAMPLE if plan.quick else RECORDS
    with tempfile.TemporaryDirectory(prefix="il-bench-") as place:
        directory = Path(place) / "audit"
        key = _fill(directory, records)
        lines = _loop(directory, key)
        size = sum(path.stat().st_size for path in directory.glob("*.jsonl"))

        def verified() -> float:
            began = time.perf_counter()
            found = verify(directory, key)
            taken = time.perf_counter() - began
            assert (found.ok, found.records, found.proved) == (True, lines, Proved.WHOLE)
            return lines / taken

        def looped() -> float:
            began = time.perf_counter()
            _loop(directory, key)
            return lines / (time.perf_counter() - began)

        found = interleaved(plan.rounds, {"loop": looped, "verify": verified})
    per_line = size / lines
    return Measured(
        figures=(
            Figure(name="parse and HMAC, lines", unit="1/s", rounds=found["loop"]),
            Figure(name="audit verify, lines", unit="1/s", rounds=found["verify"]),
            Figure(
                name="audit verify, megabytes",
                unit="MB/s",
                rounds=tuple(rate * per_line / 1e6 for rate in found["verify"]),
            ),
        ),
        budgets=(
            Budget(
                figure=ratio("verify / parse and HMAC", found["verify"], found["loop"]),
                limit=0.6,
                at_least=True,
            ),
        ),
    )
