"""Where the command is: the repository around the working directory, its state, its running
server."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from interlock.errors import AuthError, UnavailableError
from interlock.sdk.people import PeopleClient
from interlock.server.layout import Layout, repository_root

__all__ = ["client", "here", "passphrase", "passphrase_option"]

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
    """A connection to the running server of this repository.

    Raises:
        UnavailableError: none runs.
    """
    _, layout = here()
    if not layout.people_socket.exists():
        raise UnavailableError(
            "no server runs for this repository", code="IL-CLI-002", remedy="interlock up"
        )
    return PeopleClient(f"unix:{layout.people_socket}", patience_s=10.0)


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
