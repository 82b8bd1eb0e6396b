"""``interlock workflow list|show|new``: which rules there are and where each value comes from."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from interlock.adapters.acting import acting_as
from interlock.cli.output import clean, emit, json_option, say, table
from interlock.cli.place import user_repository
from interlock.cli.standing import standing
from interlock.definition.builtin import pack_names, pack_schemas, pack_starter, pack_text
from interlock.definition.inheritance import is_file, pack_file
from interlock.definition.loader import SCHEMAS_DIR, Loaded, load, load_tree
from interlock.definition.show import Value, document, shown, values
from interlock.errors import ConflictError, InterlockError, NotFoundError, UsageError
from interlock.server.layout import repository_root

__all__ = ["workflow"]

_OWN = "agent_workflow.yaml"


@click.group()
def workflow() -> None:
    """What rules count and where each comes from: list, show and new.

    A workflow file may build on a pack that comes with Interlock (`extends: tdd`) or on a file of
    the same tree (`extends: ./team.yaml`). These commands read the working tree and need no server;
    a task reads the commit that it starts from.
    """


@workflow.command("list")
@json_option
def list_workflows(as_json: bool) -> None:
    """The packs that come with Interlock, and this repository's own file."""
    rows = [_row(name, "pack", _load_pack(name)) for name in pack_names()]
    root = _root()
    if root is not None and (root / _OWN).exists():
        rows.append(_own_row(root))
    columns = ["name", "kind", "version", "phases", "digest", "title"]
    cells = [
        {**row, "phases": " ".join(row["phases"]), "digest": row["digest"][:12]} for row in rows
    ]
    emit({"workflows": rows}, as_json=as_json, text=table(cells, columns))


@workflow.command()
@click.argument("which", metavar="[NAME|FILE]", default=_OWN)
@click.option("--origin", is_flag=True, help="Each value with the file and line it comes from.")
@json_option
def show(which: str, origin: bool, as_json: bool) -> None:
    """A workflow as it counts, together with what it builds on.

    That of the repository, of a pack by its name, or of a file. What is printed is a whole workflow
    file of the same digest. With --origin what nobody wrote stands there as a comment.
    """
    loaded = _load_file(which) if is_file(which) else _load_pack(which)
    found = loaded.workflow
    say(f"{found.name} {found.version}, digest {found.digest}")
    result: dict[str, Any] = {
        "name": found.name,
        "version": found.version,
        "digest": found.digest,
        "files": list(loaded.sources or ()),
        "workflow": document(loaded),
    }
    if origin:
        result["values"] = [_value(item) for item in values(loaded)]
    emit(result, as_json=as_json, text=shown(loaded, origin=origin).rstrip("\n"))


@workflow.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option(
    "--extends", "parent", metavar="NAME", help="Build on this pack (tdd if none is given)."
)
@click.option("--pack", metavar="NAME", help="Write a copy of this pack instead, to change freely.")
@json_option
def new(path: Path | None, parent: str | None, pack: str | None, as_json: bool) -> None:
    """Write a workflow file to begin with; one that is there is left alone.

    It builds on a pack and shows in comments how to change it.
    """
    if parent and pack:
        raise UsageError(
            "a file builds on a pack or is a copy of one",
            code="IL-CLI-007",
            remedy=f"interlock workflow new --extends {parent}",
        )
    root = _root()
    target = path or (root or Path.cwd()) / _OWN
    files = {target: (pack_text(pack) if pack else pack_starter(parent or "tdd")).encode()}
    if target.exists() or target.is_symlink():
        raise ConflictError(
            f"{target} is there already, and what a person wrote is not overwritten",
            code="IL-CLI-008",
            remedy="interlock workflow new OTHER.yaml",
        )
    if pack:
        # A copy names its schemas as files of the tree.
        folder = (root or Path.cwd()) / SCHEMAS_DIR
        files |= {folder / name: data for name, data in pack_schemas(pack).items()}
    written = _write(root, files)
    lines = [
        f"Written: {', '.join(written)}",
        "  → interlock workflow show --origin " + str(target),
    ]
    emit({"written": written}, as_json=as_json, text="\n".join(lines))


def _root() -> Path | None:
    """The repository around the working directory, if there is one."""
    try:
        return repository_root(Path.cwd())
    except InterlockError:
        return None


def _load_pack(name: str) -> Loaded:
    return load(pack_text(name), file=pack_file(name), pack=name)


def _load_file(which: str) -> Loaded:
    root = _root()
    top = (root or Path.cwd()).resolve()
    # Our own file lies at the top, from wherever in the repository it is asked for.
    file = top / _OWN if which == _OWN else Path(os.path.normpath(Path.cwd().resolve() / which))
    if not file.is_relative_to(top):
        raise NotFoundError(
            f"{which} does not lie in {top}",
            code="IL-CLI-009",
            remedy="Name a file of this repository.",
        )
    loaded = load_tree(standing(top), file=file.relative_to(top).as_posix())
    if root is not None:
        _note_uncommitted(root, loaded)
    return loaded


def _note_uncommitted(root: Path, loaded: Loaded) -> None:
    read = standing(root)
    paths = [path for path in loaded.sources or () if read(path) is not None]
    uncommitted = user_repository(root).uncommitted(*paths)
    if uncommitted:
        say(f"Not committed as it stands, so tasks do not follow it yet: {' '.join(uncommitted)}")


def _own_row(root: Path) -> dict[str, Any]:
    try:
        return _row(_OWN, "file", load_tree(standing(root)))
    except InterlockError as error:
        return {
            "name": _OWN,
            "kind": "file",
            "title": f"does not load: {clean(error.message)}",
            "version": "",
            "description": "",
            "phases": [],
            "digest": "",
            "files": [],
        }


def _row(name: str, kind: str, loaded: Loaded) -> dict[str, Any]:
    found = loaded.workflow
    return {
        "name": name,
        "kind": kind,
        "title": found.name,
        "version": found.version,
        "description": found.description,
        "phases": [phase.id for phase in found.phases],
        "digest": found.digest,
        "files": list(loaded.sources or ()),
    }


def _value(item: Value) -> dict[str, Any]:
    place = item.position
    origin = {"file": place.file, "line": place.line, "column": place.column} if place else None
    return {"path": item.path, "value": item.value, "origin": origin, "default": place is None}


def _write(root: Path | None, files: dict[Path, bytes]) -> list[str]:
    """Write what is missing, as whoever owns the repository."""
    place = user_repository(root).place if root is not None else None
    written = []
    with acting_as(place.uid, place.gid) if place is not None else nullcontext():
        for file, data in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with file.open("xb") as target:  # neither over a file nor through a link
                    target.write(data)
            except FileExistsError:
                continue
            written.append(str(file))
    return written
