"""One run of pytest in a process of its own, on a tree that was just written."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from .frames import Frames
from .lines import Lines
from .paths import editable
from .report import Reporter

__all__ = ["run"]

# What a project may ask for in its settings and a judge must not do: split the run over processes,
# measure coverage, try again until it is green. Only where the plugin is installed.
_OVERRULED = {"xdist": "-n0", "pytest_cov": "--no-cov", "pytest_rerunfailures": "--reruns=0"}


def run(job: dict[str, Any], root: str, frames: int) -> int:
    """Run pytest and report to ``frames``; the exit status of pytest.

    Plugins announced by packages of the environment are loaded, as the project's own command would
    load them: the environment is built from the base and no agent can write to it. The tree is
    looked at only after that, so it can neither announce a plugin nor stand in for one.
    """
    project = os.path.join(root, job["directory"]).rstrip("/")
    os.chdir(project)
    sys.argv = ["pytest"]
    environment = list(sys.path)
    found = importlib.metadata.distributions

    def of_environment(**kwargs: Any) -> Iterable[importlib.metadata.Distribution]:
        return found(**(kwargs or {"path": environment}))

    def before_tree() -> None:
        setattr(importlib.metadata, "distributions", found)  # noqa: B010 — mypy: a function
        # As `python -m pytest` does; `src` also for projects that are not installed.
        sys.path[:] = [path for path in sys.path if path != project]
        sys.path[:0] = [project, *(p for p in [os.path.join(project, "src")] if os.path.isdir(p))]
        lines.start()

    setattr(importlib.metadata, "distributions", of_environment)  # noqa: B010 — as above
    # At the end: for `-p tests.plugin` in the settings, without hiding anything.
    sys.path += [*editable(root), project]
    lines = Lines(root, job["watch"], job["minded"])
    out = Frames(frames, job["directory"])
    reporter = Reporter(
        out,
        keep=job["keep"],
        drop=job["drop"],
        seed=job["seed"],
        lines=lines,
        root=root,
        before_tree=before_tree,
    )
    status = int(pytest.main(_arguments(job, root, project), plugins=[reporter]))
    lines.stop()
    sys.stdout.flush()
    out.emit_lines(lines)
    out.emit(k="end", status=status)
    return status


def _arguments(job: dict[str, Any], root: str, project: str) -> list[str]:
    overruled = [flag for name, flag in _OVERRULED.items() if importlib.util.find_spec(name)]
    return [
        "-q",
        "--tb=native",
        "--maxfail=0",
        "--continue-on-collection-errors",
        f"--rootdir={project}",
        f"--confcutdir={project}",
        "-c",
        os.path.join(root, job["settings"]) if job["settings"] else os.devnull,
        *overruled,
        # Files are named from the tree's root; what follows them is for pytest.
        *(os.path.join(root, a) if a.endswith(".py") else a for a in job["arguments"]),
    ]
