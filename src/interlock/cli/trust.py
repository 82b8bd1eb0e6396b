"""``interlock trust``: let the commands that build the test environment be run, and see what of
the workflow has no effect yet."""

from __future__ import annotations

from pathlib import Path

import click

from interlock.cli.at_head import load_at_head
from interlock.cli.output import clean, emit, json_option, say
from interlock.cli.place import client, here, passphrase, passphrase_option
from interlock.cli.recipe import recipe_lines
from interlock.definition.loader import Loaded

__all__ = ["trust"]


@click.command()
@passphrase_option
@json_option
def trust(passphrase_file: Path | None, as_json: bool) -> None:
    """Trust the environment recipe of the workflow at HEAD, by its digest.

    Shows all of it first: commands with where they come from, services, names of secrets, commands
    of checks; and what the workflow says without effect in this version. Of a workflow without a
    recipe it is the one that `interlock init` would propose.
    """
    loaded = load_at_head(here()[0])
    if not as_json:
        say(_without_effect(loaded))
    connection = client()
    shown = connection.trusted()
    if not as_json:
        parts = {key: shown[key] for key in ("why", "notes", "secrets", "commands")}
        say("\n".join(recipe_lines(shown["environment"], **parts)))
    answer = connection.trust(passphrase=passphrase(passphrase_file), digest=shown["digest"])
    found = [item.to_json() for item in loaded.warnings]
    emit(
        {**shown, **answer, "trusted": True, "without_effect": found},
        as_json=as_json,
        text=f"Trusted {answer['digest']}.",
    )


def _without_effect(loaded: Loaded) -> str:
    if not loaded.warnings:
        return "All that the workflow says has effect."
    lines = [f"  {item.position}: {clean(item.message)}" for item in loaded.warnings]
    return "\n".join(["Without effect in this version, so nothing relies on it:", *lines])
