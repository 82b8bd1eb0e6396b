"""Whether a shell command can fail at all: ``make lint || true`` says yes whatever lint finds.

Only what certainly cannot fail is named. What is not understood may fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tree_sitter import Node, Parser

from interlock.core.policy.bash import BASH

__all__ = ["why_it_cannot_fail"]

_ALWAYS_WELL: Final = frozenset({"true", ":", "echo", "printf"})
_PASSING_ON: Final = frozenset({"tee", "cat"})
_SHELLS: Final = frozenset({"sh", "bash", "dash"})
_BODIES: Final = frozenset({"program", "compound_statement", "subshell", "do_group", "else_clause"})
_DEEPEST: Final = 64
_LONGEST: Final = 64 * 1024


def why_it_cannot_fail(command: str) -> str:
    """Why the command ends with 0 whatever happens, as the end of "it cannot fail: …"; else empty.

    Args:
        command: as for a shell.
    """
    return _text(command, 0) if len(command) <= _LONGEST else ""


def _text(text: str, depth: int) -> str:
    root = Parser(BASH).parse(text.encode()).root_node
    if root.has_error or depth > _DEEPEST:
        return ""
    return _sequence(root.children, depth)


def _why(node: Node, depth: int) -> str:
    if depth > _DEEPEST:
        return ""
    match node.type:
        case "command":
            return _command(node, depth)
        case "list":
            return _list(node, depth)
        case "pipeline":
            return _pipeline(node, depth)
        case "redirected_statement":
            body = node.child_by_field_name("body")
            return _why(body, depth + 1) if body else ""
        case "function_definition":
            return "defining a function always succeeds"
        case kind if kind in _BODIES:
            return _sequence(node.children, depth)
    return ""


def _pipeline(node: Node, depth: int) -> str:
    *_, last = (child for child in node.named_children if not _is_noise(child))
    why = _why(last, depth + 1)
    if _words(last)[:1] and _words(last)[0] in _PASSING_ON:
        why = f"'{_shown(last)}' only passes on what it is given"
    return f"only the end of a pipe counts, and {why}" if why else ""


def _sequence(children: Sequence[Node], depth: int) -> str:
    """Statements one after the other: the last one decides, and after ``set -e`` each of them."""
    reasons: list[str] = []
    for place, child in enumerate(children):
        if not child.is_named or _is_noise(child):
            continue
        words = _words(child)
        if words[:1] == ["set"] and "pipefail" in words:
            return ""  # then each part of a pipe counts
        if _is_set_e(words):
            continue
        follower = children[place + 1].type if place + 1 < len(children) else ""
        if follower == "&":
            reasons = ["what runs in the background is not waited for"]
            continue
        why = _why(child, depth + 1)
        reasons = [*reasons, why] if _stops_early(children[:place]) else [why]
        if words[:1] == ["exit"]:
            break
    return reasons[-1] if reasons and all(reasons) else ""


def _list(node: Node, depth: int) -> str:
    """``a && b`` fails with either, ``a || b`` only with both."""
    parts = [child for child in node.named_children if not _is_noise(child)]
    if len(parts) != 2:
        return ""
    one, other = (_why(part, depth + 1) for part in parts)
    if any(child.type == "||" for child in node.children):
        return (other and f"'||' goes on with what always succeeds ({_shown(parts[1])})") or one
    return other if one else ""


def _command(node: Node, depth: int) -> str:
    words = _words(node)
    name = words[0].rpartition("/")[2] if words else ""
    if name in _ALWAYS_WELL:
        return f"'{_shown(node)}' always succeeds"
    if words == ["exit", "0"]:
        return "'exit 0' always succeeds"
    if name in _SHELLS and len(words) == 3 and words[1] in ("-c", "-lc"):
        return _text(_unquoted(words[2]), depth + 1)
    return ""


def _stops_early(before: Sequence[Node]) -> bool:
    """Whether one of the statements is ``set -e``."""
    return any(_is_set_e(_words(node)) for node in before)


def _is_set_e(words: Sequence[str]) -> bool:
    return words[:1] == ["set"] and any(
        word == "errexit" or (word.startswith("-") and "e" in word) for word in words[1:]
    )


def _words(node: Node) -> list[str]:
    if node.type != "command":
        return []
    texts = [child.text or b"" for child in node.named_children if child.type != "file_redirect"]
    return [text.decode(errors="replace") for text in texts]


def _unquoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


def _shown(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")[:80]


def _is_noise(node: Node) -> bool:
    return node.type == "comment" or node.type.endswith("_redirect")
