"""Commands that start other commands: what they would start, or that nobody can know.

Each launcher is a row in ``launcher_table``. An option outside its row makes the call opaque:
guessing where the command begins is how ``timeout -s KILL 5 rm`` turns into a harmless program
called ``KILL``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from interlock.core.policy.launcher_table import (
    DANGEROUS_VARIABLES,
    EMBEDDED,
    FROM_OUTSIDE,
    LAUNCHERS,
    LOADER,
    NAMING,
    NAMING_AFTER_V,
    OPAQUE,
    SHELL_FLAGS,
    SHELL_LONG_FLAGS,
    SHELLS,
    SPECIAL,
    Launcher,
)
from interlock.core.policy.script import Word

__all__ = ["Launched", "base_name", "changes_commands", "launched"]


@dataclass(frozen=True, slots=True)
class Launched:
    """What a simple command starts.

    Args:
        commands: word lists that it runs directly.
        texts: shell texts that it hands to a shell.
        opaque: why something it starts cannot be known.
        transparent: it does nothing but start them.
    """

    commands: tuple[tuple[Word, ...], ...] = ()
    texts: tuple[str, ...] = ()
    opaque: str = ""
    transparent: bool = False


_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=(.*)", re.DOTALL)


def base_name(word: str) -> str:
    """The program's name without its folder."""
    return word.rsplit("/", 1)[-1] if "/" in word else word


def changes_commands(name: str) -> bool:
    """Whether setting the variable can change which code a later command runs."""
    return DANGEROUS_VARIABLES.fullmatch(name) is not None


def launched(words: tuple[Word, ...]) -> Launched | None:
    """What a command starts, or ``None`` if it is an ordinary program.

    Args:
        words: name and arguments; the name is known.
    """
    name = base_name(words[0] or "")
    if name not in SPECIAL:
        if name.startswith("ld") and LOADER.fullmatch(name):
            return Launched(opaque="the loader is invoked directly")
        return None
    if name in SHELLS:
        return _shell(words)
    if name in LAUNCHERS:
        return _launcher(name, LAUNCHERS[name], words)
    if name in ("find", "fd", "fdfind"):
        return _find(words)
    if why := OPAQUE.get(name):
        return Launched(opaque=f"'{name}' {why}")
    if (name in NAMING and any(word is None or EMBEDDED.search(word) for word in words)) or (
        name in NAMING_AFTER_V and "-v" in words
    ):
        return Launched(opaque=f"'{name}' evaluates its operands, which can run commands")
    if name == "git" and _configures_git(words):
        return Launched(opaque="'git' gets configuration that can run another program")
    return None


def _configures_git(words: tuple[Word, ...]) -> bool:
    """Whether an option before git's own command can make it run something (aliases, pagers)."""
    value_follows = False
    for word in words[1:]:
        if word is None or word.startswith(("-c", "--config-env", "--exec-path")):
            return True
        if not word.startswith("-") and not value_follows:
            return False
        value_follows = word in ("-C", "--git-dir", "--work-tree", "--namespace")
    return False


def _shell(words: tuple[Word, ...]) -> Launched | None:
    name = words[0]
    position, text_follows = 1, False
    while position < len(words):
        word = words[position]
        if word is None:
            return Launched(opaque=f"'{name}' gets options that are not known yet")
        if word in ("-o", "+o", "-O", "+O") and position + 1 < len(words):
            position += 2
            continue
        if word in SHELL_LONG_FLAGS:
            position += 1
            continue
        if word in ("-", "--") or not word.startswith(("-", "+")):
            position += word in ("-", "--")
            break
        if word.startswith("--") or not set(word[1:]) <= SHELL_FLAGS | {"o"}:
            return Launched(opaque=f"'{name}' gets the option {word}")
        text_follows = text_follows or (word.startswith("-") and "c" in word)
        # The letter o takes the next word along: -euo pipefail.
        position += 1 + ("o" in word)
    if position >= len(words):
        return Launched(opaque=f"'{name}' runs what it reads")
    operand = words[position]
    if operand is None:
        return Launched(opaque=f"'{name}' runs something that is not known yet")
    if text_follows:
        return Launched(texts=(operand,), transparent=True)
    if FROM_OUTSIDE.fullmatch(operand):
        return Launched(opaque=f"'{name}' runs what it reads")
    return None


def _launcher(name: str, row: Launcher, words: tuple[Word, ...]) -> Launched:
    position, operands = 1, row.operands
    if name == "command" and len(words) > 1 and words[1] in ("-v", "-V"):
        return Launched(transparent=False)
    while position < len(words):
        word = words[position]
        if word is None:
            return Launched(opaque=f"what '{name}' starts is not known yet")
        if word == "--":
            position += 1
            break
        if (word.startswith("-") and word != "-") or word in row.flags:
            if name == "xargs" and _renames(words[position:]):
                return Launched(opaque="'xargs' puts what it reads into any word")
            step = _option(row, word)
            if not step:
                return Launched(opaque=f"'{name}' gets the option {word}")
            position += step
            continue
        if row.assignments and (assigned := _ASSIGNMENT.fullmatch(word)):
            if changes_commands(assigned[1]):
                return Launched(opaque=f"{assigned[1]} decides which code runs")
            position += 1
            continue
        if not operands:
            break
        operands -= 1
        position += 1
    rest = words[position + (operands if position < len(words) else 0) :]
    if not rest:
        return Launched()
    if name == "xargs":
        rest = tuple(None if word is None or "{}" in word else word for word in rest)
    return Launched(commands=(rest + (None,) * row.more_words,), transparent=row.transparent)


def _renames(words: tuple[Word, ...]) -> bool:
    """Whether xargs' option at the front names another placeholder than the usual {}."""
    option = words[0] or ""
    if option in ("-I", "--replace"):
        return words[1:2] != ("{}",)
    return option.startswith(("-I", "--replace")) and option not in ("-I{}", "--replace={}")


def _option(row: Launcher, word: str) -> int:
    """How many words an option takes, 0 if the row does not know it."""
    if word in row.flags:
        return 1
    if word in row.valued:
        return 2
    name, attached, _ = word.partition("=")
    if attached and name.startswith("--"):
        return int(name in row.valued or name in row.flags)
    # A short option with its value in the same word: -n5, -oL, -10.
    if not word.startswith("--") and word[:2] in row.valued:
        return 1
    return int(word[1:].isdigit() and "-n" in row.valued)


def _find(words: tuple[Word, ...]) -> Launched | None:
    commands: list[tuple[Word, ...]] = []
    current: list[Word] | None = None
    for word in words[1:]:
        if current is None:
            if word in ("-exec", "-execdir", "-ok", "-okdir"):
                current = []
            elif word in ("-x", "-X", "--exec", "--exec-batch") and words[0] != "find":
                return Launched(opaque="fd runs a command for each file")
            elif word is None:
                # An unknown word could be -exec itself; what follows is then a command.
                return Launched(opaque="what 'find' gets is not known yet")
        elif word in (";", "+"):
            commands.append(tuple(current))
            current = None
        else:
            current.append(None if word is None or "{}" in word else word)
    if current is not None:
        return Launched(opaque="'find' runs a command that does not end")
    return Launched(commands=tuple(commands)) if commands else None
