"""For any trees, edits and policy: what lands is the start with the allowed changes, no more."""

from __future__ import annotations

import os
import posixpath
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.trees.support import EMPTY_TREE, Project, allowed, apply
from tests.trees.support import bring as fetch

from interlock.adapters.trees import Import, Imported, Repository
from interlock.adapters.trees.entry import Entry, shown
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


# What agents can make of a name; ``None`` stands for nothing.
HOSTILE_NAMES = st.one_of(
    st.sampled_from(["a", "A", "b.py", "src", "tests", ".git", ".GIT", ".gitignore", "m.pyc"]),
    st.sampled_from(["e\u0301", "\u00e9", "CLAUDE.md", "__pycache__", "build", "x\ny", "dot."]),
    st.sampled_from([os.fsdecode(b"\xff"), "-x"]),
)
TARGETS = st.sampled_from([b"a", b"../a", b"/nowhere", b"a/../../b"])
HOSTILE_PATHS = st.lists(HOSTILE_NAMES, min_size=1, max_size=3).map("/".join)
THINGS = st.one_of(
    st.tuples(st.just("file"), CONTENTS, st.sampled_from([0o644, 0o755, 0o666, 0o4755])),
    st.tuples(
        st.just("link"), st.sampled_from([b"a", b"../a", b"/nowhere", b"a/../../b"]), st.just(0)
    ),
    st.tuples(st.just("fifo"), st.just(b""), st.just(0)),
)
HOSTILE = st.dictionaries(HOSTILE_PATHS, THINGS, max_size=10)
RULES = b"build/\n*.log\n"

Things = dict[str, tuple[str, bytes, int]]


def lay_things(root: Path, things: Things) -> None:
    """Make what can be made, in order, and nothing through a link."""
    for name, (kind, data, mode) in things.items():
        path = root / name
        above = [root.joinpath(*path.relative_to(root).parts[:n]) for n in range(1, 3)]
        if any(up.is_symlink() or (up.exists() and not up.is_dir()) for up in above if up != path):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.is_symlink() or path.exists()
        match kind:
            case "file" if not there or (path.is_file() and not path.is_symlink()):
                path.write_bytes(data)
                path.chmod(mode)
            case "link" if not there:
                path.symlink_to(os.fsdecode(data))
            case "fifo" if not there:
                os.mkfifo(path)


def on_disk(root: Path) -> dict[str, tuple[str, bytes, bool]]:
    """Kind, content and whether it can be run, by an independent look."""
    found: dict[str, tuple[str, bytes, bool]] = {}
    for directory, below, names in os.walk(root):
        for name in (*below, *names):
            path = Path(directory) / name
            text = str(path.relative_to(root))
            if path.is_symlink():
                found[text] = ("link", os.fsencode(os.readlink(path)), False)
            elif path.is_file():
                found[text] = ("file", path.read_bytes(), bool(path.stat().st_mode & 0o100))
            elif not path.is_dir():
                found[text] = ("special", b"", False)
    return found


def as_found(entry: Entry, data: bytes) -> tuple[str, bytes, bool]:
    """An entry of a tree in the same words."""
    return "link" if entry.mode == b"120000" else "file", data, entry.mode == b"100755"


def outward(path: str, target: bytes) -> bool:
    """Whether a link leads out of the tree, by its text."""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), os.fsdecode(target)))
    return target.startswith(b"/") or joined.startswith("..") or b"/.." in target


@EXAMPLES
@given(before=FILES.map(possible), things=HOSTILE, gone=st.sets(PATHS))
def test_of_any_hostile_tree_only_what_the_rules_allow_lands(
    project_readonly: Project, place: Path, before: Files, things: Things, gone: set[str]
) -> None:
    repository = project_readonly.repository
    lay(place, before)
    start = bring(repository, EMPTY_TREE, place, frozenset()).finish().tree
    start = repository.replace(start, {".gitignore": RULES})
    was = repository.entries(start)
    shutil.rmtree(place)
    repository.export(start, place)
    for name in gone & before.keys():
        (place / name).unlink(missing_ok=True)
    lay_things(place, things)

    disk = on_disk(place)
    todo = Import(repository, start, allowed)
    fetch(todo, Snapshot(str(place)))
    imported = todo.finish()
    landed = repository.entries(imported.tree)
    contents = dict(zip(landed, repository.blobs([e.oid for e in landed.values()]), strict=True))
    for path in was.keys() | landed.keys() | {os.fsencode(name) for name in disk}:
        name, now = os.fsdecode(path), landed.get(path)
        if now == was.get(path):
            changed = name in disk and (now is None or disk[name] != as_found(now, contents[path]))
            changed = changed or (now is not None and name not in disk)
            # What is below a link or a file is not there any more, and not by itself a change.
            if changed and not explained(path, was, imported):
                pytest.fail(f"{name!r} did not land and nothing says so: {imported}")
        elif now is None:
            assert name not in disk
            assert allowed(name) is None
        else:
            assert allowed(name) is None
            assert disk[name] == as_found(now, contents[path])
            assert not (disk[name][0] == "link" and outward(name, disk[name][1]))
            assert not name.endswith(".pyc")
            assert "build" not in name.split("/")[:-1]
    assert all(line.isprintable() for line in (*imported.refused, *imported.ignored))
    assert all(" \u2192 " in why for why in imported.refused.values())

    apply(place, imported.reverts)
    again = Import(repository, start, allowed)
    fetch(again, Snapshot(str(place)))
    after = again.finish()
    caches = {path for path, why in after.refused.items() if why.startswith("a cache")}
    assert (after.tree, after.reverts) == (imported.tree, ())
    assert after.refused.keys() == caches


def explained(path: bytes, was: Mapping[bytes, Entry], imported: Imported) -> bool:
    """Whether a line of the import is about a path, or about a directory that it is in."""
    lines = {*imported.refused, *imported.ignored}
    named = {shown(path), *(shown(up) for up in ancestors(path))}
    named |= {f"{name}/" for name in named} | {shown(up + b"/") for up in (path, *ancestors(path))}
    in_git = path.split(b"/")[0] == b".git"
    return bool(named & lines) or in_git


@given(st.text(min_size=1, max_size=12))
def test_folding_is_stable(text: str) -> None:
    path = text.encode("utf-8", "surrogatepass")
    assert folded(folded(path)) == folded(path)
