"""``interlock run``: one task by one agent, with live progress; the exit code says how it ended."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from interlock.adapters.agents.command import command_agent
from interlock.adapters.agents.scripted import reviewer_commands, scripted_command
from interlock.cli.output import emit, json_option
from interlock.cli.place import client, here
from interlock.cli.progress import follow
from interlock.cli.tasks import describe
from interlock.errors import UsageError
from interlock.server.layout import Layout
from interlock.supervisor.composition import PROGRAMS
from interlock.testing.scripts import load_script

__all__ = ["run"]


@click.command()
@click.argument("title", required=False)
@click.option("--description", default="", help="What the agent should know beyond the title.")
@click.option("--agent-command", help="Program that works on the task, inside the sandbox.")
@click.option(
    "--agent-script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML of tool calls for the scripted agent instead of a program.",
)
@click.option("--reviewer-command", help="Program that reviews; built in: mechanical ones.")
@click.option("--task", "task_id", help="Carry on with this task instead of a new one.")
@click.option("--max-attempts", default=1, show_default=True, help="Sessions per phase.")
@click.option("--timeout", type=float, help="Seconds to follow it; the task goes on without.")
@json_option
def run(  # noqa: PLR0917 - click calls it by name
    title: str | None,
    description: str,
    agent_command: str | None,
    agent_script: Path | None,
    reviewer_command: str | None,
    task_id: str | None,
    max_attempts: int,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Have an agent do a task through every phase and gate of the workflow."""
    _, layout = here()
    connection = client()
    if task_id is not None:
        task = connection.resume(task_id)
    else:
        if not title:
            raise UsageError(
                "say what is to be done",
                code="IL-RUN-001",
                remedy="interlock run \"what to do\" --agent-command '…'",
            )
        programs = _programs(layout, agent_command, agent_script, reviewer_command)
        task = connection.create_task(
            title, description=description, agent={**programs, "max_attempts": max_attempts}
        )
    ended = follow(connection, task["task_id"], as_json=as_json, timeout_s=timeout)
    emit(ended, as_json=as_json, text=describe(ended))
    return 0 if ended["status"] == "completed" else 3


def _programs(
    layout: Layout,
    agent_command: str | None,
    agent_script: Path | None,
    reviewer_command: str | None,
) -> dict[str, Any]:
    if (agent_command is None) == (agent_script is None):
        raise UsageError(
            "give one of --agent-command and --agent-script",
            code="IL-RUN-002",
            remedy="interlock run \"…\" --agent-command 'python3 my_agent.py'",
        )
    place = layout.root / PROGRAMS
    if agent_script is None:
        author = command_agent(str(agent_command), Path.cwd())
    else:
        author = scripted_command(load_script(agent_script), place)
    if reviewer_command is not None:
        reviewers = {"default": command_agent(reviewer_command, Path.cwd())}
    else:
        reviewers = reviewer_commands(place)
    return {
        "author": asdict(author),
        "reviewers": {role: asdict(program) for role, program in reviewers.items()},
    }
