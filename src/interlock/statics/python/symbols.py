"""Names that a Python module defines, each with a digest of what its definition means.

The digest is over the syntax tree: comments, layout and quotes do not count, decorators do.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator

__all__ = ["affected_symbols", "bindings", "changed_symbols", "means_the_same", "parse", "symbols"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Import = ast.Import | ast.ImportFrom


def parse(source: bytes) -> ast.Module:
    """The syntax tree of a UTF-8 source.

    Raises:
        ValueError: it is not Python of this interpreter's version, or not UTF-8.
    """
    try:
        source.decode("utf-8-sig")
        return ast.parse(source)
    except SyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError("nested too deeply") from error


def symbols(source: bytes) -> dict[str, str]:
    """Dotted name → digest, for everything bound at module or class level.

    Raises:
        ValueError: the source cannot be parsed.
    """
    found: dict[str, str] = {}
    _collect(parse(source).body, "", found)
    return found


def changed_symbols(old: bytes, new: bytes) -> frozenset[str]:
    """Names of ``new`` that ``old`` does not have, or defines differently.

    An ``old`` that cannot be parsed defines nothing. A ``new`` one has no names then.
    """
    try:
        after = symbols(new)
    except ValueError:
        return frozenset()
    try:
        before = symbols(old)
    except ValueError:
        before = {}
    return frozenset(name for name, digest in after.items() if before.get(name) != digest)


def affected_symbols(old: bytes, new: bytes) -> frozenset[str]:
    """Names of ``new`` whose definition reads, also by way of others, a name of the module that is
    bound differently than in ``old``; what is imported does not count as bound differently.
    """
    try:
        body = parse(new).body
    except ValueError:
        return frozenset()
    top = {n: node for n, node in bindings(body) if not isinstance(node, _Import)}
    changed = changed_symbols(old, new) & top.keys()
    reads = {name: _reads(node) for name, node in top.items()}
    while more := {name for name, read in reads.items() if read & changed} - changed:
        changed |= more
    found: set[str] = set()
    for name, node in top.items():
        inner = bindings(node.body) if isinstance(node, ast.ClassDef) else ()
        parts = [(name, node), *((f"{name}.{method}", part) for method, part in inner)]
        found |= {dotted for dotted, part in parts if _reads(part) & changed}
    return frozenset(found)


def _reads(node: ast.AST) -> frozenset[str]:
    names = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return frozenset(n.id for n in names if isinstance(n.ctx, ast.Load))


def means_the_same(old: bytes, new: bytes) -> bool:
    """Whether two sources do the same when they run; not if one cannot be parsed."""
    try:
        before, after = parse(old), parse(new)
    except ValueError:
        return False
    return _running(before) == _running(after)


def _running(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | _Function):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree)


def bindings(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    """Names that statements bind in their own scope, those inside ``if``, ``try``, … included."""
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield statement.name, statement
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    yield (alias.asname or alias.name.partition(".")[0]), statement
            case ast.Assign(targets=targets):
                yield from ((name, statement) for t in targets for name in _names(t))
            case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
                yield from ((name, statement) for name in _names(target))
            case _:
                for child in ast.iter_child_nodes(statement):
                    if isinstance(child, ast.stmt):
                        yield from bindings([child])
                    elif isinstance(child, ast.ExceptHandler | ast.match_case):
                        yield from bindings(child.body)


def _names(target: ast.expr) -> Iterator[str]:
    """Names that are stored to; ``Class.attribute`` for an attribute of a plain name."""
    for node in ast.walk(target):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(ctx=ast.Store()) if all(
                isinstance(part, ast.Name | ast.Attribute | ast.expr_context)
                for part in ast.walk(node)
            ):
                yield ast.unparse(node)


def _collect(body: Iterable[ast.stmt], prefix: str, found: dict[str, str]) -> None:
    for name, node in bindings(body):
        # The last binding is the one that counts, as when the module is run.
        found[prefix + name] = hashlib.sha256(ast.dump(node).encode()).hexdigest()
        if isinstance(node, ast.ClassDef):
            _collect(node.body, f"{prefix}{name}.", found)
            for attribute in _instance_attributes(node):
                found.setdefault(f"{prefix}{name}.{attribute}", "")


def _instance_attributes(node: ast.ClassDef) -> Iterator[str]:
    """Attributes that methods set on their first parameter."""
    for method in node.body:
        if not isinstance(method, _Function) or not method.args.args:
            continue
        own = method.args.args[0].arg
        for inner in ast.walk(method):
            if (
                isinstance(inner, ast.Attribute)
                and isinstance(inner.ctx, ast.Store)
                and isinstance(inner.value, ast.Name)
                and inner.value.id == own
            ):
                yield inner.attr
