"""Any program of the person's as an agent: what it is, and what of the host it needs to see.

The command line is the person's own and is resolved here and now, as their shell would. The sandbox
then gets the program, its installation and the files that the command line names, read-only at
their own paths, and nothing else of the home.
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from interlock.adapters.agents.installation import Installed, find
from interlock.errors import InvalidInputError
from interlock.ports.runner import AgentCommand

__all__ = ["command_agent"]

_SCRIPTS = (".py", ".js", ".mjs", ".sh", ".ts")


def command_agent(text: str, cwd: Path) -> AgentCommand:
    """The agent's program out of a command line.

    ``interlock`` itself can be imported by any Python ≥ 3.11 in a session: every session's program
    is told where it lies.

    Args:
        text: words as a shell splits them; no shell runs it. A word that names a file becomes an
            absolute path that is visible inside, and so does a directory that is written with a
            slash and does not hold ``cwd``; ``--option=FILE`` likewise.
        cwd: what relative names are relative to.

    Raises:
        InvalidInputError: the words cannot be split (IL-AGT-001), there is no such program or
            script (IL-AGT-002), or what runs it does not run (IL-AGT-003).
    """
    words = _split(text)
    found: Installed = find(_program(words[0], cwd), cwd)
    _require_script(words[1:2], cwd)
    visible = list(found.visible)
    arguments = [_argument(word, cwd, visible) for word in words[1:]]
    return AgentCommand(argv=(*found.argv, *arguments), visible=outermost(visible))


def outermost(paths: list[str]) -> tuple[str, ...]:
    """The paths without those below another one, in order, each once."""
    kept = [
        path
        for path in dict.fromkeys(paths)
        if not any(path != other and path.startswith(other + "/") for other in paths)
    ]
    return tuple(kept)


def _split(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidInputError(
            f"the agent's command cannot be read: {error}",
            code="IL-AGT-001",
            remedy="Close every quote; quote words with blanks.",
        ) from error
    if not words:
        raise InvalidInputError(
            "the agent's command is empty",
            code="IL-AGT-001",
            remedy="interlock run \"…\" --agent-command 'python3 my_agent.py'",
        )
    return words


def _program(word: str, cwd: Path) -> str:
    """Absolute path of the program, links kept: they decide what a program is."""
    word = os.path.expanduser(word)
    path = shutil.which(str(cwd / word) if "/" in word else word)
    if path is not None:
        return os.path.abspath(path)
    there = cwd / word
    if not there.is_file():
        raise InvalidInputError(
            f"there is no program {word!r} {'here' if '/' in word else 'on your PATH'}",
            code="IL-AGT-002",
            remedy=f"Install it, or name it by its path; `command -v {shlex.quote(word)}` shows "
            "what your shell finds.",
        )
    is_python = there.suffix == ".py"
    raise InvalidInputError(
        f"{there} cannot be executed",
        code="IL-AGT-002",
        remedy=f"--agent-command 'python3 {word}'" if is_python else f"chmod +x {there}",
    )


def _require_script(words: list[str], cwd: Path) -> None:
    """Found out here rather than by a session that ends at once."""
    for word in words:
        if Path(word).suffix in _SCRIPTS and not (cwd / os.path.expanduser(word)).exists():
            raise InvalidInputError(
                f"there is no script {cwd / word}",
                code="IL-AGT-002",
                remedy="Name it by a path from here, or by an absolute one.",
            )


def _argument(word: str, cwd: Path, visible: list[str]) -> str:
    option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    expanded = os.path.expanduser(value)
    path = Path(os.path.abspath(cwd / expanded))
    names_tree = "/" in expanded and path.is_dir() and not cwd.resolve().is_relative_to(path)
    if not value or not (path.is_file() or names_tree):
        return word
    visible.append(str(path))
    return f"{option}{equals}{path}"
