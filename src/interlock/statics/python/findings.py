"""Things that code under test has no business doing: signs of a forged test result.

Found by reading, so nothing here proves anything; a forger that no run can tell from honest code
still has to get at the runner, and that shows in the text. Honest projects do some of this too:
only what is new against the base counts.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from posixpath import basename

from interlock.core.facts import Finding
from interlock.statics.python.symbols import parse

__all__ = ["findings"]

_RUNNER = frozenset({"pytest", "_pytest", "pluggy"})
_TESTING = frozenset({"unittest", "nose", "doctest"})
_INSIGHT = frozenset(
    {"ctypes", "_ctypes", "gc", "inspect", "ast", "tokenize", "linecache", "builtins", "dis"}
)
_EXIT = frozenset({"_exit", "abort", "kill", "killpg"})
_FRAMES = frozenset(
    {"_getframe", "_current_frames", "settrace", "setprofile", "f_back", "tb_frame"}
)
_IMPORTS = frozenset(
    {"modules", "meta_path", "path_hooks", "addaudithook", "__loader__", "__spec__"}
)
_DYNAMIC = frozenset({"eval", "exec", "compile", "__import__", "__builtins__"})
_EQUALS = frozenset({"__eq__", "__ne__"})
_ALWAYS = frozenset({"__bool__", "__contains__", "__lt__", "__gt__"})
_RUNNER_NAME = re.compile(r"PYTEST_\w+|_pytest[.\w]*", re.ASCII)
_TEXT = re.compile(r"/proc/|\btests?[/_]|conftest|pytest|PYTEST", re.ASCII)
_STARTUP = frozenset({"sitecustomize.py", "usercustomize.py"})
_PLUGINS = re.compile(r"\.(?:dist|egg)-info/|(?:^|/)entry_points\.txt$")


def findings(path: str, old: bytes | None, new: bytes) -> tuple[Finding, ...]:
    """What ``new`` does that ``old`` did not.

    Args:
        path: of the file, from the tree's root.
        old: the file on the base, ``None`` if it is not there.
        new: the file in the candidate.
    """
    known = Counter((f.kind, f.message) for f in _all(path, old)) if old is not None else Counter()
    fresh: list[Finding] = []
    for finding in _all(path, new):
        key = (finding.kind, finding.message)
        if known[key]:
            known[key] -= 1
        else:
            fresh.append(finding)
    return tuple(fresh)


def _all(path: str, source: bytes) -> Iterator[Finding]:
    yield from _by_name(path)
    if not path.endswith(".py"):
        return
    try:
        tree = parse(source)
    except ValueError:
        yield Finding(kind="unparsable", path=path, line=1, message="cannot be read as Python")
        return
    documentation = {id(text) for text in _docstrings(tree)}
    for node in ast.walk(tree):
        for kind, message in _of(node) if id(node) not in documentation else ():
            line = getattr(node, "lineno", 1)
            yield Finding(kind=kind, path=path, line=line, message=message)


def _by_name(path: str) -> Iterator[Finding]:
    name = basename(path)
    kind, message = "", ""
    if name in _STARTUP or name.endswith(".pth"):
        kind, message = "startup_file", f"{name} runs whenever Python starts"
    elif name.endswith((".pyc", ".pyo")):
        kind, message = "bytecode", f"{name} runs instead of a source"
    elif _PLUGINS.search(path):
        kind, message = "plugin", f"{name} can announce a plugin to the test runner"
    elif name.endswith(".py"):
        top = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
        if top in _RUNNER:
            kind, message = "runner_import", f"stands in for the module {top}"
        elif top in sys.stdlib_module_names:
            kind, message = "shadows", f"stands in the way of the module {top}"
    if kind:
        yield Finding(kind=kind, path=path, line=1, message=message)


def _of(node: ast.AST) -> Iterator[tuple[str, str]]:
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield from _imported(alias.name)
        case ast.ImportFrom(module=str(module), names=names):
            yield from _imported(module)
            for alias in names:
                yield from _named(alias.name, module)
        case ast.Attribute(attr=attribute):
            yield from _named(attribute, "")
        case ast.Name(id=name) if name in _DYNAMIC:
            yield "dynamic_code", f"uses {name}"
        case ast.Name(id="__file__"):
            yield "reads_itself", "uses __file__"
        case ast.Constant(value=str(text)) if _RUNNER_NAME.fullmatch(text):
            yield "runner_name", f"names {text}"
        case ast.Compare(
            left=ast.Constant(value="pytest" | "unittest"),
            comparators=[ast.Attribute(attr="modules")],
        ):
            yield "runner_name", "asks whether tests run"
        case ast.Constant(value=str(text)) if (found := _TEXT.search(text)) and len(text) < 200:
            yield "names_tests", f"a text that contains {found[0]!r}"
        case ast.FunctionDef(name=name) if name in _EQUALS and _constant(node):
            yield "equals_everything", f"{name} does not look at what it compares"
        case ast.FunctionDef(name=name) if name in _ALWAYS and _constant(node):
            yield "constant_answer", f"{name} does not look at what it is asked about"


def _imported(module: str) -> Iterator[tuple[str, str]]:
    top = module.partition(".")[0]
    if top in _RUNNER:
        yield "runner_import", f"imports {module}"
    elif top in _TESTING:
        yield "testing_import", f"imports {module}"
    elif top in _INSIGHT:
        yield "insight_import", f"imports {module}"


def _named(name: str, module: str) -> Iterator[tuple[str, str]]:
    place = f"{module}.{name}" if module else name
    if name in _EXIT:
        yield "process_exit", f"uses {place}"
    elif name in _FRAMES:
        yield "frames", f"uses {place}"
    elif name in _IMPORTS:
        yield "import_system", f"uses {place}"


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        match node:
            case (
                ast.Module(body=[ast.Expr(value=ast.Constant() as text), *_])
                | ast.ClassDef(body=[ast.Expr(value=ast.Constant() as text), *_])
                | ast.FunctionDef(body=[ast.Expr(value=ast.Constant() as text), *_])
                | ast.AsyncFunctionDef(body=[ast.Expr(value=ast.Constant() as text), *_])
            ):
                yield text


def _constant(node: ast.FunctionDef) -> bool:
    returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
    return bool(returned) and all(isinstance(value, ast.Constant) for value in returned)
