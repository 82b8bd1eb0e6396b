"""What a change adds to, and takes from, what modules offer: their public names.

Public is what no underscore hides and, where a module lists ``__all__``, what that list has. A name
that moved is not new: it stood elsewhere on the base and is gone there, or is imported there now.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from posixpath import basename, splitext

from interlock.ports.statics import PublicNames, Versions
from interlock.statics.python.symbols import bindings, parse

__all__ = ["public_names"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_names(versions: Versions) -> PublicNames:
    """Names that the sources of a diff add and take away; ``unread`` if one cannot be parsed."""
    before: dict[str, Mapping[str, ast.stmt]] = {}
    after: dict[str, Mapping[str, ast.stmt]] = {}
    unread: list[str] = []
    for path, (old, new) in versions.items():
        for source, found in ((old, before), (new, after)):
            try:
                found[path] = {} if source is None else dict(_offered(path, parse(source)))
            except ValueError:
                # What the base could not parse offered nothing.
                found[path] = {}
                if source is new:
                    unread.append(path)
    gone = {
        name for path, names in before.items() for name in names.keys() - after[path].keys()
    } | {name for path in before for name in _imported_now(before[path], after[path])}
    there = {name for names in after.values() for name in names}
    added = [
        f"{path}::{name}"
        for path, names in after.items()
        for name in names
        if name not in before[path] and name not in gone
    ]
    taken = [
        f"{path}::{name}"
        for path, names in before.items()
        for name in names
        if name not in after[path] and name not in there
    ]
    widened = [
        f"{path}::{name} takes {parameter}"
        for path, names in after.items()
        for name, node in names.items()
        for parameter in _new_parameters(_was(before, path, name), node)
    ]
    return PublicNames(
        added=tuple(sorted(added)),
        widened=tuple(sorted(widened)),
        taken=tuple(sorted(taken)),
        revalued=tuple(sorted(_revalued(versions))),
        unread=tuple(unread),
    )


def _revalued(versions: Versions) -> Iterator[str]:
    for path, (old, new) in versions.items():
        try:
            before = _values(parse(old or b"").body, "")
            after = _values(parse(new or b"").body, "")
        except ValueError:
            continue
        for name in before.keys() & after.keys():
            if before[name] != after[name]:
                yield f"{path}::{name}"


def _values(body: list[ast.stmt], prefix: str) -> dict[str, str]:
    """Dotted name → what it is beside the code of functions; imports are left out."""
    found: dict[str, str] = {}
    for name, node in bindings(body):
        parts: list[ast.AST | None] = []
        if isinstance(node, _Function):
            parts = [*node.decorator_list]
            found |= {f"{prefix}{name}({a})": value for a, value in _defaults(node.args)}
        elif isinstance(node, ast.ClassDef):
            parts = [*node.decorator_list, *node.bases, *node.keywords]
            found |= _values(node.body, f"{prefix}{name}.")
        elif not _is_import(node) and name != "__all__":
            parts = [node]
        else:
            continue
        found[prefix + name] = str([ast.dump(part) if part else None for part in parts])
    return found


def _defaults(of: ast.arguments) -> Iterator[tuple[str, str]]:
    placed = [*of.posonlyargs, *of.args]
    first = len(placed) - len(of.defaults)
    pairs = [*zip(placed[first:], of.defaults, strict=True)]
    pairs += [(a, d) for a, d in zip(of.kwonlyargs, of.kw_defaults, strict=True) if d is not None]
    yield from ((argument.arg, ast.dump(default)) for argument, default in pairs)


def _imported_now(before: Mapping[str, ast.stmt], after: Mapping[str, ast.stmt]) -> Iterator[str]:
    for name, node in before.items():
        if not _is_import(node) and name in after and _is_import(after[name]):
            yield name


def _was(before: Mapping[str, Mapping[str, ast.stmt]], path: str, name: str) -> ast.stmt | None:
    """The definition that a name had on the base, here or where it came from."""
    if name in before[path]:
        return before[path][name]
    others = [names[name] for names in before.values() if name in names]
    return others[0] if len(others) == 1 else None


def _offered(path: str, tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Dotted public names of a module with what defines them."""
    if _is_hidden(path):
        return
    listed = _listed(tree)
    is_package = basename(path) == "__init__.py"
    for name, node in bindings(tree.body):
        if name == "__all__" or "." in name or (name.startswith("_") and name not in listed):
            continue
        if _is_import(node) and name not in listed and not (is_package and _is_own(path, node)):
            continue
        # A list that leaves a name out does not hide it from who imports it by name.
        yield name, node
        if isinstance(node, ast.ClassDef):
            yield from _members(node, f"{name}.")


def _members(node: ast.ClassDef, prefix: str) -> Iterator[tuple[str, ast.stmt]]:
    for name, member in bindings(node.body):
        if "." not in name and (not name.startswith("_") or _is_protocol(name)):
            yield prefix + name, member
            if isinstance(member, ast.ClassDef):
                yield from _members(member, f"{prefix}{name}.")


def _is_protocol(name: str) -> bool:
    """Methods such as ``__call__`` let an object do what it could not; some do so for nobody."""
    is_dunder = name.startswith("__") and name.endswith("__")
    return is_dunder and name not in ("__slots__", "__init__", "__doc__", "__module__", "__repr__")


def _is_hidden(path: str) -> bool:
    parts = path.split("/")
    names = (*parts[:-1], splitext(parts[-1])[0])
    return any(name.startswith("_") and not name.startswith("__") for name in names)


def _listed(tree: ast.Module) -> frozenset[str]:
    found: set[str] = set()
    for name, statement in bindings(tree.body):
        if name == "__all__":
            texts = (n.value for n in ast.walk(statement) if isinstance(n, ast.Constant))
            found |= {text for text in texts if isinstance(text, str)}
    return frozenset(found)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_own(path: str, node: ast.stmt) -> bool:
    """Whether a package takes a name from itself, which offers it to others."""
    if not isinstance(node, ast.ImportFrom):
        return False
    top = (node.module or "").partition(".")[0]
    return node.level > 0 or top in path.split("/")[:-1]


def _new_parameters(old: ast.stmt | None, new: ast.stmt) -> Iterator[str]:
    if not isinstance(old, _Function) or not isinstance(new, _Function):
        return
    known = {argument.arg for argument in _arguments(old)}
    added = [argument.arg for argument in _arguments(new) if argument.arg not in known]
    # Another name for a parameter is not one more.
    if len(_arguments(new)) > len(_arguments(old)):
        yield from added


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    of = node.args
    extra = [one for one in (of.vararg, of.kwarg) if one is not None]
    return [*of.posonlyargs, *of.args, *of.kwonlyargs, *extra]
