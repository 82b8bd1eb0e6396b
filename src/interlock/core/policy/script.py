"""What a shell text would run, as far as it can be known without running it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

__all__ = ["Script", "SimpleCommand", "Word"]

Word: TypeAlias = str | None
"""One word with its quoting undone, or ``None`` where the shell puts in what nobody knows yet."""


class SimpleCommand(NamedTuple):
    """One program that would be started (a tuple, because texts hold many of them).

    Args:
        words: name and arguments; a ``None`` stands for any number of words.
        transparent: it only starts another command of the same script (``timeout 5 …``), so an
            allow-list looks at that one alone; a forbidden command is forbidden all the same.
    """

    words: tuple[Word, ...]
    transparent: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A whole text.

    Args:
        commands: every simple command, nested ones included, in order.
        writes: targets of redirections into files, ``None`` where the name is unknown.
        opaque: why something in it cannot be known, each reason once.
    """

    commands: tuple[SimpleCommand, ...] = ()
    writes: tuple[Word, ...] = ()
    opaque: tuple[str, ...] = ()
