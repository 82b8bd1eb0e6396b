"""A session that fills the disk is ended before the records have no room."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interlock.supervisor.diskwatch import DiskLimits, DiskWatch, free_bytes, limits_for

LIMITS = DiskLimits(scratch_bytes=1 << 20, reserve_bytes=1000, step_bytes=100)


def _places(root: Path, **sizes: int) -> dict[str, Path]:
    places = {}
    for name, size in sizes.items():
        places[name] = root / name
        (places[name] / "deep").mkdir(parents=True)
        (places[name] / "deep" / "file").write_bytes(b"x" * size)
    return places


@pytest.mark.parametrize(
    "free, sizes, ended",
    [
        ([10_000, 10_000], {"small": 10, "large": 2 << 20}, []),
        ([10_000, 9_000], {"small": 10, "large": 2 << 20}, ["large"]),
        ([10_000, 9_000], {"small": 10, "other": 5000}, []),
        ([10_000, 500], {"small": 10, "other": 50_000}, ["other"]),
        ([500, 500], {"only": 10}, ["only"]),
        ([10_000, 500], {}, []),
    ],
)
def test_who_takes_too_much_is_ended(
    tmp_path: Path, free: list[int], sizes: dict[str, int], ended: list[str]
) -> None:
    places, left, over = _places(tmp_path, **sizes), iter(free), list[str]()
    watch = DiskWatch(lambda: places, over.append, lambda: next(left), LIMITS)
    asyncio.run(watch.look())
    assert over == ended


def test_a_disk_that_was_nearly_full_before_is_nobody_s_doing() -> None:
    assert limits_for(100 << 20).reserve_bytes == 25 << 20
    assert limits_for(100 << 30).reserve_bytes == 512 << 20


def test_the_free_space_of_a_place_is_known(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0
