"""Code that was commented out instead of taken out: added comment blocks that parse as code.

A good deal of prose parses as Python, too (``not implemented``, ``note: see below``, ``O(n)``,
``r = radius``). So a block counts only if a statement in it is one that nobody writes as prose;
what may be either is left alone.
"""

from __future__ import annotations

import ast
import io
import sys
import textwrap
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator

from interlock.core.facts import Finding

__all__ = ["commented_code"]

# What makes a branch that was cut out of its statement whole again.
_BEFORE = ("", "if _:\n    pass\n", "try:\n    pass\n")
_TYPES = frozenset(
    {"int", "str", "bool", "float", "bytes", "list", "dict", "set", "tuple", "object", "type"}
)
_PLAIN = (
    *(ast.Name, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Starred),
    *(ast.operator, ast.unaryop, ast.expr_context),
)
# So many lines of a block may be its heading.
_STARTS = 50
_SHOWN = 80


def commented_code(path: str, old: bytes | None, new: bytes) -> tuple[Finding, ...]:
    """Comment blocks of ``new`` that ``old`` does not have and that are code.

    Args:
        path: of the file, from the tree's root; only Python files are read.
        old: the file on the base, ``None`` if it is not there.
        new: the file in the candidate.
    """
    if not path.endswith(".py"):
        return ()
    known = Counter(text for _, _, text in _comments(old or b""))
    added: list[tuple[int, int, str]] = []
    for line, column, text in _comments(new):
        if known[text]:
            known[text] -= 1
        else:
            added.append((line, column, text))
    found = (_code(block) for block in _blocks(added))
    return tuple(
        Finding(kind="commented_code", path=path, line=line, message=text[:_SHOWN])
        for line, text in filter(None, found)
    )


def _comments(source: bytes) -> list[tuple[int, int, str]]:
    """Line, column and text of the comments that have a line of their own."""
    found: list[tuple[int, int, str]] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip():
                found.append((*token.start, token.string))
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError, ValueError):
        return []
    return found


def _blocks(comments: list[tuple[int, int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Comments below each other, with their lines."""
    block: list[tuple[int, str]] = []
    last = (0, 0)
    for line, column, text in comments:
        if block and (line, column) != (last[0] + 1, last[1]):
            yield block
            block = []
        block.append((line, text))
        last = line, column
    if block:
        yield block


def _code(block: list[tuple[int, str]]) -> tuple[int, str] | None:
    """Line and first line of what is code in a block: all of it, or what follows its heading."""
    lines = [(line, _uncommented(text)) for line, text in block]
    lines = [(line, text) for line, text in lines if text.strip()]
    for start in range(min(len(lines), _STARTS)):
        rest = lines[start:]
        if start and (len(rest) < 2 or _indent(rest[0][1]) > _indent(lines[start - 1][1])):
            # A single line after prose is prose, and what is indented below it is an example.
            continue
        if _is_code("\n".join(text for _, text in rest)):
            return rest[0][0], rest[0][1].strip()
    return None


def _uncommented(text: str) -> str:
    text = text.lstrip("#")
    return text.removeprefix(" ").rstrip()


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _is_code(text: str) -> bool:
    text = textwrap.dedent(text)
    for before in _BEFORE:
        source = f"{before}{text}\n"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an escape in prose is nobody's mistake
                body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        # Over several lines a branch is code whatever is in it.
        return bool(before and "\n" in text) or any(_statement(node, source) for node in body)
    return False


def _statement(node: ast.stmt, text: str) -> bool:
    """Whether nobody would write this as prose.

    Args:
        text: what the statement is part of.
    """
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.ImportFrom():
            return True
        case ast.Import(names=names):
            return any(
                "." in alias.name or alias.name in sys.stdlib_module_names for alias in names
            )
        case ast.AugAssign():
            return True
        case ast.Assign(targets=targets, value=value):
            # `r = radius` explains a letter, `area = width * height` a number.
            if any(_is_spaced(target, text) for target in targets):
                return False
            return any(not isinstance(t, ast.Name) for t in targets) or not _is_plain(value)
        case ast.AnnAssign(target=target, annotation=annotation, value=value):
            return value is not None and _is_variable(target) and _is_type(annotation)
        case ast.Delete(targets=targets):
            return any(isinstance(t, ast.Subscript) for t in targets)
        case ast.Return(value=value) | ast.Assert(test=value):
            return value is not None and _expression(value, text)
        case ast.Raise(exc=ast.Call() as call):
            return _expression(call, text)
        case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield() as value):
            return _expression(value, text)
        case ast.If() | ast.For() | ast.While() | ast.With() | ast.Try() | ast.Match():
            # On one line `if needed: skip` is prose; over several lines nothing is.
            several = (node.end_lineno or 0) > node.lineno
            inner = (n for n in ast.walk(node) if isinstance(n, ast.stmt) and n is not node)
            return several or any(_statement(n, text) for n in inner)
    return False


def _is_plain(value: ast.expr) -> bool:
    """Names and arithmetic over them; a constant alone is a setting."""
    if isinstance(value, ast.Constant):
        return False
    return all(isinstance(part, _PLAIN) for part in ast.walk(value))


def _is_spaced(target: ast.expr, text: str) -> bool:
    """As in `e.g. width = 3`, which is an attribute to Python."""
    segment = ast.get_source_segment(text, target) or ""
    return isinstance(target, ast.Attribute) and " " in segment


def _is_variable(target: ast.expr) -> bool:
    return not isinstance(target, ast.Name) or not target.id[:1].isupper()


def _is_type(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Name(id=name):
            return name in _TYPES or name[:1].isupper()
        case ast.BinOp(op=ast.BitOr()) | ast.Subscript() | ast.Attribute():
            return True
        case ast.Constant(value=value):
            return value is None
    return False


def _expression(value: ast.expr, text: str) -> bool:
    match value:
        case ast.Await(value=inner):
            return _expression(inner, text)
        case ast.Yield(value=inner):
            return inner is not None and _expression(inner, text)
        case ast.Call(func=function, args=arguments, keywords=keywords):
            if not _is_tight(function, text):
                return False
            match function:
                case ast.Name(id="print"):
                    return True
                case ast.Attribute(value=ast.Name(id="self" | "cls")):
                    return True
            # `O(n)`, `slug(text)` and `os.getcwd()` are how people speak of them.
            return bool(keywords) or any(not isinstance(a, ast.Name) for a in arguments)
        case ast.Compare():
            things = (ast.Call, ast.Attribute, ast.Subscript)
            return any(isinstance(part, things) for part in ast.walk(value))
        case ast.BinOp() | ast.Subscript() | ast.Dict() | ast.Attribute():
            return True
    return False


def _is_tight(function: ast.expr, text: str) -> bool:
    """Whether a call's bracket follows at once: `helpers (internal)` is prose."""
    line = text.splitlines()[(function.end_lineno or 1) - 1].encode()
    end = function.end_col_offset or 0
    return line[end : end + 1] == b"("
