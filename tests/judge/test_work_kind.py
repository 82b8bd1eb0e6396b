"""The kind of a whole diff: the strongest of its paths, and never weaker than what is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha1
from typing import cast

import pytest

from interlock.adapters.judge.snapshot import Snapshot
from interlock.adapters.judge.work_kind import kind_of_work
from interlock.adapters.trees.entry import EXECUTABLE, FILE, LINK, Entry
from interlock.core.facts import WorkFacts
from interlock.core.model import WorkTypes
from interlock.statics import python

Files = Mapping[str, str | tuple[bytes, str]]
NUM = "def double(x):\n    return 2 * x\n"
BASE: Files = {
    "pkg/__init__.py": "",
    "pkg/num.py": NUM,
    "pkg/words.json": "{}",
    "tests/test_num.py": "def test_a():\n    assert True\n",
    "README.md": "# a\n",
    "docs/conf.py": "project = 'a'\n",
    "pyproject.toml": '[project]\nname = "a"\ndependencies = []\n',
    "requirements.txt": "a\n",
}


class Tree:
    """What ``kind_of_work`` asks of a snapshot."""

    def __init__(self, files: Files) -> None:
        given = {p: f if isinstance(f, tuple) else (FILE, f) for p, f in files.items()}
        self._data = {path: text.encode() for path, (_, text) in given.items()}
        self._entries = {
            path: Entry(mode, sha1(text.encode()).hexdigest().encode())
            for path, (mode, text) in given.items()
        }
        self.paths = frozenset(p for p, (mode, _) in given.items() if mode != LINK)

    def entry(self, path: str) -> Entry | None:
        return self._entries.get(path)

    def has(self, path: str) -> bool:
        return path in self._entries

    def read(self, path: str) -> bytes:
        return self._data[path]

    def differing(self, other: Tree) -> tuple[str, ...]:
        both = self._entries.keys() | other._entries.keys()
        return tuple(sorted(p for p in both if self.entry(p) != other.entry(p)))


def kind(changed: Mapping[str, str | tuple[bytes, str] | None], base: Files = BASE) -> WorkFacts:
    after = {p: f for p, f in {**base, **changed}.items() if f is not None}
    trees = [cast("Snapshot", Tree(files)) for files in (base, after)]
    return kind_of_work(
        trees[0], trees[1], lambda path: path.startswith("tests/"), WorkTypes(), python
    )


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({}, ""),
        ({"README.md": "# b\n"}, "docs"),
        ({"README.md": None}, "docs"),
        ({"docs/use.md": "a"}, "docs"),
        ({"docs/conf.py": "project = 'b'\n"}, "fix"),
        ({"docs/conf.py": "extensions = []\n"}, "feature"),
        ({"docs/use.md": (LINK, "../pkg/num.py")}, "fix"),
        ({"docs/use.md": (EXECUTABLE, "#!/bin/sh\n")}, "fix"),
        ({"pkg/prompt.md": "a"}, "fix"),
        ({"requirements.txt": "a>=2\n"}, "dependencies"),
        ({"requirements.txt": "--index-url https://x\na\n"}, "fix"),
        ({"requirements.txt": "a>=2\n", "README.md": "b"}, "refactor"),
        ({"pyproject.toml": '[project]\nname = "a"\ndependencies = ["b"]\n'}, "dependencies"),
        (
            {"pyproject.toml": f'{BASE["pyproject.toml"]}[tool.pytest.ini_options]\na = "b"\n'},
            "fix",
        ),
        ({"pytest.ini": "[pytest]\naddopts = -x\n"}, "fix"),
        ({"pkg/num.py": f"{NUM}_BY = 2\n"}, "refactor"),
        ({"pkg/num.py": f"@cache\n{NUM}"}, "fix"),
        ({"setup.py": "import os\n"}, "refactor"),
        ({"pkg/num.py": NUM.replace("2 * x", "x + x")}, "refactor"),
        ({"pkg/num.py": f"# why\n{NUM}"}, "refactor"),
        ({"pkg/num.py": f"{NUM}def _half(x): ...\n"}, "refactor"),
        ({"pkg/num.py": f"{NUM}def half(x): ...\n"}, "feature"),
        ({"pkg/num.py": NUM.replace("(x)", "(x, by=2)")}, "feature"),
        ({"pkg/num.py": "from pkg.core import double\n", "pkg/core.py": NUM}, "refactor"),
        ({"pkg/num.py": None, "pkg/core.py": NUM}, "refactor"),
        ({"pkg/num.py": None}, "refactor"),
        ({"pkg/num.py": "def ("}, "fix"),
        ({"pkg/num.py": (LINK, "../../outside.py")}, "fix"),
        ({"pkg/words.json": '{"a": 1}'}, "fix"),
        ({"pkg/words.json": None, "pkg/data/words.json": "{}"}, "refactor"),
        ({"tests/test_num.py": "def test_a():\n    assert 1\n"}, "fix"),
        ({"tests/test_num.py": "# why\ndef test_a():\n    assert True\n"}, "refactor"),
        ({"tests/test_num.py": None}, "fix"),
        ({"README.md": "b", "pkg/num.py": f"{NUM}def half(x): ...\n"}, "feature"),
    ],
)
def test_the_kind_of_a_diff(
    changed: Mapping[str, str | tuple[bytes, str] | None], expected: str
) -> None:
    found = kind(changed)
    assert found.kind == expected, found.why
    assert bool(found.why) is bool(expected)


def test_a_document_that_the_runner_runs_is_a_test() -> None:
    base = {**BASE, "pytest.ini": "[pytest]\naddopts = --doctest-glob=*.md\n"}
    assert kind({"README.md": "# b\n"}, base).kind == "fix"


def test_values_defaults_and_bases_are_not_what_they_were() -> None:
    old = "LIMIT = 3\n\n\ndef _f(x=1): ...\n\n\nclass A: ...\n"
    base = {**BASE, "pkg/values.py": old}
    for before, after, expected in (
        ("LIMIT = 3", "LIMIT = 4", "fix"),
        ("x=1", "x=2", "fix"),
        ("x=1", "x=1, y=2", "refactor"),
        ("class A:", "class A(dict):", "fix"),
        ("LIMIT = 3", "LIMIT = (3)", "refactor"),
    ):
        assert kind({"pkg/values.py": old.replace(before, after)}, base).kind == expected, after


def test_public_names_that_are_gone_are_noted() -> None:
    assert kind({"pkg/num.py": ""}).notes == ("takes away the public name pkg/num.py::double",)
