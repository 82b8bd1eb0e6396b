"""Two releases become one piece of work: a base, failing tests on it, and the code for them.

A release brings tests that were written with its code together with tests that the old code
passes as well. Who works test first hands in the former at RED; the latter are part of the base
then, as if they had been committed before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from tests.honest.gates import lands
from tests.honest.texts import functions, without, without_imports
from tests.honest.trees import Tree

import interlock.statics.python as statics

__all__ = ["Releases", "Split", "Trio", "rebuilt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """Two successive releases.

    Args:
        old, new: the trees.
        is_test: whether a path is a test, as the workflow says.
        planned: symbols that the plan names.
    """

    old: Tree
    new: Tree
    is_test: Callable[[str], bool]
    planned: tuple[str, ...] = ()

    @property
    def changed_tests(self) -> tuple[str, ...]:
        """Paths of tests that the new release adds or changes."""
        return tuple(p for p, s in self.new.items() if self.is_test(p) and self.old.get(p) != s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What is known of the new release's tests.

    Args:
        guards: file → functions that the old code passes already (or that are skipped).
        broken: file → functions that fail on the new release itself, on this machine.
        whole: files that cannot be split in two, because what is left does not run on the old code:
            of these the guards stay out.
        without_files: files that cannot be collected on the new release itself.
    """

    guards: Mapping[str, frozenset[str]] = field(default_factory=dict)
    broken: Mapping[str, frozenset[str]] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()
    without_files: frozenset[str] = frozenset()
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Trio:
    """The trees that the judge is given."""

    base: Tree
    tests: Tree
    work: Tree


def rebuilt(releases: Releases, split: Split) -> Trio:
    """Base, tests and work of two releases."""
    old, new, is_test = releases.old, releases.new, releases.is_test
    handed_in = {p: s for p, s in new.items() if is_test(p) and p not in split.without_files}
    for path, names in split.broken.items():
        if path in handed_in:
            handed_in[path] = without(handed_in[path], names)
    before = dict(_before(releases, split, handed_in))
    for path in split.whole & handed_in.keys():
        handed_in[path] = without(handed_in[path], split.guards.get(path, frozenset()))
    sources = {p: s for p, s in old.items() if not is_test(p)}
    # What decides how tests run was changed before, where everybody could see it.
    settings = _settings(releases)
    sources = {p: s for p, s in sources.items() if p not in settings}
    sources |= {p: new[p] for p in settings if p in new}
    work = {p: s for p, s in new.items() if not is_test(p)}
    base = sources | before
    tests = lands(base, sources | handed_in, "TDD")
    return Trio(base=base, tests=tests, work=lands(tests, work | handed_in, "IMPL"))


def _before(releases: Releases, split: Split, handed_in: Tree) -> Tree:
    """Tests of the base."""
    old = releases.old
    if not split.is_known:
        return {p: s for p, s in old.items() if releases.is_test(p)}
    before: dict[str, bytes] = {}
    for path, source in handed_in.items():
        if old.get(path) == source or not path.endswith(".py"):
            before[path] = source
        elif path in split.whole:
            if path in old:
                # What was taken out of the file that is handed in must not be missed later.
                kept = functions(source).keys() - split.guards.get(path, frozenset())
                before[path] = without(old[path], _tests(functions(old[path]).keys() - kept))
        else:
            red = functions(source).keys() - split.guards.get(path, frozenset())
            tests = _tests(red)
            if (
                path in old
                and not _tests(functions(source))
                and _mentions(source, releases.planned)
            ):
                # What all tests share, and would not run on the old code, changed with it.
                before[path] = old[path]
                continue
            left = without(source, tests, old.get(path, b""))
            before[path] = without_imports(left, releases.planned)
    return before


def _mentions(source: bytes, planned: Collection[str]) -> bool:
    words = set(re.findall(rb"\w+", source))
    return any(re.split(r"\W", symbol)[-1].encode() in words for symbol in planned)


def _tests(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in names if name.rpartition("::")[2].startswith("test"))


def _settings(releases: Releases) -> frozenset[str]:
    """Paths outside of the tests that mean something else to a test run."""
    before = statics.configuration(releases.old, releases.old.__getitem__)
    after = statics.configuration(releases.new, releases.new.__getitem__)
    return frozenset(
        path
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path) and not releases.is_test(path)
    )
