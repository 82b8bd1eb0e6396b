"""Directories for trees: as big as needed, and none stays behind."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from interlock.adapters.judge.work_directory import WorkDirectory

HUGE = 1 << 40


def test_a_big_tree_is_not_put_into_memory(tmp_path: Path) -> None:
    work = WorkDirectory(tmp_path / "scratch", HUGE, None)
    assert work.path.parent == (tmp_path / "scratch").resolve()
    (work.path / "x").mkdir()
    work.close()
    assert not work.path.exists()


def test_a_small_tree_is_not_put_where_sessions_of_its_user_get_at_it(tmp_path: Path) -> None:
    """Shared memory is open to every program of a user, also at partial."""
    work = WorkDirectory(tmp_path / "scratch", 1, None)
    assert work.path.parent == (tmp_path / "scratch").resolve()
    work.close()


@pytest.mark.skipif(os.getuid() != 0, reason="NOT RUN: only root can give a directory away")
def test_it_belongs_to_the_user_it_is_for(tmp_path: Path) -> None:
    work = WorkDirectory(tmp_path, HUGE, 64999)
    assert work.path.stat().st_uid == 64999
    work.close()


def test_what_a_dead_supervisor_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    used = WorkDirectory(tmp_path, HUGE, None)
    left = Path(tempfile.mkdtemp(prefix="interlock-judge-", dir=tmp_path))
    (left / "tree").mkdir()
    WorkDirectory.sweep(tmp_path)
    assert used.path.exists()
    assert not left.exists()
    used.close()
