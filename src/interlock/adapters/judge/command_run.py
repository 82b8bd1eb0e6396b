"""A command of the workflow's, on a fresh copy of a tree in a sandbox of its own."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import asdict

from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.place import Place
from interlock.adapters.judge.redaction import Redaction
from interlock.adapters.judge.results import RawRun
from interlock.adapters.judge.runner_process import Lost, RunnerProcess
from interlock.adapters.judge.snapshot import Snapshot
from interlock.core.facts import JobFacts
from interlock.failpoints import reach
from interlock.ports.judge import CommandRequest

__all__ = ["run_command"]

_RUNNER = "command"


def run_command(
    place: Place, conditions: Conditions, tree: Snapshot, request: CommandRequest
) -> JobFacts:
    """Run it once; everything that it leaves ends with the sandbox.

    Raises:
        UnavailableError: the sandbox or the runner in it does not start.
    """
    directory = request.directory
    if directory is None:
        directory = conditions.spec.directory
    if directory and not any(path.startswith(f"{directory}/") for path in tree.paths):
        return JobFacts(
            problem=f"there is no directory {directory} in the tree",
            remedy=f"Add {directory}, or change 'directory' of the check.",
        )
    # The runner is told what to be at its start: with no test runner none has to be installed.
    spec = dataclasses.replace(conditions.spec, runner=_RUNNER)
    ours = dataclasses.replace(conditions, spec=spec)
    raw = Redaction(conditions.secrets).of(_run(place, ours, tree, request, directory))
    problem = raw.problem
    if raw.timed_out:
        problem = f"`{request.command}` did not end within {request.seconds} s"
    elif raw.status < 0:
        problem = f"`{request.command}` was ended by signal {-raw.status}"
    return JobFacts(
        problem=problem,
        remedy="Give the check more 'timeout_seconds', or the command less to do."
        if raw.timed_out
        else "",
        exit_code=None if problem else raw.status,
        output=raw.output,
        duration_s=raw.seconds,
    )


def _run(
    place: Place, conditions: Conditions, tree: Snapshot, request: CommandRequest, directory: str
) -> RawRun:
    job = {
        "command": request.command,
        "directory": directory,
        "services": [asdict(service) for service in conditions.spec.services],
        "secrets": dict(conditions.secrets),
    }
    completed = conditions.completed(tree)
    runner = RunnerProcess(place, conditions, completed.size())
    begin = time.monotonic()
    try:
        reach("judge.run")
        return runner.run(job, completed, request.seconds)
    except Lost as lost:
        seconds = time.monotonic() - begin
        return RawRun(
            status=0, timed_out=False, frames=b"", output="", seconds=seconds, problem=str(lost)
        )
    finally:
        runner.close()
