"""``interlock secret set|list|remove``: values that tests are given, and nobody else."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from interlock.adapters.secrets import Secrets
from interlock.cli.at_head import load_at_head
from interlock.cli.output import clean, emit, json_option, table
from interlock.cli.place import here
from interlock.errors import DefinitionError, UsageError

__all__ = ["secret"]


@click.group()
def secret() -> None:
    """Values that tests are given as variables, by the names that the workflow lists.

    They lie in files that their owner alone can read, and reach the judge's runs of tests: no
    agent, no build, no record. What tests print is shown without them.
    """


@secret.command("set")
@click.argument("name")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="File with the value (- for standard input); asked for if it is not given.",
)
@json_option
def set_secret(name: str, file: Path | None, as_json: bool) -> None:
    """Keep a value; one line end at its end does not count."""
    _, layout = here()
    Secrets(layout.secrets).set(name, _value(name, file))
    emit({"name": name, "set": True}, as_json=as_json, text=f"Kept: {clean(name)}")


def _value(name: str, file: Path | None) -> str:
    if file is not None:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        return text.removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise UsageError(
            "a value is needed and there is no terminal to ask at",
            code="IL-CLI-030",
            remedy=f"interlock secret set {name} --file FILE",
        )
    # Never as an argument: those are in everybody's sight.
    asked: str = click.prompt(f"Value of {name}", hide_input=True, err=True)
    return asked


@secret.command("list")
@json_option
def list_secrets(as_json: bool) -> None:
    """Names: which the workflow at HEAD lists, and which have a value."""
    root, layout = here()
    kept = Secrets(layout.secrets).names()
    try:
        environment = load_at_head(root).workflow.environment
    except DefinitionError:
        environment = None
    wanted = environment.secrets if environment else ()
    rows = [
        {"name": name, "value": "kept" if name in kept else "none", "workflow": name in wanted}
        for name in sorted({*kept, *wanted})
    ]
    shown = [{**row, "workflow": "lists it" if row["workflow"] else "-"} for row in rows]
    text = table(shown, ["name", "value", "workflow"]) if rows else "No secrets."
    emit(rows, as_json=as_json, text=text)


@secret.command("remove")
@click.argument("name")
@json_option
def remove_secret(name: str, as_json: bool) -> None:
    """Forget a value."""
    _, layout = here()
    Secrets(layout.secrets).remove(name)
    emit({"name": name, "set": False}, as_json=as_json, text=f"Forgotten: {clean(name)}")
