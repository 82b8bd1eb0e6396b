"""What each server-executed tool does in the session's toolhost.

Arguments come in under canonical names (``core.policy.arguments``). Paths are resolved by the
toolhost first, so that policy decides on what the file system would really open; a path that
changes afterwards is refused by the toolhost (links are not followed any more) and never imported.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from interlock.core.policy.arguments import paths_of
from interlock.core.policy.names import WRITING
from interlock.errors import DeniedError, InvalidInputError
from interlock.ports.runner import Session, Toolhost

__all__ = ["MUTATING", "perform", "really", "resolved"]

Args = Mapping[str, Any]

MUTATING = WRITING | {"bash", "bash_kill", "run", "run_tests", "git_commit", "spawn_agent"}
"""Tools whose intent is durable before they run."""

_DEFAULT_TESTS = "python -m pytest -q"
_MAX_SECONDS = 600.0
_GREP_LIMIT = 500


async def resolved(session: Session, args: Args) -> dict[str, str]:
    """Each path that the call names → the path from the tree's root that it would really open."""
    found = {}
    for path in paths_of(args):
        reply = await session.toolhost.call("resolve", path=path)
        found[path] = str(reply.ok["path"])
    return found


def really(args: Args, real: Mapping[str, str]) -> dict[str, Any]:
    """The arguments with every path replaced by the one that was decided on."""

    def put(value: Any) -> Any:
        match value:
            case str():
                return real.get(value, value)
            case Mapping():
                return really(value, real)
            case list() | tuple():
                return [put(item) for item in value]
        return value

    named = ("path", "destination", "paths", "files", "edits")
    return {key: put(value) if key in named else value for key, value in args.items()}


async def perform(session: Session, tool: str, args: Args, *, call_id: str) -> Mapping[str, Any]:
    """Run one allowed call.

    Args:
        session: where.
        tool: canonical name.
        args: normalised arguments.
        call_id: repeated calls with it have one effect.

    Raises:
        InvalidInputError: an argument is missing or of the wrong kind, or the tool itself failed.
        DeniedError: the server does not carry out this tool, or there is nothing for it here.
        UnavailableError: the session is gone.
    """
    handler = _HANDLERS.get(tool)
    if handler is None:
        raise DeniedError(
            f"tool {tool} has no server-side execution",
            code="IL-TLC-002",
            remedy="Use one of the calls that the prompt's table lists.",
        )
    return await handler(session.toolhost, args, call_id)


def _text(args: Args, name: str, default: str | None = None) -> str:
    value = args.get(name, default)
    if not isinstance(value, str):
        raise InvalidInputError(
            f"argument {name!r} must be a text", code="IL-TLC-001", remedy=f"Send {name}."
        )
    return value


def _number(args: Args, name: str, default: float) -> float:
    value = args.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInputError(
            f"argument {name!r} must be a number", code="IL-TLC-001", remedy=f"Send {name}."
        )
    return value


async def _read(host: Toolhost, args: Args, _call: str) -> Mapping[str, Any]:
    paths = paths_of(args)
    if not paths:
        raise InvalidInputError(
            "read_files needs the argument path (a text) or paths (a list of texts)",
            code="IL-TLC-001",
            remedy="client.read_file(path)",
        )
    pages = []
    for path in paths:
        offset = int(_number(args, "offset", 0))
        page: dict[str, Any] = {"path": path, "offset": offset, "follow": False}
        if "limit" in args:
            page["limit"] = int(_number(args, "limit", 0))
        if "unit" in args:
            page["unit"] = _text(args, "unit")
        reply = await host.call("read", **page)
        pages.append({**reply.ok, "content": reply.ok["text"]})
    return pages[0] if len(pages) == 1 else {"files": pages}


async def _write(host: Toolhost, args: Args, call: str) -> Mapping[str, Any]:
    if isinstance(args.get("files"), list):
        done = [await _write_one(host, item, f"{call}:{n}") for n, item in enumerate(args["files"])]
        return {"files": done}
    return await _write_one(host, args, call)


async def _write_one(host: Toolhost, args: Args, call: str) -> Mapping[str, Any]:
    reply = await host.call(
        "write",
        call_id=call,
        body=_text(args, "content").encode(),
        path=_text(args, "path"),
        follow=False,
    )
    return reply.ok


async def _edit(host: Toolhost, args: Args, call: str) -> Mapping[str, Any]:
    edits = args.get("edits") or [
        {"old": _text(args, "old"), "new": _text(args, "new"), "every": bool(args.get("all"))}
    ]
    reply = await host.call(
        "multi_edit", call_id=call, path=_text(args, "path"), edits=edits, follow=False
    )
    return reply.ok


async def _glob(host: Toolhost, args: Args, _call: str) -> Mapping[str, Any]:
    return (await host.call("glob", pattern=_text(args, "pattern"))).ok


async def _grep(host: Toolhost, args: Args, _call: str) -> Mapping[str, Any]:
    asked: dict[str, Any] = {"regex": _text(args, "pattern")}
    if args.get("glob"):
        asked["pattern"] = _text(args, "glob")
    return (await host.call("grep", **asked)).ok


async def _search(host: Toolhost, args: Args, _call: str) -> Mapping[str, Any]:
    """A plain-text search: the words of the query as they stand."""
    query = _text(args, "query")
    escaped = "".join(c if c.isalnum() or c == "_" else f"\\{c}" for c in query)
    return (await host.call("grep", regex=escaped)).ok


async def _bash(host: Toolhost, args: Args, call: str) -> Mapping[str, Any]:
    return await _run(host, {"shell": _text(args, "command")}, args, call)


async def _run_tests(host: Toolhost, args: Args, call: str) -> Mapping[str, Any]:
    command = args.get("command", _DEFAULT_TESTS)
    if isinstance(command, list):
        return await _run(host, {"argv": [str(word) for word in command]}, args, call)
    return await _run(host, {"shell": _text({"command": command}, "command")}, args, call)


async def _run(host: Toolhost, what: Args, args: Args, call: str) -> Mapping[str, Any]:
    seconds = min(_number(args, "seconds", 120.0), _MAX_SECONDS)
    reply = await host.call("run", call_id=call, timeout_s=seconds + 30, seconds=seconds, **what)
    return {**reply.ok, "exit_code": reply.ok["rc"]}


def _git(*words: str) -> Callable[[Toolhost, Args, str], Awaitable[Mapping[str, Any]]]:
    """git as the agent, in the scratch's own repository: it means nothing outside."""

    async def handler(host: Toolhost, args: Args, call: str) -> Mapping[str, Any]:
        return await _run(host, {"argv": ["git", "--no-pager", *words]}, args, call)

    return handler


async def _no_network(_host: Toolhost, _args: Args, _call: str) -> Mapping[str, Any]:
    raise DeniedError(
        "sessions have no network",
        code="IL-TLC-003",
        remedy="Put what the agent has to read into the repository or the task's description.",
    )


_HANDLERS: dict[str, Callable[[Toolhost, Args, str], Awaitable[Mapping[str, Any]]]] = {
    "read_files": _read,
    "write_files": _write,
    "edit_files": _edit,
    "multi_edit": _edit,
    "glob": _glob,
    "grep": _grep,
    "search_codebase": _search,
    "bash": _bash,
    "run": _bash,
    "run_tests": _run_tests,
    "git_status": _git("status", "--short", "--branch"),
    "git_diff": _git("diff", "HEAD"),
    "git_log": _git("log", "--oneline", "-n", "50"),
    "web_fetch": _no_network,
}
