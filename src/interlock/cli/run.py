"""``interlock run``: one task by one agent, with live progress; the exit code says how it ended."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from interlock.cli.building import log_of_a_build
from interlock.cli.output import emit, emit_line, json_option, say
from interlock.cli.place import client, here, task_named
from interlock.cli.programs import program_options, programs
from interlock.cli.progress import FINAL, Following, is_waiting
from interlock.cli.tasks import describe
from interlock.errors import UnavailableError, UsageError

__all__ = ["run"]


@click.command()
@click.argument("title", required=False)
@click.option("--description", default="", help="What the agent should know beyond the title.")
@program_options
@click.option(
    "--task",
    "task_id",
    help="Follow this task; try it again if its agent ended.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    help="Seconds to follow it; the task goes on without.",
)
@json_option
def run(
    title: str | None,
    description: str,
    task_id: str | None,
    timeout: float | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Have an agent do a task through every phase and gate of the workflow."""
    _, layout = here()
    if (task_id is None) == (not title):
        raise UsageError(
            "say what is to be done, or which task to follow",
            code="IL-RUN-001",
            remedy="interlock run \"what to do\" --agent-command '…'",
        )
    agent = programs(layout, **given) if task_id is None else {}
    connection = client()
    if task_id is None:
        task = connection.create_task(str(title), description=description, agent=agent)
    else:
        task = connection.task(task_named(connection, task_id))
    building = partial(log_of_a_build, layout.root / "env")
    following = Following(connection, task["task_id"], as_json=as_json, building=building)
    if task_id is not None:
        following.skip()
        if task["status"] == "ready" and is_waiting(task):
            task = connection.resume(task["task_id"])
        elif task["status"] in FINAL or is_waiting(task):
            return _end(task, following, as_json=as_json)
        elif not as_json:
            say(describe(task))
    try:
        ended = following.run(timeout)
    except KeyboardInterrupt:
        say(_goes_on(task))
        return 130
    except UnavailableError:
        client()  # raises, where the server was stopped, what says so
        raise
    return _end(ended, following, as_json=as_json)


def _end(task: dict[str, Any], following: Following, *, as_json: bool) -> int:
    """Say how it stands; what was told on the way is not told again."""
    if as_json:
        emit_line({"task": task})
    else:
        news = {
            kind: [b for b in task[kind] if b["message"] not in following.told]
            for kind in ("blockers", "notices")
        }
        emit(task, as_json=False, text=describe({**task, **news}))
    if task["status"] == "completed":
        say(f"Look at it: git diff HEAD...{task['branch']}\nTake it:    git merge {task['branch']}")
        return 0
    if task["status"] not in FINAL and not is_waiting(task):
        say(_goes_on(task))
    return 3


def _goes_on(task: dict[str, Any]) -> str:
    return f"The task goes on; follow it with: interlock run --task {task['task_id']}"
