"""``interlock person add|list|remove``: who else than the owner may say yes."""

from __future__ import annotations

from pathlib import Path

import click

from interlock.cli.output import emit, json_option
from interlock.cli.place import here, passphrase, passphrase_option
from interlock.errors import ConflictError, NotFoundError
from interlock.server.layout import Layout
from interlock.server.passphrase import check_name, check_passphrase, file_of, set_passphrase

__all__ = ["person"]


@click.group()
def person() -> None:
    """People who may approve besides the owner.

    Each has a passphrase of their own. Whoever can write the state can add one: names keep people
    apart, not the owner from anything.
    """


@person.command("add")
@click.argument("name")
@passphrase_option
@json_option
def add(name: str, passphrase_file: Path | None, as_json: bool) -> None:
    """Give a person a name and ask for their passphrase."""
    _, layout = here()
    check_name(name)
    if name in _names(layout):
        raise ConflictError(
            f"{name} has a passphrase already",
            code="IL-CLI-030",
            remedy=f"interlock person remove {name}",
        )
    given = passphrase(passphrase_file, confirm=True)
    check_passphrase(given)
    set_passphrase(file_of(layout.passphrase, name), given)
    emit({"name": name}, as_json=as_json, text=f"Added: interlock approve TASK GATE --as {name}")


@person.command("list")
@json_option
def list_people(as_json: bool) -> None:
    """Everybody besides the owner."""
    _, layout = here()
    names = _names(layout)
    emit(names, as_json=as_json, text="\n".join(names) or "Nobody besides the owner.")


@person.command("remove")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Take a person's passphrase away; what they approved stays."""
    _, layout = here()
    if name not in _names(layout):
        raise NotFoundError(
            f"there is nobody called {name!r}",
            code="IL-CLI-031",
            remedy="interlock person list",
        )
    file_of(layout.passphrase, name).unlink()
    emit({"name": name}, as_json=as_json, text=f"Removed: {name}")


def _names(layout: Layout) -> list[str]:
    return sorted(path.stem for path in layout.people.glob("*.json"))
