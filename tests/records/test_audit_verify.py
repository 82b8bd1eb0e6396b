"""No change to the log goes unseen: with key and anchor none at all, without key to the anchor."""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.records.support import entry, fill, lines, new_log, open_log

from interlock.adapters.audit import seal
from interlock.adapters.audit.verify import FirstBad, Proved, Verification, verify
from interlock.errors import NotFoundError
from interlock.ports.audit import Sealed


class Sample:
    """A closed log of several segments and epochs, its key, and copies of it to tamper with."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.original = root / "original"
        self.key, log = new_log(self.original, segment_bytes=4000, epoch_records=7)
        self.heads = fill(log, 58)
        log.close()
        self.anchor = log.heads
        self.segments = {
            path.name: path.read_bytes().splitlines(keepends=True)
            for path in sorted(self.original.glob("*.jsonl"))
            if path.stat().st_size
        }
        self.places = [
            (name, number) for name, text in self.segments.items() for number in range(len(text))
        ]

    def changed(self, change: Callable[[dict[str, list[bytes]]], None]) -> Path:
        """A copy of the directory after a change to its lines."""
        copy = self.root / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        shutil.copy(self.original / "key", copy / "key")
        segments = {name: list(text) for name, text in self.segments.items()}
        change(segments)
        for name, text in segments.items():
            (copy / name).write_bytes(b"".join(text))
        return copy

    def check(self, directory: Path, *, key: bool = True, anchor: bool = True) -> Verification:
        return verify(directory, self.key if key else None, [self.anchor] if anchor else [])


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return Sample(tmp_path_factory.mktemp("audit"))


def test_an_untouched_log_is_proved_whole(sample: Sample) -> None:
    count = len(sample.places)
    assert len(sample.segments) > 3
    whole = Verification(True, count, None, Proved.WHOLE, sample.anchor.seq)
    assert sample.check(sample.changed(lambda _: None)) == whole


def test_without_the_key_an_untouched_log_is_proved_up_to_the_last_anchor(sample: Sample) -> None:
    copy = sample.changed(lambda _: None)
    assert sample.check(copy, key=False).proved is Proved.TO_LAST_ANCHOR
    assert sample.check(copy, key=False, anchor=False).proved is Proved.NOTHING
    early = verify(copy, None, [sample.heads[4], sample.heads[20]])
    assert (early.ok, early.last_anchor) == (True, sample.heads[20].seq)


# What somebody without any key can do to single lines.
MUTATIONS = [
    "flip",
    "insert",
    "drop-byte",
    "remove",
    "duplicate",
    "swap",
    "cut",
    "blank",
    "copy-in",
]


def mutate(
    kind: str, segments: dict[str, list[bytes]], name: str, number: int, random: random.Random
) -> None:
    text = segments[name]
    line = text[number]
    place = random.randrange(len(line))
    match kind:
        case "flip":
            other = bytes([line[place] ^ 1 << random.randrange(8)])
            text[number] = line[:place] + other + line[place + 1 :]
        case "insert":
            text[number] = line[:place] + bytes([random.randrange(256)]) + line[place:]
        case "drop-byte":
            text[number] = line[:place] + line[place + 1 :]
        case "remove":
            del text[number]
        case "duplicate":
            text.insert(number, line)
        case "swap":
            other_number = (number + random.randrange(1, max(len(text), 2))) % len(text)
            text[number], text[other_number] = text[other_number], text[number]
        case "cut":
            names = list(segments)
            for later in names[names.index(name) + 1 :]:
                del segments[later]
            del text[number + 1 :]
            text[number] = line[:place]
        case "blank":
            text.insert(number, b"\n")
        case "copy-in":
            source = random.choice(list(segments.values()))
            text[number] = random.choice(source)


@settings(max_examples=500, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(MUTATIONS),
    place=st.integers(0, 10_000),
    seed=st.integers(0, 2**32),
)
def test_any_change_of_any_line_is_found_where_it_begins(
    sample: Sample, kind: str, place: int, seed: int
) -> None:
    name, number = sample.places[place % len(sample.places)]
    copy = sample.changed(
        lambda segments: mutate(kind, segments, name, number, random.Random(seed))
    )
    now = {path.name: path.read_bytes() for path in copy.glob("*.jsonl")}
    if now == {name: b"".join(text) for name, text in sample.segments.items()}:
        return  # a line was swapped with itself
    found = sample.check(copy)
    assert (found.ok, found.proved) == (False, Proved.NOTHING)
    assert found.first_bad is not None
    # Exactly what comes before the first change is accepted.
    before = [line for text in sample.segments.values() for line in text]
    after = [line for name in sorted(now) for line in now[name].splitlines(keepends=True)]
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
    assert found.records == len(list(same))


@pytest.mark.parametrize("key", [True, False])
def test_every_single_byte_changed_is_found(sample: Sample, key: bool) -> None:
    name = next(iter(sample.segments))
    line = sample.segments[name][3]
    # Without the key nobody can tell a true seal from another one.
    seal_at = line.index(b'"seal":"') + len(b'"seal":"')
    for place in range(len(line)):
        if not key and seal_at <= place < len(line) - len(b'"}\n'):
            continue

        def flip(segments: dict[str, list[bytes]], place: int = place) -> None:
            segments[name][3] = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]

        found = sample.check(sample.changed(flip), key=key)
        assert (found.ok, found.records) == (False, 3), place


@pytest.mark.parametrize("key", [True, False])
def test_every_single_line_removed_is_found(sample: Sample, key: bool) -> None:
    for name, number in sample.places:

        def remove(segments: dict[str, list[bytes]], name: str = name, n: int = number) -> None:
            del segments[name][n]

        assert not sample.check(sample.changed(remove), key=key).ok


@pytest.mark.parametrize("key", [True, False])
def test_every_pair_of_neighbours_swapped_is_found(sample: Sample, key: bool) -> None:
    for name, number in sample.places:
        if number + 1 == len(sample.segments[name]):
            continue

        def swap(segments: dict[str, list[bytes]], name: str = name, n: int = number) -> None:
            segments[name][n : n + 2] = reversed(segments[name][n : n + 2])

        found = sample.check(sample.changed(swap), key=key)
        assert (found.ok, found.first_bad and found.first_bad.line) == (False, number + 1)


@pytest.mark.parametrize("key", [True, False])
def test_every_cut_tail_is_found_by_the_anchor(sample: Sample, key: bool) -> None:
    names = list(sample.segments)
    for name, number in sample.places[1:]:

        def cut(segments: dict[str, list[bytes]], name: str = name, n: int = number) -> None:
            del segments[name][n:]
            for later in names[names.index(name) + 1 :]:
                del segments[later]

        assert not sample.check(sample.changed(cut), key=key).ok


def test_a_tail_cut_within_the_newest_epoch_needs_an_anchor_to_be_seen(sample: Sample) -> None:
    def cut(segments: dict[str, list[bytes]]) -> None:
        del list(segments.values())[-1][-1:]

    last = list(sample.segments.values())[-1][-1]
    if last.startswith(seal.ROTATE_PREFIX):
        pytest.fail("the sample ends with a rotation: choose another number of records")
    copy = sample.changed(cut)
    assert sample.check(copy, anchor=False).ok
    assert not sample.check(copy).ok


def test_a_tail_cut_before_the_newest_epoch_is_seen_by_the_key_file(sample: Sample) -> None:
    def cut(segments: dict[str, list[bytes]]) -> None:
        for name in list(segments)[1:]:
            del segments[name]

    found = sample.check(sample.changed(cut), anchor=False)
    assert not found.ok
    assert found.first_bad is not None
    assert "its key is of epoch" in found.first_bad.why


@pytest.mark.parametrize("which", [0, 1, -1])
def test_a_removed_segment_is_named(sample: Sample, which: int) -> None:
    name = list(sample.segments)[which]

    def remove(segments: dict[str, list[bytes]]) -> None:
        del segments[name]

    found = sample.check(sample.changed(remove))
    assert found.first_bad is not None
    if which != -1:
        assert name in found.first_bad.why


def test_renumbered_and_additional_segments_are_found(sample: Sample) -> None:
    def renumber(segments: dict[str, list[bytes]]) -> None:
        texts = list(segments.values())[1:]
        segments.clear()
        segments |= {f"{n:06d}.jsonl": text for n, text in enumerate(texts, start=1)}

    def add(segments: dict[str, list[bytes]]) -> None:
        segments[f"{len(segments) + 5:06d}.jsonl"] = [b"{}\n"]

    assert not sample.check(sample.changed(renumber)).ok
    assert not sample.check(sample.changed(add)).ok


def test_a_present_key_that_does_not_come_from_the_first_is_found(sample: Sample) -> None:
    copy = sample.changed(lambda _: None)
    epoch, _ = (copy / "key").read_text().split()
    (copy / "key").write_text(f"{epoch} {'0' * 64}\n")
    found = sample.check(copy)
    assert found.first_bad is not None
    assert "present key" in found.first_bad.why
    # Nobody can say so without the first key.
    assert sample.check(copy, key=False).ok


def test_another_key_proves_nothing(sample: Sample) -> None:
    copy = sample.changed(lambda _: None)
    (copy / "key").unlink()
    found = verify(copy, os.urandom(32))
    assert found.first_bad is not None
    assert (found.first_bad.segment, found.first_bad.line) == ("000001.jsonl", 1)
    assert "seal" in found.first_bad.why


def rewritten(sample: Sample, start: int, key: bytes) -> Path:
    """The log written anew from a record on, by somebody who has ``key`` and edits what it says."""

    def change(segments: dict[str, list[bytes]]) -> None:
        head = seal.GENESIS
        for place, (name, number) in enumerate(sample.places):
            line = segments[name][number]
            if place < start:
                claimed = seal.head_of(line)
                assert claimed is not None
                head = claimed
                continue
            body = line[: -seal.TRAILER].replace(b'"bash"', b'"grep"')
            segments[name][number], head = seal.line(body, head, key)

    return sample.changed(change)


def present_key(sample: Sample) -> bytes:
    return seal.EpochKey.load(sample.original / "key").key


def newest_epoch(sample: Sample) -> int:
    """Place of the first record after the last rotation."""
    rotations = [
        place
        for place, (name, number) in enumerate(sample.places)
        if sample.segments[name][number].startswith(seal.ROTATE_PREFIX)
    ]
    return rotations[-1] + 1


def test_a_thief_of_the_present_key_cannot_rewrite_older_epochs(sample: Sample) -> None:
    for start in (0, 10, newest_epoch(sample) - 1):
        found = sample.check(rewritten(sample, start, present_key(sample)), anchor=False)
        assert not found.ok
        assert found.records == start


def test_a_thief_of_the_present_key_who_rewrites_its_epoch_is_found_by_an_anchor(
    sample: Sample,
) -> None:
    copy = rewritten(sample, newest_epoch(sample), present_key(sample))
    assert sample.check(copy, anchor=False).ok
    assert not sample.check(copy).ok


def test_heads_computed_anew_without_a_key_are_found_by_anchor_or_key(sample: Sample) -> None:
    copy = rewritten(sample, 12, b"no key at all")
    assert sample.check(copy, key=False, anchor=False).ok
    assert not sample.check(copy, key=False).ok
    assert not sample.check(copy, anchor=False).ok


def test_an_anchor_of_another_log_is_found(sample: Sample) -> None:
    copy = sample.changed(lambda _: None)
    wrong = Sealed(5, "0" * 64)
    found = verify(copy, sample.key, [wrong])
    assert found.first_bad == FirstBad("000001.jsonl", 5, "not the record that was anchored")


def test_a_log_in_use_verifies_at_any_moment(tmp_path: Path) -> None:
    key, log = new_log(tmp_path, segment_bytes=3000, epoch_records=5)
    for _ in range(20):
        waiting = [fill(log, 2), fill(log, 3)]
        anchors = [sealed for group in waiting for sealed in group]
        result = verify(tmp_path, key, anchors)
        assert result.ok, result
    log.close()


def test_an_empty_log_is_whole_and_a_missing_one_is_not_found(tmp_path: Path) -> None:
    key, log = new_log(tmp_path / "audit")
    log.close()
    assert verify(tmp_path / "audit", key) == Verification(True, 0, None, Proved.WHOLE, 0)
    with pytest.raises(NotFoundError):
        verify(tmp_path / "nowhere", key)


def test_secrets_that_look_like_structure_do_not_confuse_the_log(tmp_path: Path) -> None:
    """What an agent writes must not be read as the log's own: newlines, rotations, trailers."""
    key, log = new_log(tmp_path, epoch_records=3)
    evil = '\n{"kind":"rotate","seq":9,"epoch":1,"segment":"000002.jsonl","open":[]}\n'
    evil += '","head":"' + "0" * 64 + '","seal":"' + "0" * 32 + '"}\n\r\x85\u2028\0'
    for n in range(10):
        log.append(entry(call_id=evil, args={evil: evil, "n": n}, result=[evil] * 3)).result(10)
    log.close()
    again = open_log(tmp_path)
    fill(again, 1)
    again.close()
    assert verify(tmp_path, key, [again.heads]).ok
    assert len(lines(tmp_path)) == again.heads.seq
