"""What ``pyproject.toml``, ``setup.cfg`` and ``setup.py`` say of a project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from interlock.definition.detect.tree import Tree, table, texts
from interlock.definition.detect.versions import plain

__all__ = ["TEST_GROUPS", "Project", "names"]

TEST_GROUPS = ("dev", "test", "tests", "testing")
"""What projects call the extra or group that their tests need."""

_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)
_PYTHON_REQUIRES = re.compile(r"python_requires\s*=\s*[\"']([^\"']+)[\"']")
_EXTRAS = "options.extras_require"


def names(requirements: Iterable[str]) -> set[str]:
    """Names of the packages that requirements (or whole lists of them) ask for, normalised."""
    found = (name for item in requirements for name in _NAME.findall(item))
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


class Project:
    """One project.

    Args:
        tree: its directory.
    """

    files = ("pyproject.toml", "setup.cfg", "setup.py")

    def __init__(self, tree: Tree) -> None:
        self.toml = tree.toml("pyproject.toml")
        self._config = tree.ini("setup.cfg")
        self._setup = tree.text("setup.py")
        self._project = table(self.toml, "project")
        self.installable = bool(
            self._project
            or "build-system" in self.toml
            or "setup.py" in tree
            or self._config.has_section("metadata")
        )

    @property
    def extras(self) -> Mapping[str, list[str]]:
        """Extra → what it asks for."""
        listed = table(self._project, "optional-dependencies")
        found = {key: texts(value) for key, value in listed.items()}
        if self._config.has_section(_EXTRAS):
            found |= {key: (value or "").splitlines() for key, value in self._config.items(_EXTRAS)}
        return found

    @property
    def test_extras(self) -> list[str]:
        """Extras that the tests need."""
        return [name for name in TEST_GROUPS if name in self.extras]

    @property
    def groups(self) -> Mapping[str, Any]:
        """``dependency-groups``."""
        return table(self.toml, "dependency-groups")

    @property
    def test_groups(self) -> list[str]:
        """Dependency groups that the tests need."""
        return [name for name in TEST_GROUPS if name in self.groups]

    @property
    def grouped(self) -> list[str]:
        """What the groups for tests ask for, with the groups that they include."""
        found: dict[str, None] = {}
        waiting, seen = list(self.test_groups), set[str]()
        while waiting:
            name = waiting.pop(0)
            items = self.groups.get(name)
            if name in seen or not isinstance(items, list):
                continue
            seen.add(name)
            for item in items:
                if isinstance(item, str):
                    found[item] = None
                elif isinstance(item, dict):
                    waiting.append(str(item.get("include-group", "")))
        return [*found, *self._grouped_by_poetry()]

    def _grouped_by_poetry(self) -> Iterator[str]:
        settings = table(self.toml, "tool", "poetry")
        places = [("dev-dependencies",), *(("group", n, "dependencies") for n in TEST_GROUPS)]
        for place in places:
            for name, wanted in table(settings, *place).items():
                version = wanted if isinstance(wanted, str) else table(wanted).get("version", "")
                yield name + plain(str(version))

    @property
    def asked_for(self) -> set[str]:
        """Names of all packages that an installation with extras and groups for tests brings."""
        extras = [item for name in self.test_extras for item in self.extras[name]]
        return names([*texts(self._project.get("dependencies")), *extras, *self.grouped])

    @property
    def requires_python(self) -> str:
        """Specifier of the versions of Python that the project runs on; empty for all."""
        poetry = table(self.toml, "tool", "poetry", "dependencies").get("python")
        found = self._project.get("requires-python") or poetry
        if not found and self._config.has_option("options", "python_requires"):
            found = self._config.get("options", "python_requires")
        if not found and (written := _PYTHON_REQUIRES.search(self._setup)):
            found = written[1]
        return found if isinstance(found, str) else ""

    @property
    def build_requires(self) -> set[str]:
        """Names of the packages that build it."""
        return names(texts(table(self.toml, "build-system").get("requires")))

    @property
    def setup_text(self) -> str:
        """``setup.py`` as it stands."""
        return self._setup
