"""``interlock validate``: everything that is wrong with a workflow file, without a server."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from interlock import __version__
from interlock.cli.output import clean_lines, dumps, emit, json_option, say
from interlock.cli.standing import standing
from interlock.definition.builtin import pack_names, pack_schemas, pack_text
from interlock.definition.explanations import FILE, explanation, page
from interlock.definition.loader import SCHEMAS_DIR, load_tree
from interlock.definition.sarif import sarif
from interlock.errors import DefinitionError, InterlockError, InvalidInputError, NotFoundError
from interlock.server.layout import repository_root

__all__ = ["validate"]

_FINDING, _NOT_FOUND, _INVALID = 3, 5, 7


@dataclass(frozen=True, slots=True)
class _Tree:
    """A workflow file with what lies around it.

    Args:
        file: path of the workflow file from the top of the tree.
        read: path from the top → bytes, ``None`` if there is no such file.
        shown: the workflow file as a person names it from here.
    """

    file: str
    read: Callable[[str], bytes | None]
    shown: str


@click.command()
@click.argument("file", required=False)
@click.option("--sarif", "as_sarif", is_flag=True, help="A SARIF 2.1.0 log, for code hosts.")
@click.option("--strict", is_flag=True, help="End with status 3 if there are warnings.")
@click.option("--explain", metavar="CODE", help="Print the page of a code instead.")
@json_option
@click.pass_context
def validate(
    ctx: click.Context,
    file: str | None,
    as_sarif: bool,
    strict: bool,
    explain: str | None,
    as_json: bool,
) -> None:
    """Find everything that is wrong with a workflow file, or with a pack, all at once.

    Without FILE it is agent_workflow.yaml of the working tree around this directory, committed or
    not. No server is needed and nothing from the file is run. Status 0: the file holds (warnings
    are allowed), 7: it does not, 5: there is no such file.
    """
    if explain is not None:
        row = explanation(explain)
        emit(_told(row.code), as_json=as_json, text=page(row.code))
        return
    tree = _tree(file)
    found, rendered = _examined(tree)
    invalid = any(item["severity"] == "error" for item in found)
    if as_sarif:
        click.echo(dumps(sarif(found, __version__), indent=2))
    else:
        answer = {"file": tree.shown, "valid": not invalid, "diagnostics": found}
        emit(answer, as_json=as_json, text=clean_lines(rendered))
        if not as_json:
            say(_summary(tree.shown, found))
    ctx.exit(_INVALID if invalid else _FINDING if found and strict else 0)


def _told(code: str) -> dict[str, Any]:
    row = explanation(code)
    said = {"code": code, "title": row.title, "meaning": row.meaning, "fix": row.fix}
    return {**said, "example": row.example, "shown": row.shown()}


def _examined(tree: _Tree) -> tuple[list[dict[str, Any]], str]:
    """Every finding, and all of them as text."""
    try:
        loaded = load_tree(tree.read, file=tree.file)
    except DefinitionError as error:
        return error.context["diagnostics"], error.context["rendered"]
    return [item.to_json() for item in loaded.warnings], loaded.rendered()


def _summary(file: str, found: list[dict[str, Any]]) -> str:
    parts = []
    for level in ("error", "warning"):
        if count := sum(item["severity"] == level for item in found):
            parts.append(f"{count} {level}{'s' if count > 1 else ''}")
    if not parts:
        return f"{file} holds."
    first = next((item["code"] for item in found if item["severity"] == "error"), found[0]["code"])
    more = f"interlock validate --explain {first}"
    return f"\n{' and '.join(parts)} in {file}. More about a code: {more}"


def _tree(name: str | None) -> _Tree:
    """What is to be examined.

    Raises:
        NotFoundError: neither a file nor a pack has this name.
        InvalidInputError: it is no file.
    """
    path = Path(name) if name is not None else repository_root(Path.cwd()) / FILE
    if name in pack_names() and not path.exists():
        return _pack(name or "")
    if not path.exists():
        raise NotFoundError(
            f"There is no file {os.path.relpath(path)}",
            code="IL-DEF-008",
            remedy=f"`interlock init` writes one; packs are {', '.join(pack_names())}.",
        )
    if not path.is_file():
        raise InvalidInputError(f"{name} is no file", code="IL-CLI-041", remedy="Name a file.")
    path = path.absolute()
    top = _top(path.parent)
    file = Path(os.path.relpath(path, top)).as_posix()
    beside = standing(top)
    return _Tree(
        file,
        lambda inner: _bytes(path) if inner == file else beside(inner),
        os.path.relpath(path),
    )


def _pack(name: str) -> _Tree:
    file = f"packs/{name}/workflow.yaml"
    schemas = {f"{SCHEMAS_DIR}/{key}": data for key, data in pack_schemas(name).items()}
    return _Tree(file, {file: pack_text(name).encode(), **schemas}.get, file)


def _top(directory: Path) -> Path:
    """The top of the tree that the file's schemas are looked up in: its repository, else beside."""
    try:
        return repository_root(directory)
    except InterlockError:  # none here, or one that is somebody else's
        return directory


def _bytes(path: Path) -> bytes | None:
    """A file's content; ``None`` if there is none.

    Raises:
        InvalidInputError: it cannot be read.
    """
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror}"
        raise InvalidInputError(message, code="IL-CLI-042", remedy="Look at its rights.") from error
