"""Where the parameters of a test get their values: a table, a strategy, a fixture."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from interlock.statics.python.assertions import called
from interlock.statics.python.written_tests import Function

__all__ = ["Given", "given", "is_constant"]


@dataclass(frozen=True)
class Given:
    """What is known of one parameter.

    Args:
        is_unknown: it may be anything.
        is_fixture: a fixture of the file makes it.
        is_constant: its values stand in the text, and nothing can change them.
        values: expressions that they come from.
    """

    is_unknown: bool = False
    is_fixture: bool = False
    is_constant: bool = False
    values: tuple[ast.AST, ...] = ()


def given(function: Function, helpers: Mapping[str, Function]) -> dict[str, Given]:
    """Parameter → what is known of it; of fixtures of the file, and what those need, as well.

    Args:
        function: the test.
        helpers: functions of its file.
    """
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    every = (*names, *(a.arg for a in function.args.kwonlyargs))
    known = dict(_decorated(function, names))
    found: dict[str, Given] = {}
    waiting = list(every)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        fixture = helpers.get(name)
        if name in known:
            found[name] = known[name]
        elif fixture is not None and any(
            "fixture" in ast.unparse(d) for d in fixture.decorator_list
        ):
            found[name] = Given(is_fixture=True)
            waiting += [a.arg for a in fixture.args.args]
        else:
            found[name] = Given(is_unknown=True)
    return found


def _decorated(function: Function, names: list[str]) -> Iterator[tuple[str, Given]]:
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call):
            continue
        match called(decorator), decorator.args:
            case "parametrize", [of, values]:
                if not any(k.arg == "indirect" for k in decorator.keywords):
                    is_constant = _is_table(values)
                    for name in _listed(of):
                        yield name, Given(is_constant=is_constant, values=(values,))
            case "given", strategies:
                # What is given by place fills the last parameters.
                start = len(names) - len(strategies)
                if not any(isinstance(s, ast.Starred) for s in strategies) and start >= 0:
                    pairs = zip(names[start:], strategies, strict=True)
                    yield from ((name, Given(values=(s,))) for name, s in pairs)
                for keyword in decorator.keywords:
                    if keyword.arg:
                        yield keyword.arg, Given(values=(keyword.value,))


def _listed(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(text)):
            return [name.strip() for name in text.split(",")]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [
                p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)
            ]
    return []


def _is_table(values: ast.expr) -> bool:
    match values:
        case ast.List(elts=rows) | ast.Tuple(elts=rows):
            return all(map(_is_row, rows))
    return False


def _is_row(row: ast.expr) -> bool:
    if isinstance(row, ast.Call) and called(row) == "param":
        return all(map(is_constant, row.args))
    return is_constant(row)


def is_constant(value: ast.AST) -> bool:
    """A value that nothing can change, and that nothing but the text decides."""
    match value:
        case ast.Constant():
            return True
        case ast.Tuple(elts=parts):
            return all(map(is_constant, parts))
        case ast.UnaryOp(operand=operand):
            return is_constant(operand)
        case ast.BinOp(left=left, right=right):
            return is_constant(left) and is_constant(right)
    return False
