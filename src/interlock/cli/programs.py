"""Options that say which programs work on a task, for every verb that makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from interlock.errors import UsageError
from interlock.server.layout import Layout

__all__ = ["program_options", "programs"]

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--agent-command", help="Program that works on the task, inside the sandbox."),
    click.option(
        "--agent-script",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="YAML of tool calls for the scripted agent instead of a program.",
    ),
    click.option(
        "--reviewer-command", help="Program that reviews; built in: mechanical reviewers."
    ),
    click.option(
        "--max-attempts",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Sessions per phase.",
    ),
)


def program_options(command: F) -> F:
    """Add the options; what they were given is for ``programs``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def programs(
    layout: Layout,
    *,
    agent_command: str | None,
    agent_script: Path | None,
    reviewer_command: str | None,
    max_attempts: int,
) -> dict[str, Any]:
    """The task's programs as the server takes them.

    Raises:
        UsageError: not exactly one program for the author.
    """
    # Only for what makes tasks: adapters and scripts take their time to import.
    from interlock.adapters.agents.command import command_agent
    from interlock.adapters.agents.scripted import reviewer_commands, scripted_command
    from interlock.supervisor.composition import PROGRAMS
    from interlock.testing.scripts import load_script

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
        "max_attempts": max_attempts,
    }
