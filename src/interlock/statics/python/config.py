"""What the files of a tree mean to pytest: one digest per file that has any say.

By meaning, not by bytes: comments and layout of a ``conftest.py`` or a ``pyproject.toml`` may
change, and so may everything in them that no test run looks at, dependencies above all.
"""

from __future__ import annotations

import ast
import configparser
import hashlib
import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from posixpath import basename
from typing import Any

from interlock.ports.statics import ReadSource
from interlock.statics.python.modules import Layout
from interlock.statics.python.symbols import parse

__all__ = ["configuration", "documents_that_run", "main_configuration"]

# In the order in which pytest takes them.
_OWN = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
_SHARED = ("pyproject.toml", "tox.ini", "setup.cfg")
_SECTIONS = re.compile(r"(?:tool:)?pytest|coverage:|(?:tool:)?pytest-")
_WHOLE = frozenset({*_OWN, ".coveragerc"})
_STARTUP = frozenset({"sitecustomize.py", "usercustomize.py"})
_ANNOUNCES = re.compile(r"\.(?:dist|egg)-info/|(?:^|/)entry_points\.txt$|\.pth$")
_TEXT_CONSTANT = re.compile(r"Constant\(value='([\w.]+)'")
_PLUGINS = "options.entry_points"
_DOCTEST_GLOB = re.compile(r"--doctest-glob[\s=]+[\"']?([^\s\"',\]]+)")
_RUNS_DOCUMENTS = re.compile(
    r"sybil|markdown-docs|pytest_markdown|codeblocks|phmdoctest|mktestdocs"
)
_PLUGIN_OPTION = re.compile(r"-p[\s=]*([\w.]+)")


def configuration(paths: Collection[str], read: ReadSource) -> Mapping[str, str]:
    """Path → digest of its meaning, for each path that means something to a test run.

    Looked at: every ``conftest.py``, pytest's own files, the sections of pytest and coverage in
    shared ones, modules of the tree that these name as plugins, entry points for pytest, and what
    Python runs at its start.
    """
    found: dict[str, str] = {}
    plugins: set[str] = set()
    for path in paths:
        meaning = _meaning(path, read)
        if meaning:
            found[path] = _digest(meaning)
            plugins |= set(_plugins_of(path, meaning, read))
    layout = Layout(paths)
    for module in plugins:
        named = layout.find(tuple(module.split(".")))
        if named and named not in found:
            found[named] = _digest(_code(read(named)))
    return found


def main_configuration(paths: Collection[str], read: ReadSource) -> str | None:
    """The file at the root that pytest takes its settings from, ``None`` if there is none."""
    there = frozenset(paths)
    for path in _OWN:
        if path in there:
            return path
    for path in _SHARED:
        if path in there and _has_settings(path, read(path)):
            return path
    return None


def documents_that_run(paths: Collection[str], read: ReadSource) -> tuple[str, ...]:
    """Globs of documents that the settings let pytest run: its own, and those of known plugins."""
    found: set[str] = set()
    for path in paths:
        if (meaning := _meaning(path, read)) and basename(path) not in _STARTUP:
            text = read(path).decode(errors="replace")
            found.update(_DOCTEST_GLOB.findall(text))
            if _RUNS_DOCUMENTS.search(text + meaning):
                found.update(("*.md", "*.rst", "*.txt"))
            elif "doctest-modules" in text or "doctest-glob" in text:
                found.add("test*.txt")
    return tuple(sorted(found))


def _digest(meaning: str) -> str:
    return hashlib.sha256(meaning.encode()).hexdigest()


def _meaning(path: str, read: ReadSource) -> str:
    name = basename(path)
    if name == "conftest.py" or name in _STARTUP:
        return _code(read(path))
    if name in _WHOLE or _ANNOUNCES.search(path):
        return f"whole {hashlib.sha256(read(path)).hexdigest()}"
    if name == "pyproject.toml":
        return _of_toml(read(path))
    if name in _SHARED:
        return _of_ini(read(path))
    if path == "setup.py" and b"pytest11" in (source := read(path)):
        return _code(source)
    return ""


def _code(source: bytes) -> str:
    try:
        return ast.dump(parse(source))
    except ValueError:
        return f"unparsable {hashlib.sha256(source).hexdigest()}"


def _of_toml(source: bytes) -> str:
    try:
        document = tomllib.loads(source.decode())
    except ValueError:
        return f"unparsable {hashlib.sha256(source).hexdigest()}"
    found: dict[str, Any] = {
        f"tool.{name}": value
        for name, value in _table(document, "tool").items()
        if name.startswith(("pytest", "coverage"))
    }
    for keys in (("project", "entry-points"), ("tool", "poetry", "plugins")):
        if plugins := _table(document, *keys).get("pytest11"):
            found[".".join(keys)] = plugins
    return json.dumps(found, sort_keys=True, default=str) if found else ""


def _table(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        value = document.get(key)
        document = value if isinstance(value, Mapping) else {}
    return document


def _ini(source: bytes) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    parser.read_string(source.decode())
    return parser


def _of_ini(source: bytes) -> str:
    try:
        parser = _ini(source)
    except (ValueError, configparser.Error):
        return f"unparsable {hashlib.sha256(source).hexdigest()}"
    found = {name: dict(parser[name]) for name in parser.sections() if _SECTIONS.match(name)}
    entry_points = dict(parser.items(_PLUGINS)) if _PLUGINS in parser else {}
    if plugins := entry_points.get("pytest11"):
        found[_PLUGINS] = {"pytest11": plugins}
    return json.dumps(found, sort_keys=True) if found else ""


def _has_settings(path: str, source: bytes) -> bool:
    try:
        if path == "pyproject.toml":
            pytest = _table(tomllib.loads(source.decode()), "tool").get("pytest")
            return isinstance(pytest, Mapping)
        return _ini(source).has_section("pytest" if path == "tox.ini" else "tool:pytest")
    except (ValueError, configparser.Error):
        # pytest itself has to say what is wrong with it.
        return True


def _plugins_of(path: str, meaning: str, read: ReadSource) -> Iterator[str]:
    """Modules that a configuration file loads into the runner."""
    if not path.endswith(".py"):
        yield from _PLUGIN_OPTION.findall(read(path).decode(errors="replace"))
    elif "pytest_plugins" in meaning:
        # Any text of the file that is a module of the tree: rather too many than one too few.
        yield from _TEXT_CONSTANT.findall(meaning)
