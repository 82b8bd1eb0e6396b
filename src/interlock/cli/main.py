"""The command ``interlock``: verbs are imported when they are used, so that help and hooks stay
fast."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from interlock import __version__
from interlock.cli.output import fail
from interlock.errors import InterlockError, InternalError, UnavailableError, UsageError

__all__ = ["VERBS", "cli", "main"]

VERBS = {
    "init": (
        "init:init",
        "Set this repository up: workflow, schemas, state, passphrase, audit key.",
    ),
    "validate": (
        "validate:validate",
        "Find everything that is wrong with a workflow file, or with a pack, all at once.",
    ),
    "trust": (
        "trust:trust",
        "Trust the environment recipe of the workflow at HEAD, by its digest.",
    ),
    "environment": (
        "environment:environment",
        "What tests run in: list, build and prune.",
    ),
    "secret": (
        "secrets:secret",
        "Values that tests are given as variables, by the names that the workflow lists.",
    ),
    "policy": (
        "policy:policy",
        "What the rules of the workflow say, before an agent meets them.",
    ),
    "workflow": (
        "workflow:workflow",
        "What rules count and where each comes from: list, show and new.",
    ),
    "up": ("up:up", "Start the server; returns when it answers."),
    "down": ("up:down", "Stop the server and its sessions."),
    "run": ("run:run", "Have an agent do a task through every phase and gate of the workflow."),
    "task": ("tasks:task", "Tasks of this repository."),
    "show": (
        "tasks:show",
        "One task: where it is, what it waits for, what was handed in and measured.",
    ),
    "why": ("why:why", "Why a task is where it is, and the command that helps."),
    "inbox": ("approvals:inbox", "What waits for a person, with what it is about."),
    "approve": (
        "approvals:approve",
        "Let a waiting gate through, for exactly the tree and artifacts that wait.",
    ),
    "reject": (
        "approvals:reject",
        "Refuse a waiting gate; the agent goes on in the same phase with the reason.",
    ),
    "abort": ("approvals:abort", "End a task for good; what it did stays in the records."),
    "person": ("person:person", "People who may approve besides the owner."),
    "evidence": ("tasks:evidence", "Everything that is known about a task, in one JSON document."),
    "audit": ("audit:audit", "The sealed record of every call."),
    "doctor": (
        "doctor:doctor",
        "Show what this machine can and cannot prevent, and what would make it more.",
    ),
    "demo": (
        "demo:demo",
        "Show on a project of its own what is stopped, how, and that honest work gets through.",
    ),
}
"""Verb → where it is, and its line in the list: help imports none of them."""


class _Lazy(click.Group):
    """A group whose commands are imported when they are named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module, _, name = VERBS[cmd_name][0].partition(":")
        try:
            command = getattr(importlib.import_module(f"interlock.cli.{module}"), name)
        except ModuleNotFoundError as error:
            raise UnavailableError(
                f"{cmd_name} needs {error.name}, which is not installed",
                code="IL-CLI-001",
                remedy="pip install 'interlock[server]'",
            ) from error
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


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
        sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough; what is left must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except click.ClickException as error:
        return _misused(error, as_json=as_json)
    except InterlockError as error:
        return fail(error, as_json=as_json)
    except Exception as error:
        traceback.print_exc()
        ours = InternalError(f"{type(error).__name__}: {error}", remedy="Report it as a bug.")
        return fail(ours, as_json=as_json)
    return code if isinstance(code, int) else 0


def _misused(error: click.ClickException, *, as_json: bool) -> int:
    if not as_json:
        error.show()
        return UsageError.exit_code
    context = getattr(error, "ctx", None)
    remedy = f"{context.command_path} --help" if context is not None else "interlock --help"
    usage = UsageError(error.format_message(), code="IL-CLI-006", remedy=remedy)
    return fail(usage, as_json=True)
