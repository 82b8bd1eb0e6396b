"""A process that ends while it measures takes its runner and the runner's trees with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HUGE = 1 << 40
"""A tree of that size is not put into memory, but where the test can see it."""

MEASURES = """
import os, sys
from pathlib import Path
from interlock.adapters.confinement import UidRange
from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.place import Place
from interlock.adapters.judge.runner_process import RunnerProcess
from interlock.ports.confinement import Level, Limits

scratch, size = Path(sys.argv[1]), int(sys.argv[2])
place = Place(level=Level.NONE, uids=UidRange(), scratch=scratch, limits=Limits())
session = RunnerProcess(place, Conditions.of_this_process(), size)
print(len(os.listdir(scratch)))
"""


@pytest.mark.slow
def test_who_ends_in_the_middle_of_a_run_leaves_no_tree(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    done = subprocess.run(
        [sys.executable, "-c", MEASURES, str(scratch), str(HUGE)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
    assert list(scratch.iterdir()) == []
