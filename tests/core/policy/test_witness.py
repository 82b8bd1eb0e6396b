"""Paths made from a glob are paths that it matches, and different enough to find a gap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.policy.globs import compiled
from interlock.core.policy.pathshape import fold
from interlock.core.policy.witness import witnesses


def taken_in(pattern: str, *others: str) -> bool:
    globs = compiled(others)
    paths = witnesses(pattern)
    return bool(paths) and all(globs.either(path, fold(path)) for path in paths)


@pytest.mark.parametrize(
    "pattern, others",
    [
        ("src/x/**", ["src/**"]),
        ("src/*.py", ["*.py"]),
        ("docs/*.md", ["docs/"]),
        ("src/a.py", ["src"]),
        ("a/[bc].txt", ["a/?.txt"]),
        ("**/*.py", ["**"]),
        (".env", [".env*"]),
        ("a/b", ["A/B"]),
    ],
)
def test_a_glob_within_others_is_taken_in(pattern: str, others: list[str]) -> None:
    assert taken_in(pattern, *others)


@pytest.mark.parametrize(
    "pattern, others",
    [
        ("src/**", ["src/x/**"]),
        ("src/**", ["**/*.py"]),
        ("src/*", ["src/???"]),
        ("src/*", ["src/[a-z]*"]),
        ("**/*.test.*", ["src/**"]),
        ("src/**", ["src/*", "!src/*"]),
        ("*.py", ["/*.py"]),
        ("build", ["build/"]),
        ("src/**", ["src/*/*"]),
        ("src/**", ["src/.*"]),
        ("!src/**", ["src/**"]),
    ],
)
def test_a_glob_with_something_left_is_not(pattern: str, others: list[str]) -> None:
    assert not taken_in(pattern, *others)


@given(st.text(st.sampled_from("ab/*?[]!.\\"), max_size=12))
def test_every_witness_is_matched(pattern: str) -> None:
    for path in witnesses(pattern):
        assert compiled((pattern,)).either(path, fold(path))
