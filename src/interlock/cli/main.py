"""The command ``interlock``: verbs are imported when they are used, so that help and hooks stay
fast."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from interlock import __version__
from interlock.cli.output import fail
from interlock.errors import InterlockError, UnavailableError

__all__ = ["main"]

_VERBS = {
    "init": "interlock.cli.init:init",
    "trust": "interlock.cli.trust:trust",
    "up": "interlock.cli.up:up",
    "down": "interlock.cli.up:down",
    "run": "interlock.cli.run:run",
    "task": "interlock.cli.tasks:task",
    "show": "interlock.cli.tasks:show",
    "why": "interlock.cli.why:why",
    "inbox": "interlock.cli.approvals:inbox",
    "approve": "interlock.cli.approvals:approve",
    "reject": "interlock.cli.approvals:reject",
    "abort": "interlock.cli.approvals:abort",
    "evidence": "interlock.cli.tasks:evidence",
    "audit": "interlock.cli.audit:audit",
    "demo": "interlock.cli.demo:demo",
}
"""Verb → where it is."""


class _Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (place := _VERBS.get(cmd_name)) is None:
            return None
        module, _, name = place.partition(":")
        try:
            command = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            raise UnavailableError(
                f"{cmd_name} needs {error.name}, which is not installed",
                code="IL-CLI-001",
                remedy="pip install 'interlock[server]'",
            ) from error
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="interlock")
def cli() -> None:
    """Make coding agents keep to a workflow: phases, gates and evidence that the server measures.

    \b
    Exit codes: 0 ok · 1 our bug · 2 usage · 3 blocked, denied, a finding · 4 auth ·
    5 not found · 6 conflict · 7 invalid input · 8 unavailable · 130 interrupted.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments
    try:
        code = cli.main(arguments, prog_name="interlock", standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except InterlockError as error:
        return fail(error, as_json=as_json)
    return code if isinstance(code, int) else 0
