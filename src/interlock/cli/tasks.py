"""``interlock task add|list``, ``show`` and ``evidence``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from interlock.cli.bases import told
from interlock.cli.levels import banner, named
from interlock.cli.modes import mode_lines, shown_mode
from interlock.cli.output import clean, clean_lines, dumps, emit, json_option, say, table
from interlock.cli.place import client, here
from interlock.cli.programs import program_options, programs
from interlock.errors import InvalidInputError

__all__ = ["describe", "evidence", "show", "task", "work"]


@click.group()
def task() -> None:
    """Tasks of this repository."""


@task.command("add")
@click.argument("title")
@click.option("--description", default="", help="What the agent should know beyond the title.")
@click.option("--after", "depends_on", multiple=True, help="Id of a task to be done first.")
@program_options
@json_option
def add(
    title: str, description: str, depends_on: tuple[str, ...], as_json: bool, **given: Any
) -> None:
    """Add a task without following it; it starts as soon as those before it are done."""
    _, layout = here()
    agent = programs(layout, **given)
    made = client().create_task(title, description=description, depends_on=depends_on, agent=agent)
    emit(made, as_json=as_json, text=made["task_id"])


@task.command("list")
@json_option
def list_tasks(as_json: bool) -> None:
    """Every task, oldest first."""
    found = client().tasks()
    rows = [
        {
            **t,
            "confinement": named(t["confinement"]),
            "enforcement": t["enforcement"]["gates"],
            "waiting for": t["waiting_for"]["what"] or t["waiting_for"]["who"],
        }
        for t in found
    ]
    columns = ["task_id", "status", "phase", "confinement", "waiting for", "title"]
    if not all(t["enforcement"]["is_strict"] for t in found):
        columns.insert(4, "enforcement")
    text = table(rows, columns) if rows else 'No tasks. → interlock run "what to do"'
    emit(found, as_json=as_json, text=text)


@click.command()
@click.argument("task_id")
@json_option
def show(task_id: str, as_json: bool) -> None:
    """One task: where it is, what it waits for, what was handed in and measured."""
    found = client().task(task_id)
    emit(found, as_json=as_json, text=describe(found))


def describe(found: dict[str, Any]) -> str:
    """A task as lines for people."""
    lines = [
        f"{found['task_id']}  {clean(found['title'])}",
        *mode_lines(found, "  "),
        f"  status       {found['status']}  (phase {found['phase']}, epoch {found['epoch']})",
        f"  enforcement  {shown_mode(found)}",
        f"  confinement  {_levels(found)}",
        f"  tree         {found['tree']}",
        f"  branch       {found['branch']}  {found['commit']}",
    ]
    waiting = found["waiting_for"]
    if waiting["who"]:
        lines.append(
            f"  waiting for  {waiting['who']}: {clean(waiting['what'])} → {waiting['command']}"
        )
    lines += [f"  work         {line}" for line in work(found)]
    for name, digest in found["artifacts"].items():
        lines.append(f"  artifact     {clean(name)}  {clean(digest)}")
    for name, digest in found["evidence"].items():
        lines.append(f"  evidence     {clean(name)}  {clean(digest)}")
    lines += [f"  base         {line}" for line in told(found["base"])]
    for reviewer in found["reviewers"]:
        state = "open" if reviewer["is_open"] else "over"
        lines.append(
            f"  reviewer     {reviewer['role']}  {reviewer['session_id']}  {state}  "
            f"({named(reviewer['confinement'])})"
        )
    for verdict in found["verdicts"]:
        issues = len(verdict["issues"])
        lines.append(f"  verdict      {verdict['role']}: {verdict['verdict']}, {issues} issue(s)")
    for reason in found["overridden"]:
        lines.append(f"  ! let through in spite of: {clean_lines(reason['message'], '    ')}")
    for blocker in (*found["blockers"], *found["notices"]):
        lines.append(f"  ✗ {clean_lines(blocker['message'], '    ')}")
        lines.append(f"    → {clean(blocker['remedy'])}")
    return "\n".join(lines)


def work(found: dict[str, Any]) -> list[str]:
    """The kind of a task's work and why, what is noted of it, and what it passed by."""
    what = found["work"]
    is_other = what["stated"] not in ("", what["kind"]) and what["stated"] not in what["why"]
    stated = f"; the plan states {what['stated']}" if is_other else ""
    lines = [f"{what['kind']} ({what['why']}{stated})", *what["notes"]]
    lines += [f"{item['what']} does not apply: {item['why']}" for item in found["left_out"]]
    return [clean(line) for line in lines]


def _levels(found: dict[str, Any]) -> str:
    """Of the newest attempt, and of any session before it that had less."""
    now, least = found["confinement"], found["weakest_confinement"]
    before = f", {least} at times" if least != now else ""
    return f"{named(now)}{before}{banner(least)}"


@click.command()
@click.argument("task_id")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write the bundle to; standard output if not given.",
)
@json_option
def evidence(task_id: str, output: Path | None, as_json: bool) -> None:
    """Everything that is known about a task, in one JSON document."""
    bundle = client().evidence(task_id)
    if output is None:
        emit(bundle, as_json=True)
        for line in mode_lines(bundle):
            say(line)
        return
    try:
        output.write_text(dumps(bundle, indent=2))
    except OSError as error:
        raise InvalidInputError(
            f"{output} cannot be written: {error.strerror}",
            code="IL-CLI-021",
            remedy=f"interlock evidence {task_id} > FILE",
        ) from error
    text = "\n".join([f"Written: {output}", *mode_lines(bundle)])
    emit({"written": str(output)}, as_json=as_json, text=text)
