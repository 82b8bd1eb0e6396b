"""``interlock policy``: what the rules of a workflow say, without a server or a task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from interlock.cli.output import clean, clean_lines, emit, json_option
from interlock.cli.working_file import WorkingFile, read_working_file
from interlock.core.explain import render
from interlock.core.model import PhaseSpec, WorkflowSpec
from interlock.core.reasons import Reason
from interlock.definition.diagnostics import did_you_mean, excerpt
from interlock.definition.verdicts import Verdict, verdict
from interlock.errors import NotFoundError, UsageError

__all__ = ["policy"]

Call = tuple[str, dict[str, Any]]


@click.group()
def policy() -> None:
    """What the rules of the workflow say, before an agent meets them."""


@policy.command()
@click.option("--phase", default="", help="Phase to ask for; without it, every one is.")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Workflow file; that of the working tree if it is not given.",
)
@click.option("--tool", default="", help="Tool that is called: bash or write_files if left out.")
@click.option("--path", "paths", multiple=True, help="Path that the call is about; repeatable.")
@click.argument("commands", nargs=-1)
@json_option
def check(
    phase: str,
    file: Path | None,
    tool: str,
    paths: tuple[str, ...],
    commands: tuple[str, ...],
    as_json: bool,
) -> int:
    """Whether calls are allowed, by which rules, and where these are written.

    \b
    interlock policy check --phase IMPL -- 'git push --force' 'pytest -q'
    interlock policy check --tool write_files --path src/x.py

    Ends with 3 if one of the calls is denied in the phase, or in every phase if none is named.
    """
    calls = _calls(tool, paths, commands)
    read = read_working_file(file)
    workflow = read.loaded.workflow
    phases = [_phase(workflow, phase)] if phase else list(workflow.phases)
    found = [[_verdict(read, spec, *call) for spec in phases] for call in calls]
    is_allowed = all(any(one.allowed for one in of_call) for of_call in found)
    emit(
        _document(read, [one for of_call in found for one in of_call], is_allowed),
        as_json=as_json,
        text="\n".join([*_lines(read, found), *(f"note: {clean(note)}" for note in read.notes)]),
    )
    return 0 if is_allowed else 3


def _calls(tool: str, paths: Sequence[str], commands: Sequence[str]) -> list[Call]:
    for command in commands:
        if command.startswith("-"):
            raise UsageError(
                f"{command!r} is no command: each is one argument",
                code="IL-CLI-045",
                remedy=f"interlock policy check -- '{' '.join(commands)}'",
            )
    calls: list[Call] = [(tool or "bash", {"command": command}) for command in commands]
    calls += [(tool or "write_files", {"path": path}) for path in paths]
    if not calls and tool:
        calls = [(tool, {})]
    if not calls:
        raise UsageError(
            "there is nothing to ask about",
            code="IL-CLI-046",
            remedy="interlock policy check -- 'git push --force'",
        )
    return calls


def _phase(workflow: WorkflowSpec, name: str) -> PhaseSpec:
    found = workflow.phase(name)
    if found is None:
        known = [phase.id for phase in workflow.phases]
        raise NotFoundError(
            f"the workflow {workflow.name} has no phase {name!r}",
            code="IL-CLI-047",
            remedy=did_you_mean(name, known) or f"interlock policy check --phase {known[0]} …",
        )
    return found


def _verdict(read: WorkingFile, spec: PhaseSpec, tool: str, args: dict[str, Any]) -> Verdict:
    found = verdict(read.loaded.workflow, read.places, spec, tool, args)
    if not args and any(rule.rule == "args.malformed" for rule in found.rules):
        raise UsageError(
            f"{spec.id} allows {found.tool} for some calls: say which one is meant",
            code="IL-CLI-048",
            remedy=f"interlock policy check --tool {found.tool} --path PATH, or -- COMMAND",
        )
    return found


def _document(read: WorkingFile, found: list[Verdict], is_allowed: bool) -> dict[str, Any]:
    against = [rule for one in found if not one.allowed for rule in one.rules]
    return {
        "allowed": is_allowed,
        "reasons": [] if is_allowed else [render(rule, "") for rule in against],
        "verdicts": [
            {
                "phase": one.phase,
                "tool": one.tool,
                "args": dict(one.args),
                "allowed": one.allowed,
                "rules": [render(rule, "") for rule in one.rules],
            }
            for one in found
        ],
        "file": read.file,
        "mode": str(read.loaded.workflow.mode),
        "notes": list(read.notes),
    }


def _lines(read: WorkingFile, found: list[list[Verdict]]) -> list[str]:
    lines: list[str] = []
    for of_call in found:
        first = of_call[0]
        lines.append(" ".join(clean(text) for text in (first.tool, *first.args.values())))
        for one in of_call:
            mark, word = ("✓", "allowed") if one.allowed else ("✗", "denied")
            lines.append(f"  {mark} {word} in {clean(one.phase)}")
            for rule in one.rules:
                lines += _rule(read, rule)
    return lines


def _rule(read: WorkingFile, rule: Reason) -> list[str]:
    place = f" at {rule.position}" if rule.position else ""
    lines = [f"      {rule.rule}{clean(place)}: {clean(rule.message)}"]
    if rule.position is not None:
        shown = excerpt(rule.position, read.loaded.sources or {})
        lines += [f"      {clean_lines(line)}" for line in shown]
    if rule.remedy:
        lines.append(f"      → {clean(rule.remedy)}")
    return lines
