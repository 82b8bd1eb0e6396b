"""Small faults in changed code, one at a time: a test that notices none of them shows nothing.

What no test could be asked to notice is left alone: logging, messages of errors, annotations,
docstrings, bodies that do nothing, and functions that are neither planned nor called by a new test.
Statements that changed come before those that did not. A function in which nothing else can be
broken is made to raise when it is called.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby, zip_longest

from interlock.ports.statics import Called, Mutation, Mutations, Versions
from interlock.statics.python.faults import Fault, after_docstring, faults, raises_at_once
from interlock.statics.python.modules import Layout, parse_symbol
from interlock.statics.python.symbols import bindings, parse
from interlock.statics.python.written_tests import Function

__all__ = ["IN_ALL", "PER_SYMBOL", "mutations"]

PER_SYMBOL, IN_ALL = 5, 20
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class _Changed:
    """A definition that is new or differs from the base's."""

    path: str
    name: str
    tree: ast.Module
    node: ast.stmt
    is_planned: bool
    old: ast.stmt | None


def mutations(
    versions: Versions,
    planned: Collection[str],
    called: Called,
    seed: str,
    *,
    moved: bool = False,
) -> Mutations:
    """Faults for what changed, in the order in which they should be tried.

    Args:
        versions: path → contents on the base and in the candidate, ``None`` where it is not there.
        planned: symbols of the plan; values among them count as well as functions.
        called: path → first lines of the functions that new tests call in the candidate.
        seed: decides which of many possible faults are chosen.
        moved: what stands in another file now counts as changed.
    """
    chance = random.Random(seed)  # noqa: S311 — a choice that has to be repeatable
    changed = list(_changed(versions, planned, moved=moved))
    found = [each for each in changed if each.is_planned or _is_called(each, called)]
    if not any(_is_called(each, called) for each in changed):
        # The tests drive another process, or it only looks as if they called nothing.
        found = changed
    chance.shuffle(found)
    found.sort(key=lambda each: not each.is_planned)
    rows = [[(each, fault) for fault in _chosen(each, chance)] for each in found]
    # One for each symbol, then a second one for each: whatever is cut off, each had its turn.
    turns = [entry for turn in zip_longest(*rows) for entry in turn if entry is not None]
    made = tuple(_made(each, fault) for each, fault in turns[:IN_ALL])
    tried = {mutation.symbol for mutation in made}
    possible = {_symbol(row[0][0]) for row in rows if row}
    possible |= {_symbol(each) for each in changed if each not in found}
    return Mutations(mutations=made, left_out=tuple(sorted(possible - tried)))


def _symbol(changed: _Changed) -> str:
    return f"{changed.path}::{changed.name}"


def _changed(versions: Versions, planned: Collection[str], *, moved: bool) -> Iterator[_Changed]:
    olds = {path: _definitions(old)[1] for path, (old, _) in versions.items() if old is not None}
    # What only moved to another file did not change.
    known = {
        (path if moved else "", name, _meaning(node))
        for path, each in olds.items()
        for name, node in each
    }
    for path, (_, new) in versions.items():
        if new is None:
            continue
        tree, definitions = _definitions(new)
        for name, node in definitions:
            is_planned = _is_planned(path, name, planned)
            meant = (path if moved else "", name, _meaning(node))
            if (_first_line(node) or is_planned) and meant not in known:
                old = dict(olds.get(path, ())).get(name)
                yield _Changed(path, name, tree, node, is_planned, old)


def _is_called(changed: _Changed, called: Called) -> bool:
    return _first_line(changed.node) in called.get(changed.path, ())


def _meaning(node: ast.stmt) -> str:
    """What a definition is when it runs: annotations and docstrings do not count."""
    node = copy.deepcopy(node)
    for inner in ast.walk(node):
        match inner:
            case ast.arg():
                inner.annotation = None
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inner.returns = None
                inner.body = inner.body[after_docstring(inner) :]
    return ast.dump(node)


def _definitions(source: bytes) -> tuple[ast.Module, list[tuple[str, ast.stmt]]]:
    try:
        tree = parse(source)
    except ValueError:
        # Said elsewhere: it has no twin either.
        return ast.Module([], []), []
    return tree, list(_defined(tree.body, ""))


def _defined(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.stmt]]:
    for name, node in bindings(body):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            yield prefix + name, node
        if isinstance(node, ast.ClassDef):
            yield from _defined(node.body, f"{prefix}{name}.")


def _is_planned(path: str, name: str, planned: Collection[str]) -> bool:
    own = (*Layout([path]).name_of(path), *name.split("."))
    for text in planned:
        try:
            symbol = parse_symbol(text)
        except ValueError:
            continue
        if symbol.path:
            if (symbol.path, ".".join(symbol.names)) == (path, name):
                return True
        elif (wanted := (*symbol.module, *symbol.names)) == own[-len(wanted) :]:
            return True
    return False


def _chosen(changed: _Changed, chance: random.Random) -> list[Fault]:
    """Up to ``PER_SYMBOL`` faults, of as many kinds as there are."""
    possible = list(faults(changed.node))
    chance.shuffle(possible)
    unchanged = {_own(node) for node in _statements(changed.old)}
    chosen: list[Fault] = []
    for is_old in (False, True):
        some = [
            fault
            for fault in possible
            if (_own(_statement_around(changed.node, fault.node)) in unchanged) is is_old
        ]
        some.sort(key=lambda fault: fault.rank)
        kinds = [list(of_kind) for _, of_kind in groupby(some, key=lambda fault: fault.rank)]
        chosen += [fault for turn in zip_longest(*kinds) for fault in turn if fault is not None]
    if not chosen and isinstance(changed.node, Function):
        last = raises_at_once(changed.node)
        return [last] if last else []
    return chosen[:PER_SYMBOL]


def _statements(root: ast.stmt | None) -> list[ast.stmt]:
    return [node for node in ast.walk(root) if isinstance(node, ast.stmt)] if root else []


def _own(statement: ast.stmt) -> str:
    """A statement without those inside it."""
    parts = [
        ast.dump(value)
        for name, field in ast.iter_fields(statement)
        for value in (field if isinstance(field, list) else [field])
        if isinstance(value, ast.AST) and not isinstance(value, ast.stmt)
    ]
    return f"{type(statement).__name__} {parts}"


def _made(changed: _Changed, fault: Fault) -> Mutation:
    nodes = list(ast.walk(changed.tree))
    place = next(n for n, node in enumerate(nodes) if node is fault.node)
    statement = _statement_around(changed.node, fault.node)
    tree = copy.deepcopy(changed.tree)
    copies = list(ast.walk(tree))
    shown = copies[next(n for n, node in enumerate(nodes) if node is statement)]
    before = _line(shown)
    fault.apply(copies[place])
    ast.fix_missing_locations(tree)
    return Mutation(
        symbol=_symbol(changed),
        path=changed.path,
        line=getattr(fault.node, "lineno", statement.lineno),
        starts=_first_line(changed.node),
        what=fault.what,
        diff=f"- {before}\n+ {_line(shown)}",
        source=ast.unparse(tree).encode(),
        planned=changed.is_planned and _first_line(changed.node) > 0,
    )


def _first_line(node: ast.stmt) -> int:
    """Where a function starts; 0 for what is none."""
    match node:
        case ast.FunctionDef(decorator_list=above) | ast.AsyncFunctionDef(decorator_list=above):
            return min([node.lineno, *(decorator.lineno for decorator in above)])
        case ast.Assign(value=ast.Lambda() as function):
            return function.lineno
    return 0


def _statement_around(root: ast.stmt, wanted: ast.AST) -> ast.stmt:
    """The innermost statement that a node is in."""
    found = root
    for node in ast.walk(root):
        if isinstance(node, ast.stmt) and any(inner is wanted for inner in ast.walk(node)):
            found = node
    return found


def _line(node: ast.AST) -> str:
    """A statement in one line, a compound one by its head."""
    lines = ast.unparse(node).splitlines()
    if isinstance(node, Function) and len(lines) > 1:
        return f"{lines[0]} {lines[1].strip()}"[:_SHOWN]
    return lines[0][:_SHOWN] if hasattr(node, "body") else " ".join(lines)[:_SHOWN]
