"""One run of pytest in a process of its own, on a tree that was just written."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import site
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from .lines import Lines
from .report import Reporter

__all__ = ["BUILT_AT", "run"]

BUILT_AT = "/w"
"""Where the tree was when the environment was built: its ``.pth`` files say so."""

# What a project may ask for in its settings and a judge must not do: split the run over processes,
# measure coverage, try again until it is green. Only where the plugin is installed.
_OVERRULED = {"xdist": "-n0", "pytest_cov": "--no-cov", "pytest_rerunfailures": "--reruns=0"}


def run(job: dict[str, Any], root: str, frames: int) -> int:
    """Run pytest and report to ``frames``; the exit status of pytest.

    Plugins announced by packages of the environment are loaded, as the project's own command would
    load them: the environment is built from the base and no agent can write to it. The tree is
    looked at only after that, so it can neither announce a plugin nor stand in for one.
    """
    os.chdir(root)
    sys.argv = ["pytest"]
    environment = list(sys.path)
    found = importlib.metadata.distributions

    def of_environment(**kwargs: Any) -> Iterable[importlib.metadata.Distribution]:
        return found(**(kwargs or {"path": environment}))

    def before_tree() -> None:
        setattr(importlib.metadata, "distributions", found)  # noqa: B010 — mypy: a function
        # As `python -m pytest` does; `src` also for projects that are not installed.
        sys.path[:] = [path for path in sys.path if path != root]
        sys.path[:0] = [root, *(p for p in [os.path.join(root, "src")] if os.path.isdir(p))]
        lines.start()

    setattr(importlib.metadata, "distributions", of_environment)  # noqa: B010 — as above
    # At the end: for `-p tests.plugin` in the settings, without hiding anything.
    sys.path += [*_editable(root), root]
    lines = Lines(root, job["watch"])
    reporter = Reporter(
        frames,
        keep=job["keep"],
        drop=job["drop"],
        seed=job["seed"],
        lines=lines,
        root=root,
        before_tree=before_tree,
    )
    status = int(pytest.main(_arguments(job, root), plugins=[reporter]))
    lines.stop()
    sys.stdout.flush()
    reporter.emit_lines()
    reporter.emit(k="end", status=status)
    return status


def _arguments(job: dict[str, Any], root: str) -> list[str]:
    overruled = [flag for name, flag in _OVERRULED.items() if importlib.util.find_spec(name)]
    return [
        "-q",
        "--tb=native",
        "--maxfail=0",
        "--continue-on-collection-errors",
        f"--rootdir={root}",
        f"--confcutdir={root}",
        "-c",
        os.path.join(root, job["settings"]) if job["settings"] else os.devnull,
        *overruled,
        *job["arguments"],
    ]


def _editable(root: str) -> list[str]:
    """Directories of the tree that the environment's ``.pth`` files name.

    Python looked at those files when it started, and the tree was not there yet.
    """
    found: list[str] = []
    for directory in site.getsitepackages():
        names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
        for name in (name for name in names if name.endswith(".pth")):
            with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                lines = [line.strip() for line in file]
            for line in lines:
                if line == BUILT_AT or line.startswith(f"{BUILT_AT}/"):
                    path = root + line.removeprefix(BUILT_AT)
                    if os.path.isdir(path) and path not in sys.path:
                        found.append(path)
    return found
