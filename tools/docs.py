"""The reference pages, made out of the code: `python tools/docs.py` writes, a test compares."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from interlock.cli.main import cli
from interlock.errors import InterlockError
from interlock.server.doors import requests
from interlock.server.doors.agent import AGENT_ROUTES, AgentDoor
from interlock.server.doors.check import CHECK
from interlock.server.doors.people import PEOPLE_ROUTES, PeopleDoor
from interlock.server.settings import SETTINGS

DOCS = Path(__file__).parent.parent / "docs"
BODIES: dict[str, Any] = {
    "claim": requests.ClaimBody,
    "transition": requests.TransitionBody,
    "execute": requests.ToolBody,
    "check": requests.ToolBody,
    "create": requests.TaskBody,
    "login": requests.SessionBody,
    "approve": requests.DecisionBody,
    "reject": requests.DecisionBody,
    "abort": requests.ReasonBody,
    "trust": requests.ReasonBody,
}
Routes = Iterable[tuple[str, str, str]]


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0].replace("\n", " ")


def _fields(body: Any) -> str:
    if body is None:
        return "-"
    shown = []
    for field in msgspec.structs.fields(body):
        shown.append(f"`{field.name}`" if field.required else f"`{field.name}`?")
    return ", ".join(shown)


def _routes(table: Routes, door: type[Any]) -> list[str]:
    rows = ["| call | body | answers |", "|---|---|---|"]
    for method, path, name in table:
        what = "The decision on a tool call." if name == "check" else getattr(door, name).__doc__
        rows.append(f"| `{method} {path}` | {_fields(BODIES.get(name))} | {_first(what)} |")
    return rows


def _errors(kind: type[InterlockError]) -> list[type[InterlockError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in _errors(child))]


def api() -> str:
    """Both doors, their bodies and the one shape of errors."""
    ours = [kind for kind in _errors(InterlockError) if kind.__module__ == "interlock.errors"]
    statuses = [
        f"| {kind.http_status} | {kind.exit_code} | `{kind.__name__}` | {_first(kind.__doc__)} |"
        for kind in sorted(ours[1:], key=lambda kind: kind.http_status)
    ]
    lines = [
        "# API",
        "",
        "Two doors. A session's agent door is a loopback port of its own; the phase token travels",
        "as `Authorization: Bearer` (a `phase_token` in a body must agree). The people's door is a",
        "Unix socket for its owner (`run/people.sock` in the state directory) and a loopback port",
        "that wants a session from `POST /api/v1/session`. Fields with `?` may be left out. Every",
        "POST takes an `Idempotency-Key`: repeated under it, it is the same command.",
        "",
        "## Agent door",
        "",
        *_routes((("POST", CHECK, "check"), *AGENT_ROUTES), AgentDoor),
        "",
        "A gate or document that is not accepted is an answer with `blockers`, not an error. A",
        "slow gate answers `pending`; `GET …/transition/{id}?wait=20` waits for its end.",
        "",
        "## People's door",
        "",
        *_routes(PEOPLE_ROUTES, PeopleDoor),
        "",
        "## Errors",
        "",
        "One shape, RFC 9457: `type`, `title`, `status`, `detail`, `code` (stable), `remedy` (the",
        "command that helps), `retryable`, `context`.",
        "",
        "| status | exit code of the command | title | when |",
        "|---|---|---|---|",
        *statuses,
        "",
    ]
    return "\n".join(lines)


def configuration() -> str:
    """Every setting with its variable."""
    rows = [
        f"| `{key}` | `ORCHESTRATOR_{key.replace('.', '_').upper()}` | `{known.default}` | "
        f"{known.meaning} |"
        for key, known in SETTINGS.items()
    ]
    lines = [
        "# Configuration",
        "",
        "`.orchestrator/config.yaml` in the repository; environment variables win over it. The",
        "stricter of two modes counts.",
        "",
        "| setting | variable | default | meaning |",
        "|---|---|---|---|",
        *rows,
        "",
        "`ORCHESTRATOR_JWT_SECRET` (at least 32 bytes) replaces the generated secret of phase",
        "tokens; `XDG_STATE_HOME` says where state lies.",
        "",
    ]
    return "\n".join(lines)


def _commands(group: click.Group, before: str) -> Iterable[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before} {name}")
        elif command is not None:
            yield f"{before} {name}", command


def command_line() -> str:
    """Every command with what its own help says."""
    lines = ["# Command line", "", _first(inspect.getdoc(cli.callback)), ""]
    for name, command in _commands(cli, "interlock"):
        lines += [f"## `{name}`", "", _first(command.help), ""]
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                flags = " ".join(f"`{flag}`" for flag in parameter.opts + parameter.secondary_opts)
                lines.append(f"- {flags}: {_first(parameter.help)}")
            elif isinstance(parameter, click.Argument):
                lines.append(f"- `{parameter.human_readable_name}`")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


PAGES: Mapping[str, Any] = {
    "api.md": api,
    "configuration.md": configuration,
    "cli.md": command_line,
}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
