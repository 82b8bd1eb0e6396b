"""What a tool call is about: its arguments under canonical names, its paths and its command.

Two spellings of one argument with different values are refused: the policy would look at one of
them and the program would use the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from interlock.errors import UsageError

__all__ = ["command_of", "normalize_args", "paths_of", "stdin_of"]

_SPELLINGS: Final = {
    "path": (
        "file_path filePath filepath file filename fileName notebook_path notebookPath target_file "
        "targetFile target_path absolute_path absolutePath dir_path directory dir"
    ),
    "paths": "file_paths filePaths",
    "destination": "new_path newPath dest target to_path destination_path",
    "content": "contents file_text fileText text",
    "old": "old_string oldString old_str oldStr old_text",
    "new": "new_string newString new_str newStr new_text new_source",
    "command": "cmd commandLine command_line script",
    "stdin": "chars",
    "patch": "patchText patch_text diff",
    "seconds": "timeout_seconds timeout_s",
}

_TABLE: Final[dict[str, str]] = {
    spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()
}

# Tools that put something else under a common name.
_BY_TOOL: Final[dict[str, dict[str, str]]] = {
    "apply_patch": {"command": "patch", "input": "patch"},
    "ApplyPatch": {"command": "patch", "input": "patch"},
    "patch": {"command": "patch", "input": "patch"},
    "write_stdin": {"input": "stdin", "text": "stdin", "data": "stdin"},
    "write_bash": {"input": "stdin", "text": "stdin", "data": "stdin"},
}

_NESTED: Final = frozenset({"edits", "files"})
_RARER: Final = frozenset({"destination", "paths", "files", "edits", "patch"})
_NO_OTHERS: Final[dict[str, str]] = {}
_STDIN_TOOLS: Final = frozenset({"write_stdin", "write_bash"})
_PATCH_TOOLS: Final = frozenset({"apply_patch", "ApplyPatch", "patch"})

_PATCH_HEADER: Final = re.compile(r"^\s*\*\*\* (?:(?:Add|Update|Delete) File|Move to):(.*)$")
# Not quite a header, but some patch program may take it for one.
_PATCH_DOUBT: Final = re.compile(
    r"^\s*\*{3}\s*(?:add|update|delete|move|rename|copy|create)\b", re.IGNORECASE
)


def normalize_args(tool: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments under canonical names, nested ``edits`` and ``files`` included.

    Args:
        tool: the tool's name as it was sent (a patch tool puts its patch under ``command``).
        args: the arguments as they were sent.

    Raises:
        UsageError: two spellings of one argument disagree, or a patch tool got no patch.
    """
    own = _BY_TOOL.get(tool, _NO_OTHERS)
    result: dict[str, Any] = {}
    for key, value in args.items():
        name = own.get(key) or _TABLE.get(key, key)
        if name in result and result[name] != value:
            raise _malformed(f"the argument '{name}' was given twice with different values")
        result[name] = value
    if not _NESTED.isdisjoint(result):
        for key in _NESTED & result.keys():
            if isinstance(nested := result[key], list | tuple):
                result[key] = [
                    normalize_args("", item) if isinstance(item, Mapping) else item
                    for item in nested
                ]
    if tool in _PATCH_TOOLS and not isinstance(result.get("patch"), str):
        raise _malformed("a patch tool was called without the text of a patch")
    if tool in _STDIN_TOOLS:
        result.setdefault("stdin", "")
    return result


def paths_of(args: Mapping[str, Any]) -> tuple[str, ...]:
    """Every path that normalised arguments name, in order, each once.

    Raises:
        UsageError: a path is not a string, or a patch cannot be read.
    """
    found: list[str] = []
    _collect(args, found)
    return tuple(found) if len(found) < 2 else tuple(dict.fromkeys(found))


def command_of(args: Mapping[str, Any]) -> str | tuple[str, ...] | None:
    """The command of normalised arguments: shell text, a list of words, or ``None``.

    Raises:
        UsageError: it is neither a text nor a list of texts.
    """
    command = args.get("command", args.get("argv"))
    if "command" in args and "argv" in args:
        raise _malformed("a call has either 'command' or 'argv'")
    match command:
        case None | str():
            return command
        case list() | tuple() if all(isinstance(word, str) for word in command):
            return tuple(command)
        case _:
            raise _malformed("'command' is a text or a list of texts")


def stdin_of(args: Mapping[str, Any]) -> str | None:
    """What normalised arguments type into a program that runs already, or ``None``.

    Raises:
        UsageError: it is not a text.
    """
    typed = args.get("stdin")
    if typed is not None and not isinstance(typed, str):
        raise _malformed("what is typed into a program is a text")
    return typed


def _collect(args: Mapping[str, Any], found: list[str]) -> None:
    if (path := args.get("path")) is not None:
        found.append(_path(path))
    if _RARER.isdisjoint(args):
        return
    if (destination := args.get("destination")) is not None:
        found.append(_path(destination))
    for key in ("paths", "files", "edits"):
        if (items := args.get(key)) is not None:
            _collect_all(key, items, found)
    if (patch := args.get("patch")) is not None:
        found.extend(_patched(patch))


def _collect_all(key: str, items: object, found: list[str]) -> None:
    if not isinstance(items, list | tuple):
        raise _malformed(f"'{key}' is a list")
    for item in items:
        if isinstance(item, Mapping):
            _collect(item, found)
        else:
            found.append(_path(item))


def _path(value: object) -> str:
    if not isinstance(value, str):
        raise _malformed("a path is a text")
    return value


def _patched(patch: object) -> Iterator[str]:
    """The targets of a patch; a line that could be read as a header in another way is an error."""
    if not isinstance(patch, str):
        raise _malformed("a patch is a text")
    found = False
    for line in patch.split("\n"):
        header = _PATCH_HEADER.match(line)
        if header:
            found = True
            yield header[1].strip()
        elif _PATCH_DOUBT.match(line):
            raise _malformed(f"this line of the patch could name a file: {line[:80]!r}")
    if not found:
        raise _malformed("the patch names no file: '*** Add File: PATH' or the like is expected")


def _malformed(what: str) -> UsageError:
    return UsageError(
        what[0].upper() + what[1:],
        code="IL-POL-001",
        remedy="Send the call again with one value for each argument.",
    )
