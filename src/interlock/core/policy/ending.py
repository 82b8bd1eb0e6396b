"""Whether a shell text can fail at all: ``pytest || true`` cannot, and so it measures nothing.

Only what is certain is said. A text whose end depends on a program, or on anything that is not
understood, is open.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from interlock.core.policy.bash_nodes import EXPANDING, WORDS, unreadable
from interlock.core.policy.launchers import base_name, launched
from interlock.core.policy.quoting import UnclearWordError, unquote
from interlock.core.policy.script import Word

__all__ = ["Ending", "ending", "swallowed"]

_BASH: Final = Language(tree_sitter_bash.language())
_DEPTH: Final = 100
_SET: Final = re.compile(r"\b(?:set|shopt|trap|alias)\b")
_SUCCEED: Final = frozenset({"true", ":", "echo", "printf"})
# Behind a pipe these end well whatever came before them.
_PASS_ON: Final = frozenset({"tee", "cat", "head", "tail"})


class Ending(StrEnum):
    """How a text ends."""

    ALWAYS_WELL = "always_well"
    NEVER_WELL = "never_well"
    OPEN = "open"


def ending(text: str, *, errexit: bool = False) -> Ending:
    """How the text ends, whatever its programs do.

    Args:
        text: for a shell.
        errexit: the shell is started with ``-e``.
    """
    wells = {outcome.well for outcome in _Reader(text).whole(errexit)}
    if len(wells) != 1:
        return Ending.OPEN
    return Ending.ALWAYS_WELL if wells.pop() else Ending.NEVER_WELL


def swallowed(text: str) -> tuple[str, ...]:
    """The statements of a text whose failure nobody would notice: ``make env || true``."""
    return _Reader(text).swallowed()


class _Outcome(NamedTuple):
    """One way in which a statement can end; ``exits``: nothing after it is run."""

    well: bool
    exits: bool = False


_Outcomes: TypeAlias = frozenset[_Outcome]

_WELL: Final = frozenset({_Outcome(True)})
_BADLY: Final = frozenset({_Outcome(False)})
_EITHER: Final = _WELL | _BADLY


class _Reader:
    """Every way in which one text can end."""

    def __init__(self, text: str) -> None:
        self._source = text.encode(errors="replace")
        root = None if unreadable(text) else Parser(_BASH).parse(self._source).root_node
        understood = root is not None and not root.has_error and b"()" not in self._source
        self._root = root if understood else None
        self._has_pipefail = b"pipefail" in self._source

    def whole(self, errexit: bool) -> _Outcomes:
        if self._root is None:
            return _EITHER
        tops = [self._words(node) for node in self._root.named_children if node.type == "command"]
        plain_sets = sum(words[:1] == ("set",) for words in tops)
        if plain_sets != len(_SET.findall(self._text(self._root))):
            return _EITHER  # how failures are taken changes in a place that is not followed
        return self._sequence(self._root, errexit, 0)

    def swallowed(self) -> tuple[str, ...]:
        statements = self._root.named_children if self._root else []
        return tuple(
            self._text(node)
            for node in statements
            if node.type == "list"
            and all(outcome.well for outcome in self._outcomes(node, False, 0))
            and any(self._outcomes(part, False, 0) == _EITHER for part in node.named_children)
        )

    def _text(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode(errors="replace")

    def _sequence(self, node: Node, errexit: bool, depth: int) -> _Outcomes:
        """Statements one after the other, until one exits."""
        done: _Outcomes = _WELL
        for child in node.children:
            if child.type == "&":  # behind the statement that it puts into the background
                done = frozenset(outcome for outcome in done if outcome.exits) | _WELL
            if not child.is_named or child.type == "comment":
                continue
            words = self._words(child) if child.type == "command" else ()
            if words[:1] in (("exit",), ("return",)) and words[1:] in ((), (None,)):
                return frozenset(_Outcome(outcome.well, exits=True) for outcome in done)
            if words[:1] == ("set",):
                errexit = errexit or any(word and word[0] == "-" for word in words[1:])
            found = self._outcomes(child, errexit, depth + 1)
            if errexit and _Outcome(False) in found and child.type != "negated_command":
                found |= {_Outcome(False, exits=True)}
                if child.type == "command" and depth == 0:
                    found -= _BADLY
            done = frozenset(outcome for outcome in done if outcome.exits) | (
                found if any(not outcome.exits for outcome in done) else frozenset()
            )
        return done

    def _outcomes(self, node: Node, errexit: bool, depth: int) -> _Outcomes:
        if depth > _DEPTH:
            return _EITHER
        match node.type:
            case "compound_statement":
                return self._sequence(node, errexit, depth)
            case "subshell":
                return _inside(self._sequence(node, errexit, depth))
            case "list":
                return self._list(node, errexit, depth)
            case "pipeline":
                return self._pipeline(node, errexit, depth)
            case "negated_command":
                inner = self._outcomes(node.named_children[0], errexit, depth + 1)
                return frozenset(
                    outcome if outcome.exits else _Outcome(not outcome.well) for outcome in inner
                )
            case "redirected_statement":
                body = node.child_by_field_name("body")
                return self._outcomes(body, errexit, depth + 1) if body else _EITHER
            case "command":
                return self._command(self._words(node), depth)
        return _EITHER

    def _list(self, node: Node, errexit: bool, depth: int) -> _Outcomes:
        first, *_, second = node.named_children
        goes_on_well = not any(child.type == "||" for child in node.children)
        left = self._outcomes(first, errexit, depth + 1)
        ended = frozenset(o for o in left if o.exits or o.well is not goes_on_well)
        return ended if ended == left else ended | self._outcomes(second, errexit, depth + 1)

    def _pipeline(self, node: Node, errexit: bool, depth: int) -> _Outcomes:
        parts = [child for child in node.named_children if child.type != "comment"]
        last = self._words(parts[-1]) if parts[-1].type == "command" else ()
        if self._has_pipefail:
            return _EITHER
        if len(parts) > 1 and last and base_name(last[0] or "") in _PASS_ON:
            return _WELL
        return _inside(self._outcomes(parts[-1], errexit, depth + 1))

    def _words(self, node: Node) -> tuple[Word, ...]:
        """The command's words; ``None`` for what is put in when it runs."""
        return tuple(
            self._word(child)
            for child in node.children
            if child.type == "command_name" or child.type in WORDS
        )

    def _word(self, node: Node) -> Word:
        inner = node.children[0] if node.type == "command_name" and node.children else node
        if inner.type in EXPANDING:
            return None
        try:
            return unquote(self._text(node))
        except UnclearWordError:
            return None

    def _command(self, words: tuple[Word, ...], depth: int) -> _Outcomes:
        if not words or words[0] is None or depth > _DEPTH:
            return _EITHER
        name = base_name(words[0])
        if name in _SUCCEED or name == "set":
            return _WELL
        if name == "false":
            return _BADLY
        if name in ("exit", "return"):
            status = words[1] if len(words) == 2 else None
            wells = (True, False) if not (status or "").isdecimal() else (_is_well(status or ""),)
            return frozenset(_Outcome(well, exits=True) for well in wells)
        starts = launched(words)
        if starts is None or starts.opaque:
            return _EITHER
        if len(starts.texts) == 1 and not starts.commands:
            has_e = any(word and word[0] == "-" and "e" in word for word in words[1:-1])
            return _inside(_Reader(starts.texts[0]).whole(has_e))
        if starts.transparent and len(starts.commands) == 1 and not starts.texts:
            return _inside(self._command(starts.commands[0], depth + 1))
        return _EITHER


def _inside(outcomes: _Outcomes) -> _Outcomes:
    """Those of another shell: its exit is not ours."""
    return frozenset(_Outcome(outcome.well) for outcome in outcomes)


def _is_well(status: str) -> bool:
    return int(status) % 256 == 0
