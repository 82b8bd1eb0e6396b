"""What kind of work a diff is, path by path: the strongest kind of any of them is the kind of all.

What cannot be read, and what nobody knows the meaning of, may change behaviour: it counts as a fix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from posixpath import basename, dirname

from interlock.adapters.judge.snapshot import Snapshot
from interlock.adapters.trees.entry import FILE
from interlock.core.facts import WorkFacts
from interlock.core.model import WorkTypes
from interlock.core.work import Kind, stronger
from interlock.core.work_paths import is_documentation, is_manifest
from interlock.ports.statics import Statics

__all__ = ["kind_of_work"]

_Found = tuple[Kind, str]


def kind_of_work(
    base: Snapshot,
    tree: Snapshot,
    is_test: Callable[[str], bool],
    types: WorkTypes,
    statics: Statics,
) -> WorkFacts:
    """The kind of the difference between two trees.

    Args:
        is_test: whether a path is a test by the workflow's patterns.
    """
    of = _Diff(base, tree, is_test, types, statics)
    found = list(of.kinds())
    if not found:
        return WorkFacts()
    kind, why = found[0]
    for other, said in found[1:]:
        if (both := stronger(kind, other)) is not kind:
            why = said if both is other else f"{why}, and {said}"
            kind = both
    return WorkFacts(kind=kind.value, why=why, notes=of.notes)


class _Diff:
    """The paths of one difference."""

    def __init__(
        self,
        base: Snapshot,
        tree: Snapshot,
        is_test: Callable[[str], bool],
        types: WorkTypes,
        statics: Statics,
    ) -> None:
        self._base, self._tree = base, tree
        self._is_test = is_test
        self._types = types
        self._statics = statics
        self._paths = tree.differing(base)
        both = base.paths | tree.paths
        self._packages = {dirname(path) for path in both if basename(path) == "__init__.py"}
        self._run = frozenset(
            pattern
            for one in (base, tree)
            for pattern in statics.documents_that_run(one.paths, one.read)
        )
        self.notes: tuple[str, ...] = ()

    def kinds(self) -> Iterator[_Found]:
        """Kind and reason of each path; of the Python sources together."""
        yield from self._configuration()
        sources = []
        for path in self._paths:
            # Whether a script may be executed by its name is no business of a diff of sources.
            if path.endswith(".py") and self._is_file(path) and not self._is_test(path):
                sources.append(path)
            else:
                yield self._kind(path)
        if sources:
            yield from self._sources(sources)

    def _kind(self, path: str) -> _Found:
        old, new = self._read(self._base, path), self._read(self._tree, path)
        if not self._is_plain_file(path):
            return Kind.FIX, f"{path} is, or was, no plain file"
        if self._is_test(path):
            is_same = old is not None and new is not None and path.endswith(".py")
            if is_same and self._statics.means_the_same(old or b"", new or b""):
                return Kind.REFACTOR, f"{path} is a test in other words"
            return Kind.FIX, f"{path} is a test, and says something else than before"
        if any(fnmatchcase(basename(path), pattern) for pattern in self._run):
            return Kind.FIX, f"{path} is run as a test"
        if is_documentation(path, self._types, self._packages):
            return Kind.DOCS, f"{path} is documentation"
        if is_manifest(path, self._types):
            more = self._statics.beyond_dependencies(path, old, new)
            if more:
                return Kind.FIX, f"{path} {more}"
            return Kind.DEPENDENCIES, f"{path} describes dependencies"
        if self._only_moved(old, new):
            return Kind.REFACTOR, f"{path} is at another place"
        return Kind.FIX, f"{path} is neither documentation nor a manifest, and no Python"

    def _configuration(self) -> Iterator[_Found]:
        """Settings of the test runner decide what the tests mean."""
        before = self._statics.configuration(self._base.paths, self._base.read)
        after = self._statics.configuration(self._tree.paths, self._tree.read)
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) != after.get(path):
                yield Kind.FIX, f"{path} changes what a test run does"

    def _sources(self, paths: list[str]) -> Iterator[_Found]:
        versions = {p: (self._read(self._base, p), self._read(self._tree, p)) for p in paths}
        names = self._statics.public_names(versions)
        self.notes = tuple(f"takes away the public name {name}" for name in names.taken)
        if names.unread:
            yield Kind.FIX, f"{names.unread[0]} cannot be read"
        if names.added:
            yield Kind.FEATURE, f"it adds the public name {names.added[0]}"
        if names.widened:
            yield Kind.FEATURE, f"the public function {names.widened[0]} now"
        if names.revalued:
            yield Kind.FIX, f"{names.revalued[0]} is not what it was"
        yield Kind.REFACTOR, f"{paths[0]} is a source"

    def _only_moved(self, old: bytes | None, new: bytes | None) -> bool:
        """Whether the same contents stand, or stood, at another path of the diff."""
        if (old is None) is (new is None):
            return False
        where, what = (self._tree, old) if new is None else (self._base, new)
        return any(self._read(where, path) == what for path in self._paths)

    def _is_plain_file(self, path: str) -> bool:
        entries = (self._base.entry(path), self._tree.entry(path))
        return all(entry is None or entry.mode == FILE for entry in entries)

    def _is_file(self, path: str) -> bool:
        trees = (self._base, self._tree)
        return all(path in tree.paths or not tree.has(path) for tree in trees)

    @staticmethod
    def _read(tree: Snapshot, path: str) -> bytes | None:
        return tree.read(path) if path in tree.paths else None
