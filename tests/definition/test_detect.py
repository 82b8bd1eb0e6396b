"""What ``init`` proposes for the trees that people really have."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from interlock.definition.detect import Proposal, detect_environment
from interlock.definition.detect.versions import is_satisfied, plain

TESTS = {"tests/test_a.py": "def test_a(): pass\n"}
CASES = {"tests/test_a.py": "import unittest\n\nclass A(unittest.TestCase):\n    pass\n"}
PROJECT = '[project]\nname = "a"\n'
BUILT = '[build-system]\nrequires = ["hatchling"]\n'
UV_LOCK = """
[[package]]
name = "a"
source = { editable = "." }
[[package]]
name = "helper"
source = { editable = "libs/helper" }
[[package]]
name = "root"
source = { virtual = "tools" }
[[package]]
name = "pytest"
source = { registry = "https://pypi.org/simple" }
"""
POETRY = """
[tool.poetry]
name = "a"
[tool.poetry.dependencies]
python = "^3.11"
[tool.poetry.group.test.dependencies]
pytest = { version = "^8.2", optional = true }
[tool.poetry.dev-dependencies]
toolz = "~0.12"
"""


def proposed(files: Mapping[str, str], python: str = "3.11.7") -> Proposal:
    found = detect_environment(files, lambda path: files[path].encode(), python=python)
    assert found is not None
    return found


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
    found = proposed(files).environment
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
    assert found.environment is not None
    assert "pip install pytest" in found.environment.setup


def test_uv_translates_its_lock_file_and_pip_installs_what_it_pins() -> None:
    toml = f'{PROJECT}{BUILT}[dependency-groups]\ndev = ["pytest"]\ntest = ["x"]\n'
    found = proposed({"pyproject.toml": toml, "uv.lock": UV_LOCK, **TESTS})
    assert found.environment is not None
    install, export, locked, editable = found.environment.setup
    assert install == 'python -m venv "$TMPDIR/uv" && "$TMPDIR/uv/bin/pip" install \'uv<1\''
    assert "export -q --frozen --group test" in export
    # What lies in the tree is judged, never what an index has of it.
    for name in ("a", "helper", "root"):
        assert f"--no-emit-package {name} " in export
    assert locked == 'pip install --require-hashes -r "$TMPDIR/locked.txt"'
    assert editable == "pip install --no-deps -e . -e ./libs/helper"
    assert found.environment.lockfiles == ("uv.lock", "pyproject.toml")
    assert set(found.environment.setup) < found.why.keys()


@pytest.mark.parametrize("mode, installs", [("", True), ("package-mode = false\n", False)])
def test_poetry_translates_its_lock_file_too(mode: str, installs: bool) -> None:
    toml = POETRY.replace('name = "a"\n', f'name = "a"\n{mode}')
    lock = '[[package]]\nname = "pytest"\n'
    found = proposed({"pyproject.toml": toml, "poetry.lock": lock, **TESTS})
    assert found.environment is not None
    export = '"$TMPDIR/poetry/bin/poetry" export -q --without-urls --with dev --with test'
    assert any(step.startswith(export) for step in found.environment.setup)
    assert ("pip install --no-deps -e ." in found.environment.setup) is installs
    assert found.environment.lockfiles == ("poetry.lock", "pyproject.toml")


def test_poetrys_groups_without_a_lock_file_are_installed_by_pip() -> None:
    found = proposed({"pyproject.toml": POETRY + BUILT, **TESTS}).environment
    assert found is not None
    wanted = "pip install 'toolz>=0.12,<0.13' 'pytest>=8.2,<9'"
    assert found.setup == ("pip install -e .", wanted)


def test_lists_that_a_list_takes_in_decide_as_well() -> None:
    files = {
        "requirements.txt": "-r requirements/base.txt\n-c limits.txt\npytest\n",
        "requirements/base.txt": "-r ../requirements.txt\n--requirement=more.txt\n",
        "requirements/more.txt": "toolz\n",
        "limits.txt": "toolz<1\n",
    }
    found = proposed(files).environment
    assert found is not None
    assert set(found.lockfiles) == set(files)


@pytest.mark.parametrize(
    "files, runner",
    [
        (CASES, "unittest"),
        ({"test.py": CASES["tests/test_a.py"]}, "unittest"),
        ({**CASES, "tests/test_b.py": "import pytest\n"}, "pytest"),
        ({**CASES, "tests/test_b.py": "def test_b(): pass\n"}, "pytest"),
        ({**CASES, "tests/conftest.py": ""}, "pytest"),
        ({**CASES, "pytest.ini": ""}, "pytest"),
        ({**CASES, "tox.ini": "[pytest]\n"}, "pytest"),
        ({**CASES, "pyproject.toml": "[tool.pytest.ini_options]\n"}, "pytest"),
        ({**CASES, "requirements.txt": "pytest\n"}, "pytest"),
        ({"tests/test_a.py": ""}, "pytest"),
    ],
)
def test_the_runner_is_the_one_that_the_tests_are_written_for(
    files: dict[str, str], runner: str
) -> None:
    found = proposed(files)
    assert found.environment is not None
    assert found.environment.runner == runner
    assert found.why["runner"]
    assert ("pip install pytest" in found.environment.setup) is (
        runner == "pytest" and "requirements.txt" not in files
    )


@pytest.mark.parametrize(
    "files, directory, says",
    [
        ({"api/pyproject.toml": PROJECT, "api/tests/test_a.py": "", "web/x.js": ""}, "api", ""),
        ({"a/b/setup.py": "", "a/b/test_a.py": "", "pyproject.toml": "[tool.ruff]\n"}, "a/b", ""),
        (
            {**{f"{n}/setup.py": "" for n in "xy"}, **{f"{n}/test_a.py": "" for n in "xy"}},
            None,
            "several projects lie here (x, y): write environment.directory",
        ),
        ({"pyproject.toml": PROJECT, "lib/setup.py": "", "lib/test_a.py": ""}, "", ""),
    ],
)
def test_the_project_of_a_bigger_tree_is_found_or_asked_for(
    files: dict[str, str], directory: str | None, says: str
) -> None:
    found = proposed(files)
    assert (found.environment.directory if found.environment else None) == directory
    assert says in " ".join(found.notes)
    if found.environment and directory:
        assert all(path.startswith(f"{directory}/") for path in found.environment.lockfiles)


@pytest.mark.parametrize(
    "files, python, note",
    [
        ({"pyproject.toml": f'{PROJECT}requires-python = ">=3.10"\n'}, "", ""),
        (
            {"pyproject.toml": f'{PROJECT}requires-python = ">=3.12"\n'},
            "3.12",
            "requires Python >=3.12, Interlock runs on 3.11.7: the recipe asks for python: 3.12",
        ),
        ({"setup.cfg": "[metadata]\nname=a\n[options]\npython_requires = >3.12\n"}, "3.12", ""),
        ({"setup.py": "setup(python_requires='>=3.13,<3.14')\n"}, "3.13", ""),
        ({"pyproject.toml": POETRY.replace("^3.11", "~3.14")}, "3.14", ""),
        ({"pyproject.toml": f'{PROJECT}requires-python = "<3.11"\n'}, "", "no version that tests"),
        ({"pyproject.toml": f'{PROJECT}requires-python = "whatever"\n'}, "", ""),
        (
            {"setup.py": "setup(ext_modules=[Extension('a', ['a.c'])])\n"},
            "",
            "compiled parts (setu",
        ),
        (
            {"pyproject.toml": f'{PROJECT}[build-system]\nrequires = ["maturin>=1"]\n'},
            "",
            "maturin",
        ),
        ({"pyproject.toml": PROJECT, "a/fast.pyx": ""}, "", "a/fast.pyx"),
        ({"requirements.txt": "x @ git+https://h/x\n"}, "", "requirements.txt installs from a rep"),
    ],
)
def test_what_will_stand_in_the_way_is_said_beforehand(
    files: dict[str, str], python: str, note: str
) -> None:
    found = proposed({**files, **TESTS})
    assert found.environment is not None
    assert found.environment.python == python
    assert note in " ".join(found.notes)
    assert bool(found.notes) is bool(note or python)


@pytest.mark.parametrize(
    "requires, means",
    [
        ("*", ""),
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0", ">=0.0,<1"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2", "~=1.2"),
        ("1.2", "==1.2.*"),
        (">=3.8, !=3.9.*", ">=3.8,!=3.9.*"),
        ("^nonsense", "^nonsense"),
    ],
)
def test_poetrys_notation_is_understood(requires: str, means: str) -> None:
    assert plain(requires) == means


def test_a_version_without_its_patch_is_the_newest_of_its_kind() -> None:
    assert is_satisfied(">=3.11.4", "3.11")
    assert not is_satisfied(">=3.11.4", "3.11.1")


def test_a_part_of_a_repository_has_the_recipe_of_its_nearest_project() -> None:
    files = {"setup.py": b"", "libs/a/pyproject.toml": b'[project]\nname = "a"\n', "libs/x.py": b""}
    for below, directory, lock in (
        (".", "", "setup.py"),
        ("libs", "", "setup.py"),
        ("libs/a/tests/deep", "libs/a", "libs/a/pyproject.toml"),
    ):
        found = detect_environment(files, files.get, standing=below)
        assert found is not None
        assert found.environment is not None
        assert found.environment.setup[0] == "pip install -e ."
        assert (found.environment.directory, found.environment.lockfiles) == (directory, (lock,))
