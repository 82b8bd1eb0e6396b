"""Which lines of a source run, and which of them belong together."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from interlock.statics.python.symbols import parse

__all__ = ["statements"]

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def statements(source: bytes) -> Mapping[int, int]:
    """Line → first line of the statement that runs there.

    Of a compound statement that is its head. Not in it: docstrings, bare annotations, ``else`` and
    ``except``, what is only for type checkers, and everything of a source that cannot be parsed.
    A comment that asks for a line not to be counted is not looked at.
    """
    try:
        tree = parse(source)
    except ValueError:
        return {}
    found: dict[int, int] = {}
    for node in _running(tree.body):
        first, last = _span(node)
        for line in range(first, last + 1):
            # A lambda or a string over several lines stays with the innermost statement.
            found[line] = first
    return found


def _running(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Global() | ast.Nonlocal():
                continue
            case ast.AnnAssign(value=None):
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from _running(node.orelse)
                continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            yield from _running(getattr(node, field, []))
        for inner in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
            yield from _running(inner.body)


def _span(node: ast.stmt) -> tuple[int, int]:
    first = node.lineno
    if isinstance(node, _Definition) and node.decorator_list:
        first = node.decorator_list[0].lineno
    # ``match`` has its cases where others have a body.
    inner = getattr(node, "body", None) or getattr(node, "cases", None)
    if not inner:
        return first, node.end_lineno or first
    begin = inner[0].lineno if isinstance(inner[0], ast.stmt) else inner[0].pattern.lineno
    return first, max(first, begin - 1)
