"""What ``init`` proposes for the trees that people really have."""

from __future__ import annotations

import pytest

from interlock.definition import detect_environment
from interlock.definition.subproject import detect_within

TESTS = {"tests/test_a.py": "def test_a(): pass\n"}


@pytest.mark.parametrize(
    "files, setup, lockfiles",
    [
        (TESTS, ["pip install pytest"], []),
        (
            {"requirements.txt": "requests==2.32\n", **TESTS},
            ["pip install -r requirements.txt", "pip install pytest"],
            ["requirements.txt"],
        ),
        (
            {"requirements.txt": "requests\nPyTest>=8\n", **TESTS},
            ["pip install -r requirements.txt"],
            ["requirements.txt"],
        ),
        (
            {
                "requirements.lock": "pytest==8.0 \\\n    --hash=sha256:00\n",
                "requirements.txt": "pytest\n",
                **TESTS,
            },
            ["pip install --require-hashes -r requirements.lock"],
            ["requirements.lock"],
        ),
        (
            {"requirements.txt": "a\n", "requirements-dev.txt": "-r requirements.txt\npytest\n"},
            ["pip install -r requirements.txt", "pip install -r requirements-dev.txt"],
            ["requirements.txt", "requirements-dev.txt"],
        ),
        (
            {"pyproject.toml": '[project]\nname = "a"\ndependencies = ["requests"]\n'},
            ["pip install -e .", "pip install pytest"],
            ["pyproject.toml"],
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "a"\n'
                '[project.optional-dependencies]\ntest = ["pytest>=8"]\ndocs = ["sphinx"]\n'
            },
            ["pip install -e '.[test]'"],
            ["pyproject.toml"],
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "a"\n'
                '[dependency-groups]\ndev = ["pytest>=8", {include-group = "x"}]\n'
                'x = ["a[b]>1", {include-group = "dev"}]\n'
            },
            [
                "pip install -e .",
                "pip install 'pytest>=8' 'a[b]>1'",
            ],
            ["pyproject.toml"],
        ),
        (
            {
                "setup.py": "",
                "setup.cfg": "[metadata]\nname = a\n[options.extras_require]\ndev =\n  pytest\n",
            },
            ["pip install -e '.[dev]'"],
            ["setup.cfg", "setup.py"],
        ),
        (
            {"pyproject.toml": "[tool.ruff]\nline-length = 100\n", **TESTS},
            ["pip install pytest"],
            ["pyproject.toml"],
        ),
        (
            {"pyproject.toml": "not = [toml\n", **TESTS},
            ["pip install pytest"],
            ["pyproject.toml"],
        ),
    ],
    ids=[
        "only tests",
        "requirements",
        "requirements with pytest",
        "lock with hashes",
        "development list",
        "project",
        "project with extra",
        "project with group",
        "setup.cfg",
        "tool settings only",
        "broken toml",
    ],
)
def test_the_recipe_follows_from_the_tree(
    files: dict[str, str], setup: list[str], lockfiles: list[str]
) -> None:
    found = detect_environment(files, lambda path: files[path].encode())
    assert found is not None
    assert list(found.setup) == setup
    assert list(found.lockfiles) == lockfiles
    assert found.runner == "pytest"


@pytest.mark.parametrize("files", [[], ["main.go", "go.mod"], ["docs/test_plan.md"]])
def test_a_tree_without_python_gets_no_proposal(files: list[str]) -> None:
    assert detect_environment(files, lambda _path: None) is None


def test_files_that_cannot_be_read_do_not_stop_the_proposal() -> None:
    found = detect_environment(
        ["pyproject.toml", "requirements.txt", "setup.cfg"], lambda _p: b"\xff"
    )
    assert found is not None
    assert "pip install pytest" in found.setup


def test_a_part_of_a_repository_has_the_recipe_of_its_nearest_project() -> None:
    files = {"setup.py": b"", "libs/a/pyproject.toml": b'[project]\nname = "a"\n', "libs/x.py": b""}
    for below, setup, lock in (
        (".", "pip install -e .", "setup.py"),
        ("libs", "pip install -e .", "setup.py"),
        ("libs/a/tests/deep", "cd libs/a && pip install -e .", "libs/a/pyproject.toml"),
    ):
        found = detect_within(below, files, files.get)
        assert found is not None
        assert (found.setup[0], found.lockfiles) == (setup, (lock,)), below
