"""Conditions that nothing decides but their own text."""

from __future__ import annotations

import ast

__all__ = ["truth"]


def truth(test: ast.expr) -> bool | None:
    """What an expression comes to whatever happens; ``None`` if that depends."""
    match test:
        case ast.Constant(value=value):
            return bool(value)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return None if any(isinstance(p, ast.Starred) for p in parts) else bool(parts)
        case ast.Lambda():
            return True
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = truth(operand)
            return None if inner is None else not inner
        case ast.BoolOp(op=operation, values=values):
            stops = isinstance(operation, ast.Or)
            found = [truth(value) for value in values]
            if stops in found:
                return stops
            return None if None in found else not stops
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, ast.Name(id="object")]):
            return True
    return None
