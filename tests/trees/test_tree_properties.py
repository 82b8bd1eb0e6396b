"""For any trees, edits and policy: what lands is the start with the allowed changes, no more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.trees.support import EMPTY_TREE, Project, apply
from tests.trees.support import bring as fetch

from interlock.adapters.trees import Import, Repository
from interlock.adapters.trees.entry import Entry
from interlock.adapters.trees.names import ancestors, folded
from interlock.supervisor.toolhost.snapshot import Snapshot

# Few names, so that files meet directories; few contents, so that edits look like moves.
NAMES = st.sampled_from(["a", "b", "c", "d.py", "\u00e9", "x y"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.sampled_from([b"", b"1\n", b"2\r\n", b"\0\xff", b"three"])
MODES = st.sampled_from([0o644, 0o755])
FILES = st.dictionaries(PATHS, st.tuples(CONTENTS, MODES), max_size=8)
EXAMPLES = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])

Files = dict[str, tuple[bytes, int]]


def possible(files: Files) -> Files:
    """Those that can be in one directory together: none stands where another has its directory."""
    kept: Files = {}
    for name in sorted(files):
        if not any(up.decode() in kept for up in ancestors(name.encode())):
            kept[name] = files[name]
    return kept


def lay(root: Path, files: Files) -> None:
    """Write files below a new directory."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name, (data, mode) in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)


def bring(repository: Repository, start: str, root: Path, forbidden: frozenset[str]) -> Import:
    """An import that has everything it asked for."""
    todo = Import(repository, start, lambda path: "no" if path in forbidden else None)
    fetch(todo, Snapshot(str(root)))
    return todo


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "tree"


@EXAMPLES
@given(before=FILES.map(possible), after=FILES.map(possible), data=st.data())
def test_what_lands_is_the_start_with_allowed_changes(
    project_readonly: Project, place: Path, before: Files, after: Files, data: st.DataObject
) -> None:
    repository = project_readonly.repository
    lay(place, before)
    start = bring(repository, EMPTY_TREE, place, frozenset()).finish().tree
    was = repository.entries(start)
    assert {os.fsdecode(path) for path in was} == before.keys()

    lay(place, after)
    everything = bring(repository, start, place, frozenset()).finish()
    now = repository.entries(everything.tree)
    assert everything.refused == {}
    assert {os.fsdecode(path) for path in now} == after.keys()

    names = sorted(before.keys() | after.keys())
    forbidden = frozenset(data.draw(st.sets(st.sampled_from(names))) if names else ())
    imported = bring(repository, start, place, forbidden).finish()
    landed = repository.entries(imported.tree)
    for path in was.keys() | now.keys() | landed.keys():
        name = os.fsdecode(path)
        assert landed.get(path) in (was.get(path), now.get(path))
        if name in forbidden:
            assert landed.get(path) == was.get(path)
        if landed.get(path) != now.get(path):
            assert refusal_explains(name, imported.refused, was, path)
        elif name not in forbidden:
            assert name not in imported.refused
    if not forbidden:
        assert imported.refused == {}

    apply(place, imported.reverts)
    again = bring(repository, start, place, forbidden).finish()
    assert (again.tree, again.refused, again.reverts) == (imported.tree, {}, ())


def refusal_explains(
    name: str, refused: dict[str, str], was: Mapping[bytes, Entry], path: bytes
) -> bool:
    """A change that did not land is named, or goes with a refused path above it."""
    above = (up.decode() for up in ancestors(path))
    return name in refused or (path in was and any(up in refused for up in above))


@EXAMPLES
@given(files=FILES.map(possible), other=FILES.map(possible))
def test_exported_tree_hashes_back_to_itself(
    project_readonly: Project, place: Path, files: Files, other: Files
) -> None:
    repository = project_readonly.repository
    trees = []
    for each in (files, other):
        lay(place, each)
        trees.append(bring(repository, EMPTY_TREE, place, frozenset()).finish().tree)
    shutil.rmtree(place)
    previous = None
    for tree in (*trees, trees[0]):
        repository.export(tree, place, previous=previous)
        back = bring(repository, EMPTY_TREE, place, frozenset()).finish()
        assert (back.tree, back.refused) == (tree, {})
        empty = [path for path, below, names in os.walk(place) if not below and not names]
        assert empty in ([], [str(place)])
        previous = tree


@given(st.text(min_size=1, max_size=12))
def test_folding_is_stable(text: str) -> None:
    path = text.encode("utf-8", "surrogatepass")
    assert folded(folded(path)) == folded(path)
