"""How the command speaks: results on stdout, talk on stderr, one error shape, ids never cut."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from interlock.errors import InterlockError

__all__ = ["clean", "emit", "emit_line", "fail", "json_option", "readable", "say", "table"]

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


def emit_line(document: Any) -> None:
    """Print one document of several: one line each."""
    click.echo(json.dumps(document, ensure_ascii=False, default=str))


def readable(value: Any, indent: str = "") -> list[str]:
    """Plain JSON values as lines for people: names, dashes and indents instead of brackets."""
    match value:
        case Mapping():
            pairs = [(f"{clean(key)}:", inner) for key, inner in value.items()]
        case list() | tuple():
            pairs = [("-", inner) for inner in value]
        case _:
            return [f"{indent}{line}" for line in _scalar(value)]
    lines: list[str] = []
    for head, inner in pairs:
        below = readable(inner, f"{indent}  ")
        is_short = not isinstance(inner, Mapping | list | tuple) and len(below) == 1
        if is_short or (head == "-" and below):
            lines += [f"{indent}{head} {below[0].strip()}", *below[1:]]
        else:
            lines += [f"{indent}{head}", *below] if below else [f"{indent}{head} (none)"]
    return lines


def _scalar(value: Any) -> list[str]:
    match value:
        case None | "":
            return ["-"]
        case bool():
            return ["yes" if value else "no"]
    return clean(value).splitlines()


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
            "code": error.code,
            "kind": type(error).__name__,
            "message": error.message,
            "retryable": error.retryable,
            "remedy": error.remedy,
            "context": error.context,
        }
        # One line: it may be the last of several documents.
        emit_line({"error": envelope})
        return error.exit_code
    click.echo(f"error {error.code}: {clean(error.message)}", err=True)
    remedy = error.remedy
    if marked := _marked(error.context):
        click.echo(f"\n{clean(marked)}\n", err=True)
        remedy = "Correct the marked places and commit."
    if remedy:
        click.echo(f"  → {clean(remedy)}", err=True)
    return error.exit_code


def _marked(context: Mapping[str, Any]) -> str:
    """The errors of a definition with their carets; what it may do in spite of is not asked."""
    rendered = str(context.get("rendered") or "")
    levels = [item.get("severity") for item in context.get("diagnostics") or ()]
    blocks = rendered.split("\n\n") if rendered else []
    levels += ["error"] * (len(blocks) - len(levels))
    return "\n\n".join(b for b, level in zip(blocks, levels, strict=False) if level == "error")
