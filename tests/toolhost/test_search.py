"""Glob and grep: gitignore's language, bounded time."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from interlock.supervisor.toolhost.pattern import Pattern

if TYPE_CHECKING:
    from tests.toolhost.conftest import Host


@pytest.fixture
def tree(root: Path) -> Path:
    """A few files, one of them hidden, one in the repository's own directory."""
    for name in ("a.py", "src/a.py", "src/deep/er/b.py", "src/deep/c.txt", ".hidden/d.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\nneedle\n")
    (root / ".git").mkdir()
    (root / ".git" / "e.py").write_text("needle\n")
    (root / "src" / "link").symlink_to("deep")
    (root / "src" / "[x]").write_text("")
    return root


@pytest.mark.parametrize(
    "pattern,found",
    [
        ("*.py", [".hidden/d.py", "a.py", "src/a.py", "src/deep/er/b.py"]),
        ("/*.py", ["a.py"]),
        ("src/*.py", ["src/a.py"]),
        ("src/**/*.py", ["src/a.py", "src/deep/er/b.py"]),
        ("**/deep/**", ["src/deep/c.txt", "src/deep/er/b.py"]),
        ("src/deep/**/b.py", ["src/deep/er/b.py"]),
        ("?.[pt]*", [".hidden/d.py", "a.py", "src/a.py", "src/deep/c.txt", "src/deep/er/b.py"]),
        ("[!abd].*", ["src/deep/c.txt"]),
        (r"\[x\]", ["src/[x]"]),
        ("deep/", ["src/deep"]),
        ("src/*/", ["src/deep"]),
        ("nothing", []),
    ],
)
def test_glob_reads_patterns_as_gitignore_does(
    host: Host, tree: Path, pattern: str, found: list[str]
) -> None:
    assert host.ok("glob", pattern=pattern) == {"paths": found, "more": False}


def test_glob_names_a_link_and_does_not_enter_it(host: Host, tree: Path) -> None:
    assert host.ok("glob", pattern="src/l*")["paths"] == ["src/link"]
    assert host.ok("glob", pattern="src/link/**")["paths"] == []


def test_glob_says_when_there_is_more(host: Host, tree: Path) -> None:
    assert host.ok("glob", pattern="*.py", limit=2) == {
        "paths": [".hidden/d.py", "a.py"],
        "more": True,
    }


def test_glob_from_a_directory_starts_there(host: Host, tree: Path) -> None:
    assert host.ok("glob", pattern="/*.txt", path="src/deep")["paths"] == ["src/deep/c.txt"]
    assert host.refused("glob", pattern="*", path="nowhere") == "ENOENT"


NAMES = st.text(alphabet="ab.", min_size=1, max_size=3).filter(lambda name: name.strip("."))
PARTS = st.one_of(
    NAMES, st.just("**"), st.text(alphabet="ab*?", min_size=1, max_size=4).filter("**".__ne__)
)


@given(
    parts=st.lists(PARTS, min_size=2, max_size=4),
    path=st.lists(NAMES, min_size=1, max_size=4),
)
def test_anchored_pattern_matches_a_file_exactly_if_git_would(
    parts: list[str], path: list[str]
) -> None:
    text = "/".join(parts)
    pattern = Pattern(text)
    state = pattern.start
    for name in path:
        state = pattern.step(state, name)
    # A pattern that matches a directory takes in everything below it for git: keep that apart.
    above = ("/".join(path[:depth]) for depth in range(1, len(path)))
    spec = GitIgnoreSpec.from_lines([text])
    if not any(spec.match_file(directory) for directory in above):
        assert pattern.matches(state) == spec.match_file("/".join(path))


def test_glob_with_many_stars_takes_no_time(host: Host, root: Path) -> None:
    (root / ("a" * 200)).write_text("")
    (root / "/".join(["a"] * 40)).mkdir(parents=True)
    began = time.monotonic()
    assert host.ok("glob", pattern="*a" * 40 + "b")["paths"] == []
    assert host.ok("glob", pattern="**/a/" * 20 + "b")["paths"] == []
    assert time.monotonic() - began < 5


def test_grep_names_path_line_and_text(host: Host, tree: Path) -> None:
    assert host.ok("grep", regex="NEED.e", pattern="*.txt", ignore_case=True) == {
        "hits": [["src/deep/c.txt", 2, "needle"]],
        "files": 1,
        "skipped": 0,
        "more": False,
    }
    assert host.ok("grep", regex="needle", path="src/a.py")["hits"] == [["src/a.py", 2, "needle"]]
    everywhere = host.ok("grep", regex="^needle$")
    assert [hit[0] for hit in everywhere["hits"]] == [
        "a.py",
        ".hidden/d.py",
        "src/a.py",
        "src/deep/c.txt",
        "src/deep/er/b.py",
    ]


def test_grep_stops_at_its_limit_and_says_so(host: Host, tree: Path) -> None:
    found = host.ok("grep", regex="needle", limit=2)
    assert (len(found["hits"]), found["more"]) == (2, True)
    found = host.ok("grep", regex="needle", limit=5)
    assert (len(found["hits"]), found["more"]) == (5, False)


def test_grep_passes_over_what_is_no_text(host: Host, root: Path) -> None:
    (root / "binary").write_bytes(b"\0needle\n")
    (root / "latin").write_bytes(b"\xe9 needle\n")
    os.mkfifo(root / "fifo")
    (root / "out").symlink_to("/etc/passwd")
    with (root / "huge").open("wb") as file:
        file.truncate(1 << 30)
    found = host.ok("grep", regex="needle|root")
    assert found["hits"] == [["latin", 1, "\ufffd needle"]]
    assert found["skipped"] == 3


def test_evil_expression_is_stopped_in_time(host: Host, root: Path) -> None:
    (root / "f").write_text("a" * 64 + "\n")
    began = time.monotonic()
    assert host.refused("grep", regex="(a+)+$~", seconds=0.3) == "timed_out"
    assert time.monotonic() - began < 5
    assert host.ok("grep", regex="a+", seconds=5)["files"] == 1


@pytest.mark.parametrize("regex", ["(", "(?P<a", "a{99999999999}", "(" * 5000])
def test_what_is_no_expression_is_named(host: Host, regex: str) -> None:
    assert host.refused("grep", regex=regex) == "invalid"
