"""Users for sandboxes are nobody else's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from interlock.adapters.confinement import UidRange
from interlock.adapters.confinement.uids import end
from interlock.errors import UnavailableError, UsageError

as_root = pytest.mark.skipif(os.getuid() != 0, reason="NOT RUN: needs root")
# Not in the default range, so that nothing else that runs here matters.
FIRST, LAST = 64950, 64952


@as_root
def test_each_lease_is_another_uid_until_none_is_left(tmp_path: Path) -> None:
    uids = UidRange(FIRST, LAST, tmp_path)
    assert [uids.lease() for _ in range(3)] == [FIRST, FIRST + 1, LAST]
    with pytest.raises(UnavailableError) as caught:
        uids.lease()
    assert caught.value.code == "IL-CNF-005"
    uids.release(FIRST + 1)
    assert uids.lease() == FIRST + 1


@as_root
def test_released_uid_is_not_the_next_one(tmp_path: Path) -> None:
    uids = UidRange(FIRST, LAST, tmp_path)
    first = uids.lease()
    uids.release(first)
    assert uids.lease() != first


@as_root
def test_two_servers_do_not_share_a_uid(tmp_path: Path) -> None:
    one, other = UidRange(FIRST, LAST, tmp_path), UidRange(FIRST, LAST, tmp_path)
    assert one.lease() != other.lease()


@as_root
def test_uid_with_a_process_is_not_leased_until_it_was_ended(tmp_path: Path) -> None:
    sleeper = subprocess.Popen(["sleep", "1000"], user=FIRST, group=FIRST, extra_groups=[])
    try:
        uids = UidRange(FIRST, FIRST, tmp_path)
        with pytest.raises(UnavailableError):
            uids.lease()
    finally:
        end(FIRST)
        assert sleeper.wait(10) == -9
    assert uids.lease() == FIRST


def test_what_was_not_leased_cannot_be_released(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        UidRange(FIRST, LAST, tmp_path).release(FIRST)


def test_range_with_root_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        UidRange(0, 5, tmp_path)


@pytest.mark.skipif(os.getuid() == 0, reason="NOT RUN: root gets one")
def test_ordinary_user_gets_no_uid(tmp_path: Path) -> None:
    uids = UidRange(FIRST, LAST, tmp_path)
    assert uids.lease() is None
    uids.release(None)
