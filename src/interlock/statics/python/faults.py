"""What can be broken in a definition: one fault is one small change of one node."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from interlock.statics.python.written_tests import Function

__all__ = ["Fault", "after_docstring", "faults", "raises_at_once"]

Apply = Callable[[ast.AST], None]

_SWAPS: Mapping[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_LOGGING = frozenset(
    {"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "print"}
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break a definition.

    Args:
        rank: kinds of faults that tell more come first.
        what: in words, for people.
        node: the node that changes.
        apply: changes the node, or its copy.
    """

    rank: int
    what: str
    node: ast.AST
    apply: Apply


def faults(definition: ast.stmt) -> Iterator[Fault]:
    """Everything that can be broken in a function's body, or in values that a class or a module
    gives to names."""
    match definition:
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body):
            statements = body[after_docstring(definition) :]
        case ast.ClassDef(body=body):
            statements = [s for s in body if isinstance(s, ast.Assign | ast.AnnAssign)]
        case _:
            statements = [definition]
    for node in _walk(statements):
        yield from _of(node)


def raises_at_once(function: Function) -> Fault | None:
    """For a function in which nothing else can be broken; ``None`` if its body does nothing."""
    if all(map(_does_nothing, function.body)):
        return None

    def apply(node: ast.AST) -> None:
        assert isinstance(node, Function)  # noqa: S101 — a copy of ``function``
        place = after_docstring(node)
        node.body.insert(place, ast.Raise(ast.Name("RuntimeError", ast.Load())))

    return Fault(9, "raise at once", function, apply)


def after_docstring(function: Function) -> int:
    """Place of the first statement of a body that does anything."""
    return 1 if ast.get_docstring(function, clean=False) is not None else 0


def _does_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id=name) | ast.Call(func=ast.Name(id=name))):
            return name == "NotImplementedError"
    return False


def _walk(nodes: list[ast.stmt]) -> Iterator[ast.AST]:
    """Nodes that a test may be asked to notice a change of, in order."""
    todo: list[ast.AST] = list(reversed(nodes))
    while todo:
        node = todo.pop()
        if _is_talk(node) or (isinstance(node, ast.stmt) and _does_nothing(node)):
            continue
        yield node
        todo += reversed(list(_parts(node)))


def _is_talk(node: ast.AST) -> bool:
    """Logging and printing, and what is only for type checkers."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="print"))):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name, value=owner))):
            return name in _LOGGING and any(
                isinstance(part, ast.Name | ast.Attribute) and _speaks(part)
                for part in ast.walk(owner)
            )
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return True
    return False


def _speaks(node: ast.Name | ast.Attribute) -> bool:
    name = (node.id if isinstance(node, ast.Name) else node.attr).lower()
    return "log" in name or name == "warnings"


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body):
            yield from body[after_docstring(node) :]
        case ast.AnnAssign(target=target, value=value):
            yield target
            if value is not None:
                yield value
        case ast.Raise():
            # What an error says is no business of most tests.
            return
        case ast.Assert(test=test):
            yield test
        case ast.FormattedValue(value=value):
            yield value
        case ast.Lambda(body=body):
            yield body
        case _:
            yield from ast.iter_child_nodes(node)


def _of(node: ast.AST) -> Iterator[Fault]:
    match node:
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield Fault(0, "return None", node, _set("value", ast.Constant(None)))
        case ast.Yield(value=value) if value is not None and not _is_none(value):
            yield Fault(0, "yield None", node, _set("value", ast.Constant(None)))
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                yield Fault(1, "the opposite comparison", node, _swap_at(place, type(op)))
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in _SWAPS:
            yield Fault(1, "another operator", node, _set("op", _SWAPS[type(op)]()))
        case ast.Raise(exc=exc) if exc is not None:
            other = ast.Name("ArithmeticError", ast.Load())
            yield Fault(1, "another error", node, _set("exc", other))
        case ast.If() | ast.IfExp() | ast.While():
            yield Fault(2, "the opposite condition", node, _negate)
        case ast.comprehension(ifs=[_, *_]):
            yield Fault(2, "no condition", node, _set("ifs", []))
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield Fault(3, "left out", node, _set("value", ast.Constant(None)))
        case ast.Assign(value=value) if not _is_none(value):
            yield Fault(3, "None instead", node, _set("value", ast.Constant(None)))
        case ast.Constant(value=bool() | int() | float() | str() | bytes()):
            yield Fault(4, "another value", node, _other_value)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _set(field: str, value: object) -> Apply:
    return lambda node: setattr(node, field, value)


def _swap_at(place: int, kind: type[ast.AST]) -> Apply:
    def apply(node: ast.AST) -> None:
        assert isinstance(node, ast.Compare)  # noqa: S101 — the fault was made of one
        swapped = _SWAPS[kind]()
        assert isinstance(swapped, ast.cmpop)  # noqa: S101 — the table pairs their kinds
        node.ops[place] = swapped

    return apply


def _negate(node: ast.AST) -> None:
    assert isinstance(node, ast.If | ast.IfExp | ast.While)  # noqa: S101 — the fault was made of one
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _other_value(node: ast.AST) -> None:
    assert isinstance(node, ast.Constant)  # noqa: S101 — the fault was made of one
    match node.value:
        case bool(value):
            node.value = not value
        case int(number) | float(number):
            node.value = number + 1
        case str(text):
            node.value = f"{text}x"
        case bytes(data):
            node.value = data + b"x"
