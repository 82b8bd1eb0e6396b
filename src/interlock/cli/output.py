"""How the command speaks: results on stdout, talk on stderr, one error shape, ids never cut."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from interlock.errors import InterlockError

__all__ = [
    "clean",
    "clean_lines",
    "dumps",
    "emit",
    "emit_line",
    "fail",
    "json_option",
    "readable",
    "say",
    "table",
]

_ORDERING = "\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""Characters without width, or that show text in another order than it has."""

_CONTROL = re.compile(
    rf"\x1b\[[0-?]*[ -/]*[@-~]|\x1b.|[\x00-\x1f\x7f-\x9f{_ORDERING}\ud800-\udfff]"
)
_OURS = re.compile(r"(\n|\x1b\[\d+m)")
"""What our own text may hold of these: line ends, and the styles that ``click`` makes."""

_ESCAPED = re.compile(rf"[\x7f-\x9f{_ORDERING}\ud800-\udfff]")

json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
"""Every verb takes it."""


def clean(text: object) -> str:
    """Text that may come from an agent as one line without anything that a terminal would obey."""
    return _CONTROL.sub("�", re.sub(r"\r?\n|\t", " ", str(text)))


def clean_lines(text: object, indent: str = "") -> str:
    """The same for text that may have several lines; those after the first are indented."""
    return f"\n{indent}".join(map(clean, str(text).split("\n")))


def _inert(text: str) -> str:
    """The last look at what is printed, should a surface have forgotten to clean something."""
    parts = _OURS.split(text)
    return "".join(p if _OURS.fullmatch(p) else _CONTROL.sub("�", p) for p in parts)


def dumps(document: Any, *, indent: int | None = None) -> str:
    """JSON that is safe to look at: what a terminal may obey is escaped."""
    text = json.dumps(document, indent=indent, ensure_ascii=False, default=str)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def emit(document: Any, *, as_json: bool, text: str = "") -> None:
    """Print a result: the document, or its text for people."""
    if as_json:
        click.echo(dumps(document, indent=2))
    elif text:
        click.echo(_inert(text))


def emit_line(document: Any) -> None:
    """Print one document of several: one line each."""
    click.echo(dumps(document))


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
    return [clean(line) for line in str(value).splitlines()] or ["-"]


def say(text: str) -> None:
    """Talk: progress and hints, on stderr."""
    click.echo(_inert(text), err=True)
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
    click.echo(f"error {error.code}: {clean_lines(error.message)}", err=True)
    remedy = error.remedy
    if marked := _marked(error.context):
        click.echo(f"\n{clean_lines(marked)}\n", err=True)
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
