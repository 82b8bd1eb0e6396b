"""What the texts among a check's parameters mean, and what is wrong with one that means nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from interlock.core.gates.references import reference
from interlock.core.policy.ending import Ending, ending
from interlock.core.policy.paths import PathRules
from interlock.definition.codes import Code
from interlock.errors import DefinitionError

__all__ = ["FORMATS", "NAMES", "Wrong"]

Wrong = tuple[Code, str, str]
"""The code, what is wrong, the help."""

NAMES: Final = frozenset({"phase", "gate", "role", "schema"})
"""Formats of texts that are names in the file: what they name is looked for where it is known."""


def _glob(text: str) -> Wrong | None:
    parts = text.lstrip("!").split("/")
    if ".." in parts or "." in parts:
        what = f"The path pattern '{text}' cannot match: paths have no '.' and '..'"
        return Code.BAD_PATTERN, what, "Write it from the tree's root, like src/**."
    try:
        PathRules((text,), protected=())
    except DefinitionError as error:
        return Code.BAD_PATTERN, error.message, error.remedy
    return None


def _path(text: str) -> Wrong | None:
    if text.isprintable() and all(part not in ("", ".", "..") for part in text.split("/")):
        return None
    return Code.BAD_PATTERN, f"'{text}' is no path below the tree's root", "Write it like src/app."


def _command(text: str) -> Wrong | None:
    if not text.strip() or "\0" in text:
        return Code.BAD_COMMAND, "The command is empty", "Write it as for a shell."
    if ending(text) is not Ending.ALWAYS_WELL:
        return None
    what = "The command cannot fail: it ends well whatever happens in it"
    help = "Let the program that measures end it: no '|| true', '; true', 'exit 0'."
    return Code.GATE_CANNOT_FAIL, what, help


def _reference(text: str) -> Wrong | None:
    try:
        reference(text)
    except ValueError as error:
        help = "Write it like plan_document#/acceptance_criteria/*/id or file:docs/x.json#/a."
        return Code.CHECK_PARAMETER, f"'{text}' {error}", help
    return None


FORMATS: Final[Mapping[str, Callable[[str], Wrong | None]]] = MappingProxyType(
    {"glob": _glob, "path": _path, "command": _command, "reference": _reference}
)
"""Format → what is wrong with a text that should have it; ``None`` if nothing is."""
