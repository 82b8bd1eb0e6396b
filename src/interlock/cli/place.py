"""Where the command is: the repository around the working directory, its state, its running
server."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from interlock.errors import AuthError, NotFoundError, UnavailableError, UsageError
from interlock.sdk.people import PeopleClient
from interlock.server.layout import Layout, repository_root
from interlock.unixpath import within_limit

if TYPE_CHECKING:
    from interlock.adapters.trees.user import UserRepository

__all__ = [
    "client",
    "here",
    "passphrase",
    "passphrase_option",
    "task_named",
    "user_repository",
]

_PREFIX = re.compile(r"task_[0-9A-Za-z]{8,25}")

passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="File with the passphrase (- for standard input); asked for if it is not given.",
)


def here() -> tuple[Path, Layout]:
    """The repository around the working directory and its state."""
    root = repository_root(Path.cwd())
    return root, Layout.of(root)


def client() -> PeopleClient:
    """A connection to the running server of this repository, for as long as the command runs.

    Raises:
        UnavailableError: none runs.
    """
    _, layout = here()
    if not (_answers(layout.people_socket) or _is_kept_up(layout)):
        raise UnavailableError(
            "no server runs for this repository", code="IL-CLI-002", remedy="interlock up"
        )
    connection = PeopleClient(f"unix:{layout.people_socket}", patience_s=10.0)
    click.get_current_context().call_on_close(connection.close)
    return connection


def _answers(path: Path) -> bool:
    """Whether anybody listens: a socket's file outlives a server that was killed."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            with within_limit(path) as name:
                sock.connect(name)
        except OSError:
            return False
    return True


def _is_kept_up(layout: Layout) -> bool:
    """Whether a monitor is there that starts the server again."""
    try:
        os.kill(int(json.loads(layout.up.read_text())["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def task_named(connection: PeopleClient, name: str) -> str:
    """The id that a person means: whole, or as its first 8 or more characters after ``task_``.

    Raises:
        NotFoundError: no task begins like that.
        UsageError: several do.
    """
    if not _PREFIX.fullmatch(name):
        return name
    ids = [str(task["task_id"]) for task in connection.tasks()]
    found = [i for i in ids if i.lower().startswith(name.lower())]
    if not found:
        raise NotFoundError(
            f"there is no task {name!r}", code="IL-CLI-004", remedy="interlock task list"
        )
    if len(found) > 1:
        raise UsageError(
            f"{name!r} is the beginning of {len(found)} tasks: {', '.join(found[:5])}",
            code="IL-CLI-005",
            remedy="Give more characters of the id.",
        )
    return found[0]


def user_repository(root: Path) -> UserRepository:
    """The person's repository, read and written by a git that runs nothing of its configuration.

    Raises:
        DeniedError: it belongs to somebody else.
    """
    # Slow to import, and few commands look into the repository.
    from interlock.adapters.trees.user import locate

    return locate(root)


def passphrase(file: Path | None, *, confirm: bool = False) -> str:
    """The person's passphrase: from a file, or asked for at a terminal.

    Raises:
        AuthError: there is neither.
    """
    if file is not None:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        return text.rstrip("\n")
    if not sys.stdin.isatty():
        raise AuthError(
            "a passphrase is needed and there is no terminal to ask at",
            code="IL-CLI-003",
            remedy="Add --passphrase-file FILE.",
        )
    asked: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    return asked
