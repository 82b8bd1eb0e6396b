"""Shell commands against a constraint: forbidden first, then the allow-list, then the unknown.

Reading a command is a courtesy: it gives an agent a good answer early. It is not the boundary. A
program that is allowed to run can run anything (``make``, ``python -c``, a test), so what may be
written is decided by the import, and what may be reached by the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from interlock.core.model import ToolConstraint
from interlock.core.policy.bash import read_text, read_words
from interlock.core.policy.launchers import base_name
from interlock.core.policy.remedies import shown
from interlock.core.policy.script import Script, SimpleCommand, Word
from interlock.core.reasons import Reason

__all__ = ["Command", "Script", "SimpleCommand", "decide", "parse", "reasons"]

Command: TypeAlias = str | tuple[str, ...]
"""Shell text, or the words of one program that is started without a shell."""

# rm -r and rm --recursive are one thing to whoever forbids rm -rf.
_LONG: Final = {"recursive": "r", "force": "f"}


def parse(text: str) -> Script:
    """What a shell text would run, as far as that can be known; never raises on any text."""
    return read_text(text)


def decide(command: Command, constraint: ToolConstraint) -> Reason | None:
    """``None`` if the command may run under the constraint, else the reason that decides.

    Args:
        command: shell text, or the words of one program. constraint: ``forbidden_commands`` and
        ``allowed_commands``, each as leading words; without either
            nothing is looked at.
    """
    found = reasons(command, constraint)
    return found[0] if found else None


def reasons(command: Command, constraint: ToolConstraint) -> tuple[Reason, ...]:
    """Every reason against the command; the first one decides, none means it may run."""
    forbidden, allowed = constraint.forbidden_commands, constraint.allowed_commands
    if not forbidden and not allowed:
        return ()
    script = parse(command) if isinstance(command, str) else read_words(command)
    found: list[Reason] = []
    unknown = list(script.opaque)
    by_name = _by_name(forbidden)
    for simple in script.commands:
        rules = by_name.get(base_name(simple.words[0] or ""))
        for text, words in rules or ():
            match _matches_forbidden(simple.words, words):
                case True:
                    found.append(_forbidden(simple, text, constraint))
                case None:
                    unknown.append(f"it could be the forbidden '{text}': {_shown(simple.words)}")
    if allowed:
        found.extend(_outside(script, constraint))
    found.extend(_opaque(why, constraint) for why in dict.fromkeys(unknown))
    return tuple(found)


def _outside(script: Script, constraint: ToolConstraint) -> Iterable[Reason]:
    """What an allow-list does not cover."""
    by_name = _by_name(constraint.allowed_commands)
    if not any(not simple.transparent for simple in script.commands) and not script.opaque:
        yield _not_allowed("It runs no command that is allowed here.", "", constraint)
    for simple in script.commands:
        if simple.transparent:
            continue
        name = base_name(simple.words[0] or "")
        if not any(simple.words[: len(words)] == words for _, words in by_name.get(name, ())):
            shown = _shown(simple.words)
            yield _not_allowed(
                f"'{shown}' is not among the commands allowed here.", shown, constraint
            )
    for target in script.writes:
        yield Reason(
            rule="command.redirect",
            message=f"The command writes to {_shown((target,))} by redirection.",
            remedy="Leave it out (/dev/null and 2>&1 are fine); write files with write_files.",
            position=constraint.position,
            facts={"target": target},
        )


def _matches_forbidden(words: tuple[Word, ...], forbidden: tuple[str, ...]) -> bool | None:
    """Whether a command begins with forbidden words; ``None`` if that depends on an expansion.

    The program counts by its name without folder, options may stand in between, and options of one
    letter count however they are grouped.
    """
    given = words[1:]
    for word in forbidden[1:]:
        if word.startswith("-"):
            if _has_option(given, word):
                continue
            return None if None in given else False
        for position, candidate in enumerate(given):
            if candidate is None:
                return None
            if candidate == word:
                given = given[position + 1 :]
                break
            # Words behind an option may be its value: git -C dir push.
            if position == 0 and not candidate.startswith("-"):
                return False
        else:
            return False
    return True


def _has_option(words: tuple[Word, ...], option: str) -> bool:
    if option in words:
        return True
    wanted = _letters(option)
    if not wanted:
        return any(word is not None and word.startswith(option + "=") for word in words)
    return wanted <= {letter for word in words if word for letter in _letters(word)}


def _letters(word: str) -> frozenset[str]:
    """The one-letter options in a word, with the long spellings that are known."""
    if word.startswith("--"):
        return frozenset(_LONG.get(word[2:], ""))
    if word.startswith("-") and word[1:].isalpha():
        return frozenset(word[1:]) | (frozenset("r") if "R" in word else frozenset())
    return frozenset()


@lru_cache(maxsize=512)
def _by_name(commands: tuple[str, ...]) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    """Rules by their program's name without folder, each with its text and its words."""
    rules: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for text in commands:
        if words := tuple(text.split()):
            rules.setdefault(base_name(words[0]), []).append((text, words))
    return rules


def _shown(words: tuple[Word, ...]) -> str:
    return shown(" ".join("…" if word is None else word for word in words))


def _forbidden(simple: SimpleCommand, text: str, constraint: ToolConstraint) -> Reason:
    return Reason(
        rule="command.forbidden",
        message=f"'{_shown(simple.words)}' is forbidden here by '{text}'.",
        remedy=_instead(constraint),
        position=constraint.position,
        facts={"command": _shown(simple.words), "forbidden": text},
    )


def _not_allowed(message: str, command: str, constraint: ToolConstraint) -> Reason:
    return Reason(
        rule="command.not_allowed",
        message=message,
        remedy=_instead(constraint),
        position=constraint.position,
        facts={"command": command, "allowed_commands": list(constraint.allowed_commands)},
    )


def _opaque(why: str, constraint: ToolConstraint) -> Reason:
    return Reason(
        rule="command.opaque",
        message=f"What the command runs cannot be known beforehand: {why}.",
        remedy="Write each command out plainly, one call each. " + _instead(constraint),
        position=constraint.position,
        facts={"why": why},
    )


def _instead(constraint: ToolConstraint) -> str:
    if constraint.allowed_commands:
        return f"Run one of: {', '.join(constraint.allowed_commands)}."
    return "Use another tool, or leave this command out."
