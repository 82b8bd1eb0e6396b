"""Test files with some of their functions taken out, or put back as they were."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Mapping

from interlock.statics.python.edits import Edits
from interlock.statics.python.symbols import bindings, parse
from interlock.statics.python.written_tests import Function, statements

__all__ = ["functions", "without", "without_imports"]


def functions(source: bytes) -> Mapping[str, Function]:
    """``test_a`` or ``TestB::test_c`` → its definition; the last one of a name counts."""
    found: dict[str, Function] = {}

    def collect(body: Collection[ast.stmt], prefix: str) -> None:
        for node in statements(body):
            if isinstance(node, Function):
                found[prefix + node.name] = node
            elif isinstance(node, ast.ClassDef):
                collect(node.body, f"{prefix}{node.name}::")

    try:
        collect(parse(source).body, "")
    except ValueError:
        return {}
    return found


def without(source: bytes, names: Collection[str], older: bytes = b"") -> bytes:
    """The file without some functions, or with them as an older one has them."""
    source = source.removeprefix(b"\xef\xbb\xbf")
    edits = Edits(source)
    before = functions(older)
    bound = {*dir(builtins), *(name for name, _ in bindings(parse(source).body))}
    for name, node in functions(source).items():
        if name in names:
            start, end = _span(edits, node)
            there = before.get(name)
            fits = there is not None and there.col_offset == node.col_offset
            if there is None or not fits or _needed(there) - bound:
                edits.replace(start, end, "pass")
            else:
                edits.replace(start, end, _text(older, there))
    return edits.apply()


def without_imports(source: bytes, missing: Collection[str]) -> bytes:
    """The file without imports of things that are not there.

    Args:
        missing: ``module:name``, or ``module`` for one that is not there at all.
    """
    try:
        tree = parse(source)
    except ValueError:
        return source
    edits = Edits(source.removeprefix(b"\xef\xbb\xbf"))
    for node in statements(tree.body):
        if isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module or ""
            gone = {module, *(f"{module}:{a.name}" for a in node.names)} & set(missing)
            kept = [
                a
                for a in node.names
                if module not in missing
                and not {f"{module}:{a.name}", f"{module}.{a.name}"} & set(missing)
            ]
        elif isinstance(node, ast.Import):
            gone = {a.name for a in node.names} & set(missing)
            kept = [a for a in node.names if a.name not in missing]
        else:
            continue
        if gone or len(kept) < len(node.names):
            node.names = kept
            edits.replace(edits.start(node), edits.end(node), ast.unparse(node) if kept else "pass")
    return edits.apply()


def _span(edits: Edits, node: Function) -> tuple[int, int]:
    if not node.decorator_list:
        return edits.start(node), edits.end(node)
    # The expression of a decorator starts after its sign.
    at = edits.start(node.decorator_list[0])
    return edits.source.rindex(b"@", 0, at), edits.end(node)


def _needed(node: Function) -> set[str]:
    """Names that have to be there when the definition is run."""
    when_defined = [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]
    parts = [inner for part in when_defined if part for inner in ast.walk(part)]
    return {part.id for part in parts if isinstance(part, ast.Name)}


def _text(source: bytes, node: Function) -> str:
    edits = Edits(source.removeprefix(b"\xef\xbb\xbf"))
    start, end = _span(edits, node)
    return edits.source[start:end].decode()
