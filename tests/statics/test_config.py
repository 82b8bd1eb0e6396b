"""Test configuration is compared by what it means."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from interlock.statics.python import configuration, main_configuration

BASE = {
    "conftest.py": "import pytest\n",
    "tests/conftest.py": "pytest_plugins = ['tests.plugin']\n",
    "tests/plugin.py": "X = 1\n",
    "other.py": "X = 1\n",
    "pyproject.toml": (
        "[project]\nname = 'x'\ndependencies = []\n"
        "[tool.pytest.ini_options]\naddopts = '-p other'\n[tool.coverage.run]\nbranch = true\n"
    ),
    "setup.cfg": "[metadata]\nname = x\n[tool:pytest]\naddopts = -q\n",
    "tox.ini": "[tox]\nenvlist = py\n[coverage:run]\nomit = x\n",
    "src/app.py": "",
}


def _meaning(files: Mapping[str, str]) -> Mapping[str, str]:
    return configuration(files.keys(), lambda path: files[path].encode())


@pytest.mark.parametrize(
    "path, text",
    [
        ("conftest.py", "# a comment\nimport   pytest\n"),
        ("pyproject.toml", BASE["pyproject.toml"].replace("[]", "['y']").replace("'x'", '"x"')),
        ("setup.cfg", BASE["setup.cfg"].replace("name = x", "name = y")),
        ("tox.ini", BASE["tox.ini"].replace("py\n", "py312\n")),
        ("src/app.py", "import pytest\n"),
    ],
)
def test_what_no_run_looks_at_may_change(path: str, text: str) -> None:
    assert _meaning({**BASE, path: text}) == _meaning(BASE)


@pytest.mark.parametrize(
    "path, text",
    [
        ("conftest.py", "import pytest, os\n"),
        ("conftest.py", "def ("),
        ("src/deep/conftest.py", ""),
        ("tests/plugin.py", "X = 2\n"),
        ("other.py", "X = 2\n"),
        ("pyproject.toml", BASE["pyproject.toml"].replace("-p other", "-p other -x")),
        ("pyproject.toml", BASE["pyproject.toml"].replace("true", "false")),
        ("pyproject.toml", BASE["pyproject.toml"] + "[project.entry-points.pytest11]\na = 'b'\n"),
        ("pyproject.toml", "[["),
        ("setup.cfg", BASE["setup.cfg"].replace("-q", "-k x")),
        ("setup.cfg", BASE["setup.cfg"] + "[options.entry_points]\npytest11 =\n  a = b\n"),
        ("tox.ini", BASE["tox.ini"] + "[pytest]\n"),
        ("pytest.ini", ""),
        (".coveragerc", ""),
        ("src/sitecustomize.py", ""),
        ("x.pth", "import os\n"),
        ("a.dist-info/entry_points.txt", ""),
        ("setup.py", "setup(entry_points={'pytest11': []})\n"),
    ],
)
def test_what_a_run_looks_at_changes_the_meaning_of_its_file(path: str, text: str) -> None:
    before, after = _meaning(BASE), _meaning({**BASE, path: text})
    assert {p for p in before.keys() | after if before.get(p) != after.get(p)} >= {path}
    assert after[path] != before.get(path)


@pytest.mark.parametrize(
    "files, expected",
    [
        ({"pytest.ini": "", **BASE}, "pytest.ini"),
        ({"pytest.toml": "", "pytest.ini": ""}, "pytest.toml"),
        (BASE, "pyproject.toml"),
        ({**BASE, "pyproject.toml": "[tool.x]\n"}, "setup.cfg"),
        ({"tox.ini": "[pytest]\n", "setup.cfg": "[tool:pytest]\n"}, "tox.ini"),
        ({"pyproject.toml": "[["}, "pyproject.toml"),
        ({"sub/pytest.ini": ""}, None),
        ({}, None),
    ],
)
def test_the_file_that_pytest_would_take_is_taken(
    files: Mapping[str, str], expected: str | None
) -> None:
    assert main_configuration(files.keys(), lambda path: files[path].encode()) == expected
