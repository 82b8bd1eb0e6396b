"""Summaries of pytest as numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from interlock.testing.scripted.counts import counts


@pytest.mark.parametrize(
    "summary, expected",
    [
        ("26 passed in 0.20s", (26, 0, 0, 0)),
        ("== 1 failed, 2 passed, 3 skipped in 1.00s ==", (2, 1, 0, 3)),
        ("1 error in 0.51s", (0, 0, 1, 0)),
        ("4 passed, 2 errors in 61.02s (0:01:01)", (4, 0, 2, 0)),
        ("no tests ran in 0.01s", (0, 0, 0, 0)),
        ("nothing of the kind", (0, 0, 0, 0)),
    ],
)
def test_summary_line_is_read(summary: str, expected: tuple[int, ...]) -> None:
    found = counts({"output": f"9 passed by the way\n{summary}\n", "exit_code": 1})
    assert tuple(found[key] for key in ("passed", "failed", "errors", "skipped")) == expected
    assert found["bad"] == expected[1] + expected[2]
    assert found["exit_code"] == 1


def test_what_pytest_really_prints_is_understood(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_a(): pass\n"
        "def test_b(): assert 0\n"
        "@pytest.mark.skip\ndef test_c(): pass\n"
        "@pytest.fixture\ndef broken(): raise ValueError\n"
        "def test_d(broken): pass\n"
    )
    for quiet in ("-q", "-v"):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", quiet, "-p", "no:cacheprovider", "test_it.py"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        found = counts({"output": done.stdout})
        assert (found["passed"], found["failed"], found["errors"], found["skipped"]) == (1, 1, 1, 1)
