"""``interlock trust``: let the commands that build the test environment be run, and see what of
the workflow has no effect yet."""

from __future__ import annotations

from pathlib import Path

import click

from interlock.cli.output import clean, emit, json_option, say
from interlock.cli.place import client, here, passphrase, passphrase_option, user_repository
from interlock.definition.loader import Loaded, load_tree

__all__ = ["trust"]


@click.command()
@passphrase_option
@json_option
def trust(passphrase_file: Path | None, as_json: bool) -> None:
    """Trust the environment recipe of the workflow at HEAD, by its digest.

    Lists first what the workflow says without effect in this version.
    """
    loaded = _at_head()
    if not as_json:
        say(_without_effect(loaded))
    answer = client().trust(passphrase=passphrase(passphrase_file))
    commands = "\n".join(f"    {clean(c)}" for c in answer["environment"]["setup"])
    found = [item.to_json() for item in loaded.warnings]
    emit(
        {**answer, "without_effect": found},
        as_json=as_json,
        text=f"Trusted {answer['digest']}:\n{commands}",
    )


def _at_head() -> Loaded:
    root, _ = here()
    return load_tree(user_repository(root).read)


def _without_effect(loaded: Loaded) -> str:
    if not loaded.warnings:
        return "All that the workflow says has effect."
    lines = [f"  {item.position}: {clean(item.message)}" for item in loaded.warnings]
    return "\n".join(["Without effect in this version, so nothing relies on it:", *lines])
