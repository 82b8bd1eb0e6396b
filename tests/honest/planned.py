"""What an honest plan would have named: symbols that a release adds and its tests use."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from tests.honest.trees import Tree

from interlock.statics.python.modules import Layout
from interlock.statics.python.offers import Offers
from interlock.statics.python.symbols import bindings, parse, symbols

__all__ = ["planned_symbols"]

_IMPORTED = re.compile(r"^\s*(?:from|import)\s+(\.|\w+)", re.MULTILINE)
_SPECIAL = re.compile(r"(?:^|\.)__")
# Beside the package, and nobody's to import.
_SCRIPTS = ("setup.py", "docs/", "doc/", "examples/", "bench", "tasks.py", "noxfile.py")


def planned_symbols(old: Tree, new: Tree, is_test: Callable[[str], bool]) -> tuple[str, ...]:
    """``module:name`` for what modules of ``new`` offer, those of ``old`` do not, and a test of
    ``new`` mentions."""
    mentioned, imported = set[str](), set[str]()
    for path, source in new.items():
        if is_test(path) and path.endswith(".py"):
            text = source.decode(errors="replace")
            mentioned |= set(re.findall(r"\w+", text))
            imported |= set(_IMPORTED.findall(text))
    added = _offered(new, is_test) - _offered(old, is_test)
    return tuple(
        f"{module}:{name}" if name else module
        for module, name in sorted(added)
        if not _SPECIAL.search(name)
        and (name or module).rpartition(".")[2] in mentioned
        # A script beside the package may have a function of the same name.
        and (module.partition(".")[0] in imported or "." in imported)
    )


def _offered(tree: Tree, is_test: Callable[[str], bool]) -> set[tuple[str, str]]:
    """Pairs of module and name; the name is empty for the module itself."""
    layout, offers = Layout(tree), Offers(tree, tree.__getitem__)
    tops = {layout.name_of(path)[0] for path in tree if path.endswith(".py")}
    found = set[tuple[str, str]]()
    for path, source in tree.items():
        if path.endswith(".py") and not is_test(path) and not path.startswith(_SCRIPTS):
            module = ".".join(layout.name_of(path))
            try:
                names = {*symbols(source), *offers.through_stars(path)} - _foreign(source, tops)
            except ValueError:
                continue
            found |= {(module, ""), *((module, name) for name in names)}
    return found


def _foreign(source: bytes, tops: set[str]) -> set[str]:
    """Names that a module imports from other packages."""
    return {
        name
        for name, node in bindings(parse(source).body)
        if (isinstance(node, ast.Import) and node.names[0].name.partition(".")[0] not in tops)
        or (
            isinstance(node, ast.ImportFrom)
            and not node.level
            and (node.module or "").partition(".")[0] not in tops
        )
    }
