"""Code under test that looks around sees the same in every run that its result is questioned by."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from tests.judge.conftest import FILES
from tests.judge.support import Bench
from tests.judge.test_green import HONEST, TESTS

from interlock.adapters.judge.variants import Variant
from interlock.adapters.judge.workbench import Measured, Workbench

# What a frozen conftest prints when nothing is captured any more is the end of the run's output.
SPY = (
    FILES["tests/conftest.py"]
    + """
import gc, json, os, sys, tempfile

SEEN = []


def look():
    frames, frame = [], sys._getframe(1)
    while frame is not None:
        # The frames of the runner itself, whose locals are another matter than pytest's.
        if frame.f_code.co_filename.rpartition("/")[0].endswith("/runner"):
            known = {name: repr(value) for name, value in sorted(frame.f_locals.items())}
            frames.append([frame.f_code.co_name, known])
        frame = frame.f_back
    reporters = [o for o in gc.get_objects() if type(o).__name__ == "Reporter"]
    return {
        "frames": frames,
        "reporter": [sorted((k, repr(v)) for k, v in vars(o).items() if k != "_process")
                     for o in reporters],
        "environ": sorted(os.environ.items()),
        "argv": sys.argv,
        "hash": hash("any text"),
        "left": [os.listdir(tempfile.gettempdir()), os.listdir(os.path.expanduser("~"))],
        "sizes": sorted(
            (os.path.join(at, name), os.stat(os.path.join(at, name)).st_size)
            for at, _, names in os.walk("tests") for name in names
        ),
        "paths": sorted(os.path.join(at, name) for at, _, names in os.walk(".") for name in names),
        "modules": sorted(n for n in sys.modules if n.startswith(("tests", "pkg", "test_"))),
    }


def pytest_unconfigure():
    import pkg.text
    print("SPY" + json.dumps(SEEN and SEEN[0]))
"""
)
LOOKS = HONEST + "\n\nimport tests.conftest as spy\n\nspy.SEEN.append(spy.look())\n"


def test_nothing_in_sight_tells_the_runs_apart(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    files: dict[str, dict[str, bytes]] = {}
    real = Workbench.measure

    def listened(self: Workbench, variant: Variant, **more: Any) -> Measured:
        measured = real(self, variant, **more)
        if (said := re.search(r"SPY(\{.*\})$", measured.raw.output, re.MULTILINE)) is not None:
            seen[variant.name] = _alike(json.loads(said[1]))
        files[variant.name] = {
            path: variant.tree.read(path) for path in variant.tree.paths if path.endswith(".py")
        }
        return measured

    monkeypatch.setattr(Workbench, "measure", listened)
    facts, tree = bench.red(
        {"tests/test_slug.py": TESTS, "tests/conftest.py": SPY, "tests/__init__.py": ""},
        "pkg.text:slug",
    )
    bench.green(tree, {"pkg/text.py": LOOKS}, facts.new_tests)
    # The sources of the revert do not look.
    assert seen.keys() >= {"green", "neutral", "twin", "perturbed", "control", "mutant"}
    first = seen["neutral"]
    assert "main" in str(first["frames"])
    # Sets have the same order in all runs, also in those of other measurements.
    expected = subprocess.run(
        [sys.executable, "-c", "print(hash('any text'))"],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert first["hash"] == int(expected.stdout)
    assert first["reporter"]
    for name in ("twin", "perturbed", "control", "mutant"):
        assert seen[name] == first, name
    # All texts are others than what was handed in, and none carries a mark of ours.
    for name in ("neutral", "twin", "perturbed", "control", "mutant", "revert"):
        assert files[name]["tests/test_slug.py"] != TESTS.encode()
        assert files[name]["pkg/text.py"] != files["green"]["pkg/text.py"]
        for text in files[name].values():
            assert re.search(rb"\bil_", text) is None
            assert b"twin" not in text
            assert b"interlock" not in text


def _alike(said: Any) -> Any:
    """Without what is random, or a number of the system's, in whatever run."""
    match said:
        case dict():
            return {key: _alike(value) for key, value in said.items()}
        case list():
            return sorted(map(_alike, said), key=repr)
        case str():
            said = re.sub(r"test_[a-z]{10}|Test[a-z]{10}", "OWN", said)
            said = re.sub(r"0x[0-9a-f]+|\d{3,}(\.\d+)?", "N", said)
            # Ids come in the order of their names, which are random.
            return "".join(sorted(said)) if "OWN" in said else said
    return said
