"""The whole thing, as `make demo` shows it: an honest agent completes, every trick of a cheating
one ends as declared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = (sys.executable, "-m", "interlock", "demo")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_demo_completes_an_honest_task_and_stops_every_trick(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "LANG": "C.UTF-8",
        **{k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_"))},
    }
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [*DEMO, "--json", "--evidence", str(tmp_path / "evidence")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout)
    assert report["honest"]["status"] == "completed"
    assert report["honest"]["phases"] == ["PLAN", "TDD", "IMPL", "REVIEW", "COMPLETE"]
    assert len(report["tricks"]) >= 15
    for trick in report["tricks"]:
        assert trick["outcome"] == trick["declared"], trick
        assert trick["outcome"] in {"prevented", "not imported", "detected", "out of scope"}
        assert trick["reason"], trick
    assert report["audit"]["ok"] is True
    assert report["level"] in {"full", "partial", "none"}
    assert report["repository"] == {"ok": True, "changed": []}
    assert (tmp_path / "evidence" / "honest.json").exists()
    assert [path.name for path in (tmp_path / "home").iterdir()] == []
    assert not (tmp_path / "state").exists()
