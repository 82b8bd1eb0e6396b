"""Proposes how to build the environment of a Python project from what lies in its tree.

A proposal, never a fact: ``init`` writes it, a person reads and trusts it. The judge runs the
commands in ``/w`` (the base tree) with ``/env/bin`` first on the PATH; ``/env`` is a virtual
environment with pip.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Collection
from configparser import ConfigParser
from configparser import Error as ConfigError
from typing import Any

from interlock.core.model import EnvironmentSpec

__all__ = ["detect_environment"]

Read = Callable[[str], bytes | None]

_LOCKS = ("requirements.lock", "requirements.txt")
_EXTRA_LISTS = (
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements-test.txt",
    "requirements-tests.txt",
    "test-requirements.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
)
_TEST_GROUPS = ("dev", "test", "tests", "testing")
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|conftest)\.py$")


def detect_environment(files: Collection[str], read: Read) -> EnvironmentSpec | None:
    """A pip recipe, or ``None`` when nothing in the tree says "Python".

    Args:
        files: paths from the tree's root.
        read: a path → its bytes, ``None`` when it cannot be read.
    """
    there = frozenset(files)
    lists = [name for name in (*_pinned(there), *_EXTRA_LISTS) if name in there]
    project = _Project(there, read)
    if not lists and not project.installable and not any(map(_is_python, there)):
        return None
    setup = [_install_list(name, read) for name in lists]
    named = {name for item in lists for name in _names(_text(item, read))}
    if project.installable:
        groups = project.test_groups
        # With the groups, the project's own list of test tools comes along.
        setup.append(f"pip install -e '.[{','.join(groups)}]'" if groups else "pip install -e .")
        named |= project.names
    if project.grouped:
        # By name, because the pip of an older interpreter does not know --group.
        setup.append(f"pip install {' '.join(shlex.quote(item) for item in project.grouped)}")
    if "pytest" not in named:
        setup.append("pip install pytest")
    locks = [*lists, *(name for name in project.files if name in there)]
    return EnvironmentSpec(setup=tuple(setup), lockfiles=tuple(locks))


class _Project:
    """What ``pyproject.toml``, ``setup.cfg`` and ``setup.py`` say."""

    files = ("pyproject.toml", "setup.cfg", "setup.py")

    def __init__(self, there: Collection[str], read: Read) -> None:
        toml = _toml(_text("pyproject.toml", read)) if "pyproject.toml" in there else {}
        project = _table(toml, "project")
        config = _config(_text("setup.cfg", read)) if "setup.cfg" in there else ConfigParser()
        self.installable = bool(
            project
            or "build-system" in toml
            or "setup.py" in there
            or config.has_section("metadata")
        )
        optional: dict[str, Any] = dict(_table(project, "optional-dependencies"))
        section = "options.extras_require"
        if config.has_section(section):
            optional |= {key: value.splitlines() for key, value in config.items(section)}
        self.test_groups = [name for name in _TEST_GROUPS if name in optional]
        self.grouped = _grouped(_table(toml, "dependency-groups"))
        required = [project.get("dependencies"), *(optional[name] for name in self.test_groups)]
        required.append(self.grouped)
        self.names = {
            name
            for requirements in required
            if isinstance(requirements, list)
            for item in requirements
            if isinstance(item, str)
            for name in _names(item)
        }


def _grouped(groups: dict[str, Any]) -> list[str]:
    """What the dependency groups for tests ask for, with the groups that they include."""
    found: dict[str, None] = {}
    waiting, seen = [name for name in _TEST_GROUPS if name in groups], set[str]()
    while waiting:
        name = waiting.pop(0)
        items = groups.get(name)
        if name in seen or not isinstance(items, list):
            continue
        seen.add(name)
        for item in items:
            if isinstance(item, str):
                found[item] = None
            elif isinstance(item, dict):
                waiting.append(str(item.get("include-group", "")))
    return list(found)


def _pinned(there: Collection[str]) -> tuple[str, ...]:
    """The lock if there is one, else the plain list: installing both would ask for two truths."""
    return tuple(name for name in _LOCKS if name in there)[:1]


def _install_list(name: str, read: Read) -> str:
    hashed = "--require-hashes " if "--hash=" in _text(name, read) else ""
    return f"pip install {hashed}-r {name}"


def _names(requirements: str) -> set[str]:
    """Names of the packages that a list asks for, normalised."""
    return {re.sub(r"[-_.]+", "-", name).lower() for name in _NAME.findall(requirements)}


def _is_python(path: str) -> bool:
    return _TEST_FILE.search(path) is not None


def _text(path: str, read: Read) -> str:
    return (read(path) or b"").decode("utf-8", "replace")


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _config(text: str) -> ConfigParser:
    config = ConfigParser(interpolation=None)
    try:
        config.read_string(text)
    except ConfigError:
        return ConfigParser(interpolation=None)
    return config


def _table(parent: dict[str, Any], key: str) -> dict[str, Any]:
    found = parent.get(key)
    return found if isinstance(found, dict) else {}
