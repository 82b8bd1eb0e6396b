"""What a workflow wants measured leaves the server as it says, across a restart, too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.server.house import House, at_house

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.audit.since import records_since
from interlock.adapters.metrics import MetricsFiles, as_json, as_prometheus
from interlock.core.metrics import Sample, ToolUse
from interlock.core.surroundings import MonitoringSpec
from interlock.engine.calls import CountedAudit, use_of
from interlock.engine.monitoring import Monitoring
from interlock.ports.audit import AuditEntry, Kind
from interlock.testing.fake_clock import FakeClock
from interlock.testing.memory_audit import MemoryAudit
from interlock.testing.memory_store import MemoryStore

SAMPLES = (
    Sample("phase_transition_time", {"phase": "A", "target": "B"}, 2.5, 4, 7.0),
    Sample("gate_pass_rate", {"gate": 'a"\\\n'}, 0.75, 4),
    Sample("tool_usage_by_phase", {"phase": "A", "tool": "grep", "decision": "allowed"}, 3),
)


class Kept:
    """An export that remembers."""

    def __init__(self) -> None:
        self.written: list[tuple[str, Sequence[Sample], int]] = []

    def write(self, kind: str, samples: Sequence[Sample], at: int) -> None:
        self.written.append((kind, samples, at))


def monitored(house: House, export: str = "jsonl", *metrics: str) -> tuple[Monitoring, Kept]:
    kept = Kept()
    spec = MonitoringSpec(metrics=metrics or ("gate_pass_rate",), export=export)
    house.workflow = replace(house.workflow, digest=f"monitored {spec}", monitoring=spec)
    calls = CountedAudit(house.audit)
    return Monitoring(house.now.ledger, calls, kept, house.clock, pause_s=0.0), kept


@pytest.mark.parametrize("export", ["jsonl", "prometheus", ""])
def test_what_the_workflow_lists_is_exported_as_it_says(export: str, tmp_path: Path) -> None:
    async def story(house: House) -> None:
        monitoring, kept = monitored(house, export, "gate_pass_rate", "phase_transition_time")
        task_id = await house.create()
        await house.leave(task_id)
        monitoring.start()
        await asyncio.sleep(0)
        await monitoring.stop()
        assert {kind for kind, _, _ in kept.written} == ({export} if export else set())
        if export:
            _, samples, _ = kept.written[-1]
            assert {s.metric for s in samples} == {"gate_pass_rate", "phase_transition_time"}

    at_house(tmp_path, story)


def test_a_transition_is_written_without_waiting_for_the_interval(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        monitoring, kept = monitored(house)
        monitoring.start()
        await house.leave(await house.create())
        async with asyncio.timeout(10):
            while not kept.written:
                await asyncio.sleep(0)
        await monitoring.stop()

    at_house(tmp_path, story)


def test_lines_say_when_and_what() -> None:
    line = json.loads(as_json(SAMPLES, 17))
    assert line["timestamp"] == 17
    assert line["metrics"]["phase_transition_time"] == [
        {"phase": "A", "target": "B", "value": 2.5, "count": 4, "longest": 7.0}
    ]
    assert line["metrics"]["gate_pass_rate"] == [{"gate": 'a"\\\n', "value": 0.75}]


def test_a_page_is_prometheus_text_format() -> None:
    page = as_prometheus(SAMPLES).splitlines()
    assert "# TYPE interlock_phase_transition_time_seconds summary" in page
    assert 'interlock_phase_transition_time_seconds_sum{phase="A",target="B"} 10.000000' in page
    assert 'interlock_phase_transition_time_seconds_count{phase="A",target="B"} 4' in page
    assert 'interlock_gate_pass_rate_ratio{gate="a\\"\\\\\\n"} 0.75' in page
    assert "# TYPE interlock_tool_usage_by_phase_total counter" in page
    assert len([line for line in page if line.startswith("# HELP ")]) == 3


def test_lines_are_added_and_a_page_is_replaced(tmp_path: Path) -> None:
    paths = {"jsonl": tmp_path / "m.jsonl", "prometheus": tmp_path / "m.prom"}
    files = MetricsFiles(paths, largest=400)
    for at in range(2):
        for kind in paths:
            files.write(kind, SAMPLES, at)
    lines = paths["jsonl"].read_text().splitlines()
    assert [json.loads(line)["timestamp"] for line in lines] == [0, 1]
    assert paths["prometheus"].read_text() == as_prometheus(SAMPLES)
    assert {path.stat().st_mode & 0o777 for path in paths.values()} == {0o600}
    files.write("jsonl", SAMPLES, 2)
    assert json.loads(paths["jsonl"].read_text())["timestamp"] == 2
    assert (tmp_path / "m.jsonl.1").read_text().splitlines() == lines


def test_a_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    files = MetricsFiles({"jsonl": tmp_path / "nowhere" / "m"})
    files.write("jsonl", SAMPLES, 0)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    MetricsFiles({"jsonl": tmp_path / "link"}).write("jsonl", SAMPLES, 0)
    assert not (tmp_path / "elsewhere").exists()


def entry(kind: Kind, tool: str, decision: Any = None) -> AuditEntry:
    return AuditEntry(kind=kind, phase="P", tool=tool, decision=decision)


@pytest.mark.parametrize(
    "recorded,use",
    [
        (entry(Kind.OUTCOME, "bash", {"allowed": True}), ToolUse("P", "bash", True)),
        (entry(Kind.DECISION, "bash", {"allowed": True}), ToolUse("P", "bash", True)),
        (entry(Kind.DECISION, "bash", {"allowed": False}), ToolUse("P", "bash", False)),
        (entry(Kind.DECISION, "bash"), ToolUse("P", "bash", False)),
        (entry(Kind.DECISION, "made_up", {"allowed": False}), ToolUse("P", "other", False)),
        (entry(Kind.INTENT, "bash"), None),
        (entry(Kind.NOTE, ""), None),
    ],
)
def test_a_call_counts_once_at_its_end_or_refusal(recorded: AuditEntry, use: ToolUse) -> None:
    assert use_of(recorded) == use


def test_a_count_goes_on_where_the_last_server_left_it(tmp_path: Path) -> None:
    AuditLog.create(tmp_path / "audit")
    store, clock = MemoryStore(), FakeClock()

    async def server(calls: int, *, is_kept: bool) -> int:
        log = AuditLog(tmp_path / "audit", clock=clock, segment_bytes=20_000)
        counted = CountedAudit(log)
        counted.resume(store, lambda seq: records_since(tmp_path / "audit", seq))
        for _ in range(calls):
            await counted.record(entry(Kind.OUTCOME, "grep", {"allowed": True}))
        if is_kept:
            counted.keep(store, counted.counted())
        log.close()
        return counted.calls[ToolUse("P", "grep", True)]

    assert asyncio.run(server(100, is_kept=True)) == 100
    assert asyncio.run(server(150, is_kept=False)) == 250  # it was killed
    assert asyncio.run(server(1, is_kept=True)) == 251
    assert len(list((tmp_path / "audit").glob("*.jsonl"))) > 2
    assert asyncio.run(server(0, is_kept=False)) == 251


@pytest.mark.parametrize("seq", [0, 1, 499, 500, 999, 1000])
def test_records_after_a_number_are_found_in_a_large_file(seq: int, tmp_path: Path) -> None:
    lines = [json.dumps({"seq": n, "kind": "outcome", "tool": "x" * 200}) for n in range(1, 1001)]
    (tmp_path / "000001.jsonl").write_text("\n".join(lines) + "\n{broken")
    found = [number for number, _ in records_since(tmp_path, seq)]
    assert found == list(range(seq + 1, 1001))


def test_the_audit_behind_the_count_is_the_same() -> None:
    log = MemoryAudit()
    counted = CountedAudit(log)
    counted.append(entry(Kind.OUTCOME, "grep")).result()
    assert counted.heads == log.heads
    assert counted.open_intents() == ()
    assert counted.calls.total() == 1
    counted.close()
    assert log.is_broken
