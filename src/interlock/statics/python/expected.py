"""Where a comparison in a test has the value that it expects."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection

from interlock.statics.python.assertions import called

__all__ = ["expects_in_call", "expects_in_test"]

Wrap = Callable[[ast.expr], ast.expr]

_COMPARING = frozenset(
    {
        "assertEqual",
        "assertEquals",
        "assertIs",
        "assertAlmostEqual",
        "assertCountEqual",
        "assertDictEqual",
        "assertListEqual",
        "assertMultiLineEqual",
        "assertSequenceEqual",
        "assertSetEqual",
        "assertTupleEqual",
        "assert_equal",
        "assert_allclose",
        "assert_almost_equal",
        "assert_array_equal",
    }
)
_CALLED_WITH = frozenset({"assert_called_with", "assert_called_once_with", "assert_any_call"})
_Literal = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.JoinedStr)


def expects_in_test(test: ast.expr, parameters: Collection[str], wrap: Wrap) -> bool:
    """Wrap the expected values of an ``assert``'s expression; whether there are any.

    Args:
        parameters: of the test's function: they hold expected values more often than results.
    """
    match test:
        case ast.Compare(ops=[ast.Eq() | ast.Is()], comparators=[right]):
            if _is_expected(test.left, parameters) > _is_expected(right, parameters):
                test.left = _wrapped(test.left, wrap)
            else:
                test.comparators = [_wrapped(right, wrap)]
            return True
        case ast.BoolOp(op=ast.And(), values=values):
            found = [expects_in_test(value, parameters, wrap) for value in values]
            return any(found)
    return False


def expects_in_call(call: ast.Call, parameters: Collection[str], wrap: Wrap) -> bool:
    """Wrap the expected value of a call that compares; whether there is one."""
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return False
    name = called(call)
    if name in _COMPARING and len(call.args) > 1:
        first, second = (_is_expected(argument, parameters) for argument in call.args[:2])
        place = 0 if first > second else 1
    elif name in _CALLED_WITH and call.args:
        place = 0
    elif name in _CALLED_WITH and call.keywords and call.keywords[0].arg is not None:
        call.keywords[0].value = _wrapped(call.keywords[0].value, wrap)
        return True
    else:
        return False
    call.args[place] = _wrapped(call.args[place], wrap)
    return True


def _is_expected(node: ast.expr, parameters: Collection[str]) -> int:
    """How likely a side is the expected one rather than the result."""
    match node:
        case ast.UnaryOp(operand=ast.Constant()) | ast.Call(func=ast.Name(id="approx")):
            return 2
        case ast.Call(func=ast.Attribute(attr="approx")):
            return 2
        case ast.Name(id=name) if name in parameters:
            return 1
    return 2 if isinstance(node, _Literal) else 0


def _wrapped(node: ast.expr, wrap: Wrap) -> ast.expr:
    if isinstance(node, ast.Call) and called(node) == "approx" and node.args:
        node.args[0] = wrap(node.args[0])
        return node
    return wrap(node)
