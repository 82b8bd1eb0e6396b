"""Temporary directories of processes that are killed, and nobody else's, are removed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from interlock.adapters import removal
from interlock.adapters.confinement.launcher import ending
from interlock.adapters.held import HeldDirectory, remove_abandoned

HOLDS = "import sys, time; {made}; print('made', flush=True); time.sleep(600)"


def _killed_over(made: str, place: Path) -> int:
    """A process that made something and was killed; its pid."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS.format(made=made)],
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"made\n"
        process.send_signal(signal.SIGKILL)
    process.wait()
    return process.pid


def test_what_a_killed_process_held_is_removed_by_the_next_one(tmp_path: Path) -> None:
    made = "from interlock.adapters.held import HeldDirectory; x = HeldDirectory('some-')"
    _killed_over(made, tmp_path)
    (left,) = tmp_path.iterdir()
    (tmp_path / "some-file").touch()
    mine = HeldDirectory("some-", tmp_path)
    assert not left.exists()
    other = HeldDirectory("some-", tmp_path)
    assert mine.path.exists()
    other.close()
    mine.close()
    mine_again = HeldDirectory("other-", tmp_path)
    remove_abandoned("some-", tmp_path)
    mine_again.close()
    assert [path.name for path in tmp_path.iterdir()] == ["some-file"]


def test_makers_and_removers_at_once_never_take_each_others(tmp_path: Path) -> None:
    over = threading.Event()

    def remove() -> None:
        while not over.is_set():
            remove_abandoned("some-", tmp_path)

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        for _ in range(300):
            held = HeldDirectory("some-", tmp_path)
            (held.path / "file").touch()
            held.close()
    finally:
        over.set()
        remover.join()


def test_the_configuration_of_git_goes_with_the_next_process(tmp_path: Path) -> None:
    made = "from interlock.adapters import gitconfig; gitconfig.home()"
    for _ in range(3):
        _killed_over(made, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "remove", [removal.remove_tree, lambda path: ending.remove_tree(str(path))]
)
def test_no_depth_and_no_mode_keeps_a_tree_from_being_removed(
    tmp_path: Path, remove: Callable[[Path], object]
) -> None:
    root, target = tmp_path / "root", tmp_path / "target"
    for path in (root, root / "closed", target):
        path.mkdir()
    (root / "closed" / "file").touch()
    (root / "closed").chmod(0)
    (root / "link").symlink_to(target)
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(root)
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.fchdir(before)
        os.close(before)
    assert not remove(root)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert not remove(root)
