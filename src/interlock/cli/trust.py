"""``interlock trust``: let the commands that build the test environment be run."""

from __future__ import annotations

from pathlib import Path

import click

from interlock.cli.output import clean, emit, json_option
from interlock.cli.place import client, passphrase, passphrase_option

__all__ = ["trust"]


@click.command()
@passphrase_option
@json_option
def trust(passphrase_file: Path | None, as_json: bool) -> None:
    """Trust the environment recipe of the workflow at HEAD, by its digest."""
    answer = client().trust(passphrase=passphrase(passphrase_file))
    commands = "\n".join(f"    {clean(c)}" for c in answer["environment"]["setup"])
    emit(answer, as_json=as_json, text=f"Trusted {answer['digest']}:\n{commands}")
