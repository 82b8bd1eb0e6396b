"""How the command speaks: results on stdout, talk on stderr, one error shape, ids never cut."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from interlock.errors import InterlockError

__all__ = ["clean", "emit", "fail", "json_option", "say", "table"]

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f]")

json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
"""Every verb takes it."""


def clean(text: object) -> str:
    """Text that may come from an agent, without anything that a terminal would obey."""
    return _CONTROL.sub("�", str(text))


def emit(document: Any, *, as_json: bool, text: str = "") -> None:
    """Print a result: the document, or its text for people."""
    if as_json:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))
    elif text:
        click.echo(text)


def say(text: str) -> None:
    """Talk: progress and hints, on stderr."""
    click.echo(text, err=True)
    sys.stderr.flush()


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows under headings; a cell is as wide as it has to be."""
    cells = [[clean(row.get(column, "")) for column in columns] for row in rows]
    widths = [
        max([len(column), *(len(row[i]) for row in cells)]) for i, column in enumerate(columns)
    ]
    lines = [[column.upper() for column in columns], *cells]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def fail(error: InterlockError, *, as_json: bool) -> int:
    """Print an error where its reader looks; its exit code."""
    if as_json:
        envelope = {
            "error": {
                "code": error.code,
                "kind": type(error).__name__,
                "message": error.message,
                "retryable": error.retryable,
                "remedy": error.remedy,
                "context": error.context,
            }
        }
        click.echo(json.dumps(envelope, indent=2, ensure_ascii=False, default=str))
    else:
        click.echo(f"error {error.code}: {clean(error.message)}", err=True)
        for finding in error.context.get("rendered", ()):
            click.echo(clean(finding), err=True)
        if error.remedy:
            click.echo(f"  → {clean(error.remedy)}", err=True)
    return error.exit_code
