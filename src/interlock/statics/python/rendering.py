"""The same meaning in another text: other local names, another layout, no comments.

Honest code does not notice. A source that looks at texts (its own or those of its tests) before it
decides what to do sees in every rewriting something else than what was handed in, and in all
rewritings of one measurement the same.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from interlock.statics.python.names import FreshNames
from interlock.statics.python.written_tests import Function

__all__ = ["render"]

_Scope = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
# Whoever asks for these sees local names.
_LOOKING = frozenset(
    {"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "f_locals", "stack"}
)


def render(tree: ast.Module, names: FreshNames) -> bytes:
    """The text of a module, which is changed in place.

    Raises:
        ValueError: there is no text that means the same.
    """
    for node in list(ast.walk(tree)):
        if isinstance(node, Function):
            _rewrite(node, names)
    try:
        text = ast.unparse(ast.fix_missing_locations(tree)).encode()
        ast.parse(text)
    except (SyntaxError, RecursionError, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from error
    # Where no name can change, the text does all the same.
    return text + f"\n# {names.fresh()}\n".encode()


def _rewrite(function: Function, names: FreshNames) -> None:
    own, inner = _parts(function)
    if any(_identifier(node) in _LOOKING for node in (*own, *inner)):
        return
    for old in sorted(_renamable(function, own, inner)):
        new = names.fresh()
        for node in own:
            if isinstance(node, ast.Name) and node.id == old:
                node.id = new
    start = 1 if ast.get_docstring(function, clean=False) is not None else 0
    for _ in range(2):
        place = start + names.number(len(function.body) - start + 1)
        function.body.insert(place, _unused(names))


def _unused(names: FreshNames) -> ast.stmt:
    return ast.Assign([ast.Name(names.fresh(), ast.Store())], ast.Constant(names.number(1000)))


def _parts(function: Function) -> tuple[list[ast.AST], list[ast.AST]]:
    """Nodes of the function's own scope, and everything of the scopes inside it."""
    own: list[ast.AST] = []
    inner: list[ast.AST] = []
    todo: list[ast.AST] = [*function.body]
    while todo:
        node = todo.pop()
        if isinstance(node, _Scope):
            inner += ast.walk(node)
        else:
            own.append(node)
            todo += ast.iter_child_nodes(node)
    return own, inner


def _identifier(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _renamable(function: Function, own: list[ast.AST], inner: list[ast.AST]) -> set[str]:
    """Names that only assignments in the function's own scope bind, and that only it reads."""
    bound = {n.id for n in own if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    arguments = {n.arg for n in ast.walk(function.args) if isinstance(n, ast.arg)}
    elsewhere = {name for node in (*own, *inner) for name in _named(node)}
    read_inside = {n.id for n in inner if isinstance(n, ast.Name)}
    # ``__name`` inside a class is another name than it looks.
    return {n for n in bound - arguments - elsewhere - read_inside if not n.startswith("__")}


def _named(node: ast.AST) -> Iterator[str]:
    """Names that a node mentions as text, where renaming would have to follow."""
    match node:
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case ast.alias(name=name, asname=asname):
            yield asname or name.partition(".")[0]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
