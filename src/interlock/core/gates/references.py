"""References from a check's parameters into documents: ``plan_document#/acceptance_criteria/*/id``.

In front of ``#`` stands an artifact, or ``file:`` and a path in the tree (JSON or YAML); behind it
a JSON Pointer, in which ``*`` means every item. A list that is referred to counts as its items.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from interlock.core.facts import GateFacts
from interlock.core.gates.kind import result
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = [
    "AbsentError",
    "Reference",
    "files_in",
    "listed",
    "over_documents",
    "reference",
    "text_of",
    "values",
]

_FILE: Final = "file:"


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in a document.

    Args:
        source: artifact type, or path in the tree if ``is_file``.
        pointer: keys and indices, ``*`` for every item.
    """

    source: str
    is_file: bool
    pointer: tuple[str, ...]


def reference(text: str) -> Reference:
    """The reference that a text is.

    Raises:
        ValueError: it is none; the message is the end of a sentence.
    """
    source, _, pointer = text.partition("#")
    is_file = source.startswith(_FILE)
    source = source.removeprefix(_FILE)
    if not source or (is_file and (source.startswith("/") or ".." in source.split("/"))):
        raise ValueError("names no artifact and no file:PATH of the tree")
    if pointer and not pointer.startswith("/"):
        raise ValueError("has something other than a /path behind the #")
    keys = tuple(k.replace("~1", "/").replace("~0", "~") for k in pointer.split("/")[1:])
    return Reference(source, is_file, keys)


def files_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The files of the tree that references are into."""
    found = (reference(text) for text in texts)
    return tuple(dict.fromkeys(one.source for one in found if one.is_file))


class AbsentError(Exception):
    """A document that is not there; what that means for the check."""

    def __init__(self, outcome: Outcome, message: str, remedy: str) -> None:
        super().__init__(message)
        self.outcome, self.message, self.remedy = outcome, message, remedy


def values(text: str, facts: GateFacts) -> tuple[Any, ...]:
    """The values that a reference leads to.

    Raises:
        AbsentError: its document is not there, or cannot be read.
    """
    where = reference(text)
    return tuple(_under([_document(where, facts)], where.pointer))


def listed(text: str, facts: GateFacts) -> tuple[Any, ...]:
    """The same, where one list counts as its items.

    Raises:
        AbsentError: as for ``values``.
    """
    found = values(text, facts)
    if len(found) == 1 and isinstance(found[0], list | tuple):
        return tuple(found[0])
    return found


def text_of(text: str, facts: GateFacts) -> str:
    """The text that a reference leads to: of a file without ``#`` all of it.

    Raises:
        AbsentError: as for ``listed``, or there is no text.
    """
    where = reference(text)
    if where.is_file and not where.pointer:
        return _file(where.source, facts)
    found = [value for value in listed(text, facts) if isinstance(value, str)]
    if not found:
        raise AbsentError(Outcome.FAIL, f"there is no text at {text}", f"Write it to {text}.")
    return "\n".join(found)


def _document(where: Reference, facts: GateFacts) -> Any:
    if not where.is_file:
        if where.source in facts.artifacts:
            return facts.artifacts[where.source]
        raise AbsentError(
            Outcome.NOT_YET, f"no {where.source} was handed in", f"Hand in {where.source}."
        )
    _file(where.source, facts)
    if where.source not in facts.documents:
        raise AbsentError(
            Outcome.FAIL,
            f"{where.source} is neither JSON nor YAML",
            f"Write {where.source} as JSON or YAML.",
        )
    return facts.documents[where.source]


def _file(path: str, facts: GateFacts) -> str:
    if path not in facts.texts:
        raise AbsentError(
            Outcome.UNDETERMINED, f"{path} was not read", "Request the transition again."
        )
    text = facts.texts[path]
    if text is None:
        raise AbsentError(Outcome.FAIL, f"{path} is not in the tree", f"Add {path}.")
    return text


def _under(values: list[Any], pointer: tuple[str, ...]) -> list[Any]:
    for key in pointer:
        values = [below for value in values for below in _step(value, key)]
    return values


def _step(value: Any, key: str) -> Iterable[Any]:
    match value:
        case Mapping():
            return value.values() if key == "*" else [value[key]] if key in value else []
        case list() | tuple():
            if key == "*":
                return value
            # No number is so long that it could be an index.
            is_index = key.isascii() and key.isdigit() and len(key) < 10
            return value[int(key) : int(key) + 1] if is_index else []
    return []


Evaluate = Callable[[CheckSpec, GateFacts], CheckResult]


def over_documents(evaluate: Evaluate) -> Evaluate:
    """A check that says what is missing where a document is."""

    @functools.wraps(evaluate)
    def checked(spec: CheckSpec, facts: GateFacts) -> CheckResult:
        try:
            return evaluate(spec, facts)
        except AbsentError as absent:
            return result(spec, absent.outcome, absent.message, remedy=absent.remedy)

    return checked
