"""The pure decision on a tool call: no server, no disk, and nothing remembered of the call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pathspec import GitIgnoreSpec

from bench.figures import Budget, Figure, Measured, Plan, interleaved, ratio
from interlock.core.model import ToolConstraint, WorkflowSpec
from interlock.core.policy import tools
from interlock.definition.packs import load_pack

__all__ = ["measure"]

PHASE: Final = "IMPL"
# Ten simple commands as agents write them, with quotes, pipes and a redirection.
COMMANDS: Final = (
    "cd src && git status --short && ls -la 'some dir' | wc -l ; mkdir -p build/{0} && "
    "cat pyproject.toml | head -n 20 && python -m pytest -q tests/test_{0}.py 2>&1 | tail -n 5 "
    "&& git log --oneline"
)
LIMITED: Final = ToolConstraint(
    forbidden_commands=("git push", "rm -rf", "git reset --hard", "pip install", "curl"),
)


def _workflow() -> WorkflowSpec:
    """The five phases of the pack, with commands limited as a team would."""
    workflow = load_pack("tdd").workflow
    phases = tuple(
        replace(phase, tool_constraints={**phase.tool_constraints, "bash": LIMITED})
        if phase.id == PHASE
        else phase
        for phase in workflow.phases
    )
    return replace(workflow, phases=phases)


def _numbers() -> Iterator[int]:
    """Never the same call twice: what is remembered of earlier ones must not help."""
    number = 100_000
    while True:
        number += 1
        yield number


def _each(
    count: int,
    call: Callable[[Any], object],
    argument: Callable[[int], Any],
    numbers: Iterator[int],
) -> float:
    """Microseconds of this thread per call; the arguments are made before."""
    given = [argument(next(numbers)) for _ in range(count)]
    began = time.thread_time()
    for one in given:
        call(one)
    return (time.thread_time() - began) * 1e6 / count


def _path(number: int) -> str:
    return f"src/app/part_{number % 97}/module_{number}.py"


def measure(plan: Plan) -> Measured:
    """A write and a shell text, each decided from nothing; beside them one match of one glob."""
    workflow, numbers = _workflow(), _numbers()
    glob = GitIgnoreSpec.from_lines(["src/**/*.py"], backend="re2")

    def write(path: str) -> bool:
        args = {"path": path, "content": "x = 1\n"}
        return tools.decide(workflow, PHASE, "write_files", args).allowed

    def shell(text: str) -> bool:
        return tools.decide(workflow, PHASE, "bash", {"command": text}).allowed

    assert write(_path(1))
    assert shell(COMMANDS.format("one"))
    assert not shell(COMMANDS.format("one") + " && git push --force")
    count = 2_000 if plan.quick else 10_000
    parts: dict[str, Callable[[], float]] = {
        "glob": partial(_each, count, lambda path: glob.match_file(path, ()), _path, numbers),
        "path": partial(_each, count, write, _path, numbers),
        "shell": partial(_each, count // 10, shell, lambda n: COMMANDS.format(f"n{n}"), numbers),
    }
    for part in parts.values():
        part()
    found = interleaved(plan.rounds, parts)
    path = Figure(name="write, path not seen before", unit="µs", rounds=found["path"])
    shells = Figure(name="shell text of ten commands", unit="µs", rounds=found["shell"])
    globs = ratio("write ÷ one glob match", found["path"], found["glob"])
    # Either bound will do: a slow machine is slow for both sides of the quotient.
    bound = (path, 10.0) if path.value <= 10.0 else (globs, 6.0)
    return Measured(
        figures=(
            Figure(name="one glob match", unit="µs", rounds=found["glob"]),
            path,
            globs,
        ),
        budgets=(
            Budget(figure=bound[0], limit=bound[1]),
            Budget(figure=shells, limit=80.0),
        ),
    )
