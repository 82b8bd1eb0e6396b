"""What a diff is, path by path: tables of honest changes and of those that only look harmless."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from interlock.core.model import WorkTypes
from interlock.core.work_paths import is_documentation, is_manifest
from interlock.statics import python

NOTHING = WorkTypes()


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "README",
        "textkit/README.md",
        "CHANGELOG.rst",
        "LICENSE",
        "LICENSE-MIT.txt",
        "docs/usage.md",
        "docs/a/b.rst",
        "docs/picture.png",
        "NOTES.md",
        "packages/one/docs/usage.md",
    ],
)
def test_documentation(path: str) -> None:
    assert is_documentation(path, NOTHING, {"textkit"})


@pytest.mark.parametrize(
    "path",
    [
        "docs/conf.py",
        "docs/Makefile",
        "docs/build.sh",
        "docs/index.html",
        "docs/picture.svg",
        "docs/CMakeLists.txt",
        "docs/requirements.txt",
        "docs/tool",
        "readme.py",
        "textkit/prompt.md",
        "textkit/docs/help.md",
        "textkit/data.json",
        "setup.py",
        "notes.txt",
        ".github/a.yml",
    ],
)
def test_what_only_looks_like_documentation(path: str) -> None:
    assert not is_documentation(path, NOTHING, {"textkit"})


def test_a_team_names_its_own_documentation_but_no_code() -> None:
    types = WorkTypes(documentation=("guide/**",), manifests=("deps/**",))
    assert is_documentation("guide/a.page", types, ())
    assert not is_documentation("guide/conf.py", types, ())
    assert is_manifest("deps/list.yaml", types)
    assert not is_manifest("deps/install.py", types)


@pytest.mark.parametrize(
    "path",
    [
        "pyproject.toml",
        "requirements.txt",
        "requirements-dev.txt",
        "dev-requirements.in",
        "requirements/tests.txt",
        "constraints.txt",
        "uv.lock",
        "poetry.lock",
        "web/package.json",
        "go.sum",
    ],
)
def test_manifests(path: str) -> None:
    assert is_manifest(path, NOTHING)
    assert not is_documentation(path, NOTHING, ())


@pytest.mark.parametrize("path", ["setup.py", "requirements.py", "Gemfile", "tox.ini", "a/lock"])
def test_what_is_no_manifest(path: str) -> None:
    assert not is_manifest(path, NOTHING)


PROJECT = '[project]\nname = "a"\nversion = "1"\ndependencies = ["b>=1"]\n'


@pytest.mark.parametrize(
    "path, old, new, said",
    [
        ("pyproject.toml", PROJECT, PROJECT.replace("b>=1", "b>=2"), ""),
        ("pyproject.toml", PROJECT, f'{PROJECT}[dependency-groups]\ndev = ["c"]\n', ""),
        ("pyproject.toml", PROJECT, f"# why\n{PROJECT}", ""),
        (
            "pyproject.toml",
            PROJECT,
            f'{PROJECT}[tool.pytest.ini_options]\naddopts = "-k x"\n',
            "tool.pytest.ini_options.addopts",
        ),
        (
            "pyproject.toml",
            PROJECT,
            f'{PROJECT}[project.scripts]\na = "a:b"\n',
            "project.scripts.a",
        ),
        (
            "pyproject.toml",
            PROJECT,
            f'{PROJECT}[build-system]\nbuild-backend = "x"\n',
            "build-system.build-backend",
        ),
        ("pyproject.toml", PROJECT, "[project", "cannot be read"),
        ("pyproject.toml", None, PROJECT, "project.name"),
        ("setup.cfg", "", "[options]\ninstall_requires = b\n", ""),
        ("setup.cfg", "", "[tool:pytest]\naddopts = -x\n", "tool:pytest.addopts"),
        ("setup.cfg", "", "[options.entry_points]\npytest11 = a\n", "options.entry_points"),
        ("package.json", "{}", '{"dependencies": {"a": "1"}}', ""),
        ("package.json", "{}", '{"scripts": {"postinstall": "x"}}', "scripts.postinstall"),
        ("requirements.txt", "a\n", "a>=2\nb==1 --hash=sha256:00\n-r other.txt\n", ""),
        ("requirements.txt", None, "# what for\na\n", ""),
        ("requirements.txt", "a\n", "--index-url https://x\na\n", "--index-url"),
        ("requirements.txt", "a\n", "a\n-i https://x\n", "-i"),
        ("requirements.txt", "a\n", "-e .\n", "-e"),
        ("requirements.txt", "a\n", "a @ https://x/a.whl\n", "elsewhere than the index"),
        ("requirements.txt", "a\n", "git+https://x/a\n", "elsewhere than the index"),
        ("requirements.txt", "a\n", "./a.whl\n", "elsewhere than the index"),
        ("requirements.txt", "--index-url https://x\na\n", "--index-url https://x\na>1\n", ""),
        ("uv.lock", "a", "b", ""),
    ],
)
def test_what_a_manifest_says_besides_dependencies(
    path: str, old: str | None, new: str, said: str
) -> None:
    found = python.beyond_dependencies(
        path, old.encode() if old is not None else None, new.encode()
    )
    assert said in found if said else found == ""


Sources = Mapping[str, tuple[str | None, str | None]]
BASE = "def double(x):\n    return 2 * x\n"


@pytest.mark.parametrize(
    "sources, added, taken",
    [
        ({"a.py": (BASE, f"{BASE}def triple(x): ...\n")}, ["a.py::triple"], []),
        ({"a.py": (BASE, f"{BASE}def _triple(x): ...\n")}, [], []),
        ({"a.py": (BASE, BASE.replace("2 * x", "x + x"))}, [], []),
        ({"a.py": (BASE, "")}, [], ["a.py::double"]),
        ({"a.py": (BASE, None), "b.py": (None, BASE)}, [], []),
        ({"a.py": (BASE, "from b import double\n"), "b.py": (None, BASE)}, [], []),
        ({"b.py": (None, BASE)}, ["b.py::double"], []),
        ({"_b.py": (None, BASE)}, [], []),
        ({"a.py": (BASE, BASE.replace("double", "twice"))}, ["a.py::twice"], ["a.py::double"]),
        ({"a.py": (BASE, f"import os\n{BASE}")}, [], []),
        ({"p/__init__.py": ("", "from .b import c\n")}, ["p/__init__.py::c"], []),
        ({"p/__init__.py": ("", "import os\n")}, [], []),
        ({"a.py": ("class A: ...\n", "class A:\n    def b(self): ...\n")}, ["a.py::A.b"], []),
        ({"a.py": ("class A: ...\n", "class A:\n    def _b(self): ...\n")}, [], []),
        (
            {"a.py": ("class A: ...\n", "class A:\n    def __call__(self): ...\n")},
            ["a.py::A.__call__"],
            [],
        ),
        ({"a.py": ("", "__all__ = ['_b']\n_b = 1\n")}, ["a.py::_b"], []),
        ({"a.py": ("", "if True:\n    LIMIT = 3\n")}, ["a.py::LIMIT"], []),
    ],
)
def test_public_names(sources: Sources, added: list[str], taken: list[str]) -> None:
    found = python.public_names(
        {
            path: (
                old.encode() if old is not None else None,
                new.encode() if new is not None else None,
            )
            for path, (old, new) in sources.items()
        }
    )
    assert (list(found.added), list(found.taken)) == (added, taken)


def test_a_public_function_that_takes_more_is_wider() -> None:
    wider = BASE.replace("(x)", "(x, rounding=None)")
    found = python.public_names({"a.py": (BASE.encode(), wider.encode())})
    assert found.widened == ("a.py::double takes rounding",)
    renamed = BASE.replace("x", "value")
    assert python.public_names({"a.py": (BASE.encode(), renamed.encode())}).widened == ()


def test_what_cannot_be_parsed_is_named() -> None:
    assert python.public_names({"a.py": (BASE.encode(), b"def (")}).unread == ("a.py",)


def test_other_words_mean_the_same() -> None:
    assert python.means_the_same(b"a = 1\n", b"# why\na = (1)\n")
    assert python.means_the_same(b"def a():\n    '''b'''\n    return 1\n", b"def a(): return 1\n")
    assert not python.means_the_same(b"a = 1\n", b"a = 2\n")
    assert not python.means_the_same(b"a = 1\n", b"a = (\n")


@pytest.mark.parametrize(
    "settings, run",
    [
        ("", ()),
        ("[pytest]\naddopts = -q\n", ()),
        ("[pytest]\naddopts = --doctest-glob=*.md\n", ("*.md",)),
        ("[pytest]\naddopts = --doctest-glob '*.rst'\n", ("*.rst",)),
        ("[pytest]\naddopts = -p sybil\n", ("*.md", "*.rst", "*.txt")),
    ],
)
def test_documents_that_the_runner_runs(settings: str, run: tuple[str, ...]) -> None:
    found = python.documents_that_run(["pytest.ini"], lambda _path: settings.encode())
    assert set(run) <= set(found)
    assert bool(run) is bool(found)
