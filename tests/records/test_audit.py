"""The log acknowledges what is on the disk and nothing else, and goes on where it ended."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.records.support import DroppingDisk, entry, fill, lines, new_log, open_log, records

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.audit.verify import verify
from interlock.errors import ConflictError, IntegrityError, NotFoundError, UnavailableError
from interlock.ports.audit import AuditEntry, Kind, Sealed

FIELDS = {"timestamp", "agent_id", "session_id", "task_id", "phase", "tool", "args", "result"}
FIELDS |= {"decision", "duration", "call_id", "level", "seq", "kind", "head", "seal"}


def test_a_record_has_the_promised_fields_and_what_was_given(tmp_path: Path) -> None:
    _, log = new_log(tmp_path)
    given: dict[str, Any] = {
        "agent_id": "claude",
        "session_id": "ses_1",
        "task_id": "task_1",
        "phase": "TDD",
        "tool": "write_files",
        "args": {"path": "tests/test_ä.py"},
        "decision": {"allowed": True},
        "result": ["ok", 1, 2.5, None],
        "duration": 0.25,
        "call_id": "call_1",
        "level": "partial",
    }
    sealed = log.append(AuditEntry(kind=Kind.OUTCOME, **given)).result(10)
    log.close()
    (record,) = records(tmp_path)
    assert set(record) == FIELDS
    assert record.items() >= given.items()
    assert (record["kind"], record["seq"], record["head"]) == ("outcome", 1, sealed.head)
    assert record["timestamp"] == 1_700_000_000_000_000


def test_a_dataclass_is_recorded_by_its_fields(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Decision:
        allowed: bool
        facts: dict[str, Any]

    _, log = new_log(tmp_path)
    log.append(entry(decision=Decision(False, {"token": "abc"}))).result(10)
    log.close()
    expected = {"allowed": False, "facts": {"token": "[redacted:field]"}}
    assert records(tmp_path)[0]["decision"] == expected


def test_every_line_is_json_numbered_without_gaps_over_all_segments(tmp_path: Path) -> None:
    _, log = new_log(tmp_path, segment_bytes=4000, epoch_records=7)
    fill(log, 60)
    log.close()
    assert [record["seq"] for record in records(tmp_path)] == list(
        range(1, len(lines(tmp_path)) + 1)
    )
    assert len(list(tmp_path.glob("*.jsonl"))) > 3


def test_nothing_is_acknowledged_before_its_sync(tmp_path: Path) -> None:
    disk = DroppingDisk()
    _, log = new_log(tmp_path, io=disk)
    disk.hold.clear()
    future = log.append(entry(call_id="early"))
    with pytest.raises(TimeoutError):
        future.result(0.05)
    assert log.heads.seq == 0
    disk.hold.set()
    assert future.result(10) == log.heads
    assert b'"call_id":"early"' in disk.kept
    log.close()


def test_everything_acknowledged_survives_a_disk_that_drops_what_was_not_synced(
    tmp_path: Path,
) -> None:
    disk = DroppingDisk(fail_sync=20)
    _, log = new_log(tmp_path, io=disk)
    acknowledged: list[str] = []
    denied = threading.Event()

    def work(worker: int) -> None:
        for n in range(1000):
            call = f"w{worker}-{n}-"
            try:
                log.append(entry(call_id=call)).result(10)
            except UnavailableError:
                denied.set()
                return
            acknowledged.append(call)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    log.close()
    assert denied.is_set()
    assert acknowledged
    assert [call for call in acknowledged if call.encode() not in disk.kept] == []


def test_those_who_wait_together_share_a_sync(tmp_path: Path) -> None:
    disk = DroppingDisk()
    _, log = new_log(tmp_path, io=disk)
    disk.hold.clear()
    futures = [log.append(entry(call_id=f"c{n}")) for n in range(200)]
    disk.hold.set()
    seqs = [future.result(10).seq for future in futures]
    assert seqs == list(range(1, 201))
    assert disk.syncs <= 3
    log.close()


@pytest.mark.parametrize("failure", [{"fail_sync": 3}, {"fail_write": 3}])
def test_after_a_failed_sync_or_write_everybody_is_denied_and_no_sync_is_tried_again(
    tmp_path: Path, failure: dict[str, int]
) -> None:
    disk = DroppingDisk(**failure)  # type: ignore[arg-type]  # counts only
    key, log = new_log(tmp_path, io=disk)
    fill(log, 2)
    syncs = disk.syncs
    disk.hold.clear()
    waiting = [log.append(entry(call_id=f"lost{n}")) for n in range(5)]
    disk.hold.set()
    for future in waiting:
        with pytest.raises(UnavailableError) as denied:
            future.result(10)
        assert denied.value.code == "IL-AUD-002"
    with pytest.raises(UnavailableError):
        log.append(entry())
    assert disk.syncs == syncs + bool(failure.get("fail_sync"))
    assert log.heads.seq == 2
    log.close()
    # Opened anew: the tail is whole, what was denied is not in it, and the chain goes on.
    again = open_log(tmp_path)
    assert again.heads == log.heads
    after = fill(again, 1)
    again.close()
    assert b"lost" not in b"".join(lines(tmp_path))
    assert verify(tmp_path, key, [log.heads, *after]).ok


def test_a_torn_record_that_could_not_even_be_cut_is_cut_at_the_next_start(tmp_path: Path) -> None:
    disk = DroppingDisk(fail_write=2, fail_truncate=True)
    key, log = new_log(tmp_path, io=disk)
    fill(log, 1)
    with pytest.raises(UnavailableError):
        log.append(entry(call_id="lost", args="x" * 500)).result(10)
    log.close()
    assert not lines(tmp_path)[-1].endswith(b"\n")
    again = open_log(tmp_path)
    fill(again, 1)
    again.close()
    assert verify(tmp_path, key, [again.heads]).records == 2


def test_too_many_waiting_records_are_refused_and_not_lost(tmp_path: Path) -> None:
    disk = DroppingDisk()
    _, log = new_log(tmp_path, io=disk, queue_records=10)
    disk.hold.clear()
    futures = [log.append(entry())]
    assert disk.written.wait(10)  # the writer has taken it and waits for the disk
    futures += [log.append(entry()) for _ in range(10)]
    with pytest.raises(UnavailableError) as refused:
        log.append(entry())
    assert refused.value.code == "IL-AUD-001"
    assert refused.value.retryable
    disk.hold.set()
    assert len({future.result(10).seq for future in futures}) == len(futures)
    log.append(entry()).result(10)
    log.close()


def test_coroutines_are_woken_by_one_call_into_their_loop_per_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = DroppingDisk()
    _, log = new_log(tmp_path, io=disk)
    wakes = 0

    async def main() -> list[Sealed]:
        loop = asyncio.get_running_loop()
        call_soon = loop.call_soon_threadsafe

        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal wakes
            wakes += 1
            return call_soon(*args, **kwargs)

        monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
        disk.hold.clear()
        waiting = [asyncio.create_task(log.record(entry(call_id=f"c{n}"))) for n in range(100)]
        await asyncio.sleep(0)
        disk.hold.set()
        return await asyncio.gather(*waiting)

    threads = threading.active_count()
    sealed = asyncio.run(main())
    assert [s.seq for s in sealed] == list(range(1, 101))
    assert wakes <= disk.syncs
    assert threading.active_count() == threads
    log.close()


def test_a_coroutine_that_gives_up_disturbs_nobody(tmp_path: Path) -> None:
    disk = DroppingDisk()
    _, log = new_log(tmp_path, io=disk)

    async def main() -> None:
        disk.hold.clear()
        one = asyncio.create_task(log.record(entry(call_id="given-up")))
        two = asyncio.create_task(log.record(entry(call_id="waiting")))
        await asyncio.sleep(0)
        one.cancel()
        await asyncio.sleep(0)
        disk.hold.set()
        assert (await asyncio.wait_for(two, 10)).seq == 2

    asyncio.run(main())
    log.close()
    assert [record["call_id"] for record in records(tmp_path)] == ["given-up", "waiting"]


def test_a_loop_that_is_gone_does_not_stop_the_writer(tmp_path: Path) -> None:
    disk = DroppingDisk()
    _, log = new_log(tmp_path, io=disk)

    async def main() -> None:
        disk.hold.clear()
        task = asyncio.create_task(log.record(entry()))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(main())
    disk.hold.set()
    log.append(entry()).result(10)
    log.close()


def test_a_poisoned_writer_denies_coroutines_too(tmp_path: Path) -> None:
    _, log = new_log(tmp_path, io=DroppingDisk(fail_sync=1))
    with pytest.raises(UnavailableError):
        asyncio.run(log.record(entry()))
    with pytest.raises(UnavailableError):
        asyncio.run(log.record(entry()))
    log.close()


def test_a_closed_log_has_written_everything_and_takes_no_more(tmp_path: Path) -> None:
    _, log = new_log(tmp_path)
    futures = [log.append(entry()) for _ in range(300)]
    log.close()
    log.close()
    assert all(future.done() for future in futures)
    with pytest.raises(UnavailableError) as refused:
        log.append(entry())
    assert refused.value.code == "IL-AUD-003"


def test_an_intent_without_outcome_surfaces_when_the_log_is_opened(tmp_path: Path) -> None:
    _, log = new_log(tmp_path)
    for call in ("a", "b", "c"):
        more = {"session_id": "ses_1", "task_id": "task_1", "phase": "TDD"}
        log.append(entry(Kind.INTENT, call, **more)).result(10)
    log.append(entry(Kind.DECISION, "d")).result(10)
    log.append(entry(Kind.OUTCOME, "b")).result(10)
    log.close()
    again = open_log(tmp_path)
    found = again.open_intents()
    assert [(intent.call_id, intent.seq) for intent in found] == [("a", 1), ("c", 3)]
    first = found[0]
    assert (first.agent_id, first.session_id, first.task_id) == ("claude", "ses_1", "task_1")
    assert (first.phase, first.tool, first.timestamp) == ("TDD", "bash", 1_700_000_000_000_000)
    again.append(entry(Kind.OUTCOME, "a")).result(10)
    again.close()
    third = open_log(tmp_path)
    assert [intent.call_id for intent in third.open_intents()] == ["c"]
    third.close()


@pytest.mark.parametrize("options", [{"epoch_records": 4}, {"segment_bytes": 3000}])
def test_an_open_intent_is_carried_over_rotations_and_restarts(
    tmp_path: Path, options: dict[str, int]
) -> None:
    _, log = new_log(tmp_path, **options)
    log.append(entry(Kind.INTENT, "open", task_id="task_1")).result(10)
    fill(log, 40)
    log.close()
    for _ in range(3):
        again = open_log(tmp_path, **options)
        (found,) = again.open_intents()
        assert (found.call_id, found.seq, found.task_id) == ("open", 1, "task_1")
        fill(again, 10)
        again.close()


@pytest.mark.parametrize("options", [{}, {"epoch_records": 5}, {"segment_bytes": 2000}])
def test_the_chain_goes_on_over_restarts(tmp_path: Path, options: dict[str, int]) -> None:
    key, log = new_log(tmp_path, **options)
    anchors = fill(log, 9)
    log.close()
    for _ in range(5):
        log = open_log(tmp_path, anchor=anchors[-1], **options)
        anchors += fill(log, 7)
        log.close()
    result = verify(tmp_path, key, anchors)
    assert result.ok, result
    assert result.records == log.heads.seq >= 44


def test_the_key_of_an_epoch_that_is_over_is_nowhere_in_the_directory(tmp_path: Path) -> None:
    key, log = new_log(tmp_path, epoch_records=10)
    keys = {(tmp_path / "key").read_bytes().split()[1]}
    for _ in range(5):
        fill(log, 10)
        log.append(entry()).result(10)  # the turn of the batch before is over now
        keys.add((tmp_path / "key").read_bytes().split()[1])
    log.close()
    present = (tmp_path / "key").read_bytes().split()[1]
    assert key.hex().encode() in keys
    assert len(keys) > 3
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [old for old in keys - {present} if old in everything] == []


def test_a_crash_between_a_rotation_and_its_new_key_is_finished_at_the_next_start(
    tmp_path: Path,
) -> None:
    for options in ({"epoch_records": 5}, {"segment_bytes": 1500}):
        directory = tmp_path / next(iter(options))
        key, log = new_log(directory, **options)
        before = (directory / "key").read_bytes()
        while log.heads.seq < 5 or (directory / "key").read_bytes() == before:
            fill(log, 1)
        log.close()
        # Back to the moment after the rotation's sync: old key, no new segment, nothing after it.
        (directory / "key").write_bytes(before)
        first = directory / "000001.jsonl"
        kept = lines(directory)
        cut = next(n for n, line in enumerate(kept) if b'"kind":"rotate"' in line) + 1
        for path in directory.glob("*.jsonl"):
            path.unlink()
        first.write_bytes(b"".join(kept[:cut]))
        again = open_log(directory, **options)
        fill(again, 12)
        again.close()
        result = verify(directory, key, [again.heads])
        assert result.ok, result
        assert result.records == cut + 12 + (again.heads.seq - cut - 12)


def test_an_empty_new_segment_after_a_crash_is_used(tmp_path: Path) -> None:
    key, log = new_log(tmp_path, segment_bytes=500)
    fill(log, 2)
    log.close()
    newest = sorted(tmp_path.glob("*.jsonl"))[-1]
    if newest.stat().st_size:
        pytest.fail("the shape of the log has changed: no empty segment at its end")
    again = open_log(tmp_path, segment_bytes=500)
    fill(again, 2)
    again.close()
    assert verify(tmp_path, key, [again.heads]).ok


@pytest.mark.parametrize("torn", [b"{", b'{"kind":"note","seq":4', b"\0" * 700, b"x" * 5000])
def test_a_torn_end_is_cut_and_the_chain_goes_on(tmp_path: Path, torn: bytes) -> None:
    key, log = new_log(tmp_path)
    fill(log, 3)
    log.close()
    with (tmp_path / "000001.jsonl").open("ab") as file:
        file.write(torn)
    before = verify(tmp_path, key, [log.heads])
    assert (before.ok, before.unfinished) == (True, len(torn))
    again = open_log(tmp_path, anchor=log.heads)
    fill(again, 1)
    again.close()
    assert [record["seq"] for record in records(tmp_path)] == [1, 2, 3, 4]
    assert verify(tmp_path, key, [again.heads]).ok


def broken_key(directory: Path) -> None:
    (directory / "key").write_text("no key\n")


def newer_key(directory: Path) -> None:
    (directory / "key").write_text(f"99 {'0' * 64}\n")


def other_key(directory: Path) -> None:
    epoch, _ = (directory / "key").read_text().split()
    (directory / "key").write_text(f"{epoch} {'0' * 64}\n")


def edit_last(directory: Path) -> None:
    path = sorted(directory.glob("*.jsonl"))[-1]
    path.write_bytes(path.read_bytes().replace(b'"n":29', b'"n":92'))


def cut_last_line(directory: Path) -> None:
    path = sorted(directory.glob("*.jsonl"))[-1]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def cut_to_nothing(directory: Path) -> None:
    for path in directory.glob("*.jsonl"):
        path.unlink()


def remove_first_segment(directory: Path) -> None:
    (directory / "000001.jsonl").unlink()


def remove_last_segment(directory: Path) -> None:
    sorted(directory.glob("*.jsonl"))[-1].unlink()


def append_zeros(directory: Path) -> None:
    with sorted(directory.glob("*.jsonl"))[-1].open("ab") as file:
        file.write(b"\0" * 300 + b"\n")


@pytest.mark.parametrize(
    "harm",
    [
        broken_key,
        newer_key,
        other_key,
        edit_last,
        cut_last_line,
        cut_to_nothing,
        remove_first_segment,
        remove_last_segment,
        append_zeros,
    ],
)
def test_a_log_whose_end_was_tampered_with_is_not_opened(tmp_path: Path, harm: Any) -> None:
    _, log = new_log(tmp_path, segment_bytes=3000, epoch_records=6)
    fill(log, 30)
    log.close()
    harm(tmp_path)
    with pytest.raises(IntegrityError) as refused:
        open_log(tmp_path, anchor=log.heads)
    assert refused.value.remedy
    # The refusal lets go of the lock: the second try is refused for the same reason.
    with pytest.raises(IntegrityError):
        open_log(tmp_path, anchor=log.heads)


def test_a_log_that_is_another_one_than_the_anchor_tells_is_not_opened(tmp_path: Path) -> None:
    _, log = new_log(tmp_path)
    heads = fill(log, 5)
    log.close()
    with pytest.raises(IntegrityError) as refused:
        open_log(tmp_path, anchor=Sealed(4, heads[2].head))
    assert refused.value.code == "IL-AUD-023"
    open_log(tmp_path, anchor=heads[3]).close()


def test_a_second_writer_is_refused_by_name_until_the_first_is_gone(tmp_path: Path) -> None:
    _, log = new_log(tmp_path)
    with pytest.raises(ConflictError) as refused:
        open_log(tmp_path)
    assert refused.value.code == "IL-AUD-004"
    log.close()
    open_log(tmp_path).close()


def test_a_log_is_made_once_and_opened_only_after_that(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        open_log(tmp_path / "nowhere")
    with pytest.raises(NotFoundError):
        open_log(tmp_path)
    assert not list(tmp_path.iterdir())
    _, log = new_log(tmp_path)
    log.close()
    with pytest.raises(ConflictError):
        AuditLog.create(tmp_path)


def test_only_the_owner_can_read_the_log(tmp_path: Path) -> None:
    _, log = new_log(tmp_path / "audit")
    fill(log, 1)
    log.close()
    for path in (tmp_path / "audit", *(tmp_path / "audit").iterdir()):
        assert path.stat().st_mode & 0o077 == 0
