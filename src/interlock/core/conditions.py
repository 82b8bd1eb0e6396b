"""Conditions (``when``): expressions of CEL over the table of facts, true or false.

A condition is compiled once and is safe to evaluate anywhere: no comprehensions, a bounded text,
bounded facts, names and functions of two tables. One that cannot be evaluated is neither true nor
false: whoever asks has to take that for "it counts".
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from typing import Any

from interlock.core.condition_facts import FACTS, samples
from interlock.core.condition_words import Word, WordKind, words

__all__ = [
    "FUNCTIONS",
    "MACROS",
    "MOST_ITEMS",
    "MOST_TEXT",
    "Answer",
    "Problem",
    "holds",
    "problems",
]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


MOST_TEXT = 1000
"""Characters of a condition."""

MOST_ITEMS = 20_000
"""Items of a list among the facts; a diff with more paths cannot be asked about."""

MACROS = ("all", "exists", "exists_one", "filter", "map")

FUNCTIONS = ("contains", "endsWith", "has", "matches", "size", "startsWith")
"""What a condition may call."""

_OPERATORS = _set("_&&_ _||_ !_ _==_ _!=_ _<_ _<=_ _>_ _>=_ @in _?_:_ _+_ _-_ _*_ _/_ _%_ -_ _[_]")
_LITERALS = frozenset({"true", "false", "null", "in"})
_TYPES = {bool: "true or false", str: "a text", int: "a number", float: "a number", list: "a list"}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a condition is refused.

    Args:
        offset: of the character that is wrong.
        given, known: a name that is not known, and those that are.
    """

    message: str
    offset: int = 0
    help: str = ""
    given: str = ""
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a condition holds; ``None`` where it cannot be evaluated, for the reason in
    ``why``."""

    holds: bool | None
    why: str


def holds(text: str, facts: Mapping[str, Any]) -> Answer:
    """Evaluate a condition on facts by dotted name; a condition without text always holds."""
    if not text:
        return Answer(True, "it has no condition")
    asked = _asked(text)
    if missing := sorted(asked - facts.keys()):
        return Answer(None, f"{missing[0]} is not known")
    known = {name: facts[name] for name in sorted(asked)}
    if long := [n for n, value in known.items() if isinstance(value, list) and _is_long(value)]:
        return Answer(None, f"{long[0]} has more than {MOST_ITEMS} items")
    try:
        value = _evaluate(text, facts)
    except Exception as error:
        return Answer(None, _in_a_line(error))
    if not isinstance(value, bool):
        return Answer(None, f"it gives {_TYPES.get(type(value), 'no truth')}, not true or false")
    shown = ", ".join(f"{name} is {_shown(value)}" for name, value in known.items())
    return Answer(value, shown or "it asks for no fact")


def _is_long(value: list[Any]) -> bool:
    return len(value) > MOST_ITEMS


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return repr(value[:60]) if isinstance(value, str) else str(value)


@lru_cache(maxsize=1024)
def _asked(text: str) -> frozenset[str]:
    return frozenset(name for name, _, _ in _names(words(text)) if name in FACTS)


@lru_cache(maxsize=1024)
def problems(text: str) -> tuple[Problem, ...]:
    """Everything that is wrong with a condition; nothing if it may be used."""
    if len(text) > MOST_TEXT:
        return (Problem(f"it is longer than {MOST_TEXT} characters", MOST_TEXT),)
    try:
        found = words(text)
    except ValueError as error:
        return (Problem("it holds what no condition has", int(str(error))),)
    if refused := tuple(_not_callable(found)) or tuple(_not_known(found)):
        return refused
    try:
        functions = set(_program(text).functions())
    except ValueError as error:
        return (Problem(f"it cannot be read: {_in_a_line(error)}", _place(str(error))),)
    if unknown := sorted(functions - _OPERATORS - set(FUNCTIONS)):
        # Whatever our own reading of the text missed, a comprehension above all.
        return (Problem(f"it uses {unknown[0]!r}, which no condition may", help=_calls()),)
    if not _asked(text):
        return (Problem("it asks for no fact, so it is always the same", help=_facts()),)
    return (*_misspelt(found), *_tried(text))


def _not_callable(found: tuple[Word, ...]) -> Iterator[Problem]:
    """Comprehensions, and functions that are not there."""
    for at, word in enumerate(found):
        is_call = _texts(found, at + 1, 1) == ["("]
        if word.kind is WordKind.NAME and is_call and word.text not in FUNCTIONS:
            if word.text in MACROS:
                said = f"'{word.text}' goes through a list, which may take any time"
                yield Problem(said, word.offset, "Ask with 'in', size(), or matches().")
            else:
                said = f"there is no function '{word.text}'"
                yield Problem(said, word.offset, _calls(), word.text, FUNCTIONS)


def _not_known(found: tuple[Word, ...]) -> Iterator[Problem]:
    """Names that are no facts."""
    for name, offset, is_indexed in _names(found):
        if is_indexed and name not in FACTS:
            said = f"'{name}' is asked with brackets, so its name cannot be checked"
            yield Problem(said, offset, f"Write it with a dot, as in {next(iter(FACTS))}.")
        elif name not in FACTS:
            said = f"there is no fact '{name}'"
            yield Problem(said, offset, _facts(), name, tuple(FACTS))


def _calls() -> str:
    return f"A condition may call {', '.join(FUNCTIONS)}."


def _facts() -> str:
    return f"Facts: {', '.join(FACTS)}."


def _names(found: tuple[Word, ...]) -> Iterator[tuple[str, int, bool]]:
    """Dotted names, without a method at their end, with their place and whether ``[`` follows."""
    at = 0
    while at < len(found):
        word = found[at]
        before = found[at - 1].text if at else ""
        at += 1
        if word.kind is not WordKind.NAME or word.text in _LITERALS or before == ".":
            continue
        parts = [word.text]
        while _texts(found, at, 1) == ["."] and at + 1 < len(found):
            if found[at + 1].kind is not WordKind.NAME or _texts(found, at + 2, 1) == ["("]:
                break
            parts.append(found[at + 1].text)
            at += 2
        if len(parts) == 1 and _texts(found, at, 1) == ["("]:
            continue
        yield ".".join(parts), word.offset, _texts(found, at, 1) == ["["]


def _texts(found: tuple[Word, ...], start: int, count: int) -> list[str]:
    return [word.text for word in found[start : start + count]]


def _misspelt(found: tuple[Word, ...]) -> Iterator[Problem]:
    """Texts that a fact is compared with and can never be: such a condition never holds."""
    for name, offset, _ in _names(found):
        if not (values := FACTS[name].values):
            continue
        start = next(n for n, word in enumerate(found) if word.offset == offset)
        after = start + 2 * name.count(".") + 1
        compared = list(_compared(found, start, after))
        for word in compared:
            if word.value not in values:
                said = f"'{name}' is never '{word.value}'"
                allowed = f"It is one of: {', '.join(value or repr('') for value in values)}."
                yield Problem(said, word.offset, allowed, word.value, values)


def _compared(found: tuple[Word, ...], start: int, after: int) -> Iterator[Word]:
    operator = found[after].text if after < len(found) else ""
    if operator in ("==", "!=") and after + 1 < len(found):
        yield from (w for w in (found[after + 1],) if w.kind is WordKind.TEXT)
    elif operator == "in" and _texts(found, after + 1, 1) == ["["]:
        for word in found[after + 2 :]:
            if word.text == "]":
                break
            if word.kind is WordKind.TEXT:
                yield word
    if start >= 2 and found[start - 1].text in ("==", "!="):
        yield from (w for w in (found[start - 2],) if w.kind is WordKind.TEXT)


def _tried(text: str) -> Iterator[Problem]:
    """Types are known before anything was measured: what fails on them fails always."""
    for facts in samples():
        try:
            value = _evaluate(text, facts)
        except TypeError:
            said = "it compares or joins what does not go together"
            yield Problem(said, help="A text goes with a text, a number with a number.")
            return
        except (ArithmeticError, IndexError, KeyError):
            continue  # depends on the values
        except Exception as error:
            yield Problem(f"it cannot be evaluated: {_in_a_line(error)}")
            return
        if not isinstance(value, bool):
            given = _TYPES.get(type(value), "no truth")
            help_ = "Compare it with something, as in work.kind == 'docs'."
            yield Problem(f"it gives {given}, not true or false", help=help_)
            return


def _evaluate(text: str, facts: Mapping[str, Any]) -> Any:
    return _program(text).execute(_nested(facts))


def _nested(facts: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in facts.items():
        first, _, rest = name.partition(".")
        if rest:
            found.setdefault(first, {})[rest] = value
        else:
            found[first] = value
    return found


@lru_cache(maxsize=1024)
def _program(text: str) -> Any:
    return _compiler()(text)


@cache
def _compiler() -> Callable[[str], Any]:
    """The library's compiler, without its command line: that takes ten times longer to import."""
    package = importlib.util.find_spec("cel")
    found = package and PathFinder.find_spec("cel.cel", package.submodule_search_locations)
    if not found or found.loader is None:
        raise ImportError("common-expression-language is not installed")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    compiler: Callable[[str], Any] = module.compile
    return compiler


def _in_a_line(error: Exception) -> str:
    """The library draws the place; the diagnostic does that itself."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith("ERROR:")), lines[0] if lines else "")
    return told.rpartition("Syntax error: ")[2][:200] or type(error).__name__


def _place(said: str) -> int:
    _, separator, rest = said.partition("<input>:1:")
    digits = rest.partition(":")[0]
    return int(digits) - 1 if separator and digits.isdigit() else 0
