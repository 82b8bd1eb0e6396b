"""The runs that a measurement is made of, as data."""

from __future__ import annotations

import dataclasses
import posixpath
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from interlock.adapters.judge.snapshot import Snapshot
from interlock.core.facts import Run
from interlock.ports.statics import Statics

__all__ = ["Control", "Variant", "files_of", "function_of", "invert"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One run: a tree and the tests to run on it.

    Args:
        name: ``Run.purpose``.
        tree: what is checked out; variants differ from each other in a few paths.
        arguments: files for pytest; none means what the project's settings say.
        keep: ids to run, ``None`` for all that are collected.
        drop: ids not to run.
        seed: of a random order of the tests; ``None`` for the project's own.
    """

    name: str
    tree: Snapshot
    arguments: tuple[str, ...] = ()
    keep: frozenset[str] | None = None
    drop: frozenset[str] = frozenset()
    seed: int | None = None


def files_of(tests: Iterable[str]) -> tuple[str, ...]:
    """Files that ids belong to, sorted."""
    return tuple(sorted({test.partition("::")[0] for test in tests}))


def function_of(test: str) -> str:
    """Name of the function within its file: ``TestA::test_b`` of ``f.py::TestA::test_b[1]``."""
    return test.partition("[")[0].partition("::")[2]


def invert(tree: Snapshot, tests: Collection[str], statics: Statics) -> tuple[Variant, list[str]]:
    """The twin of some tests, and those of them in which nothing could be inverted."""
    names = {test: (test.partition("::")[0], function_of(test)) for test in tests}
    twin = statics.twin(set(names.values()), tree.paths, tree.read)
    return (
        Variant(
            name="twin",
            tree=tree.writing(twin.changes),
            arguments=files_of(tests),
            keep=frozenset(tests),
        ),
        [test for test, name in names.items() if name not in twin.inverted],
    )


class Control:
    """A test file of the judge's own, run after others so that their imports have happened.

    Args:
        tree: the candidate.
        tests: ids whose files run before it.
    """

    def __init__(self, tree: Snapshot, tests: Collection[str], statics: Statics) -> None:
        files = files_of(tests)
        name = "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(10))
        directory = posixpath.dirname(files[0]) if files else ""
        self._path = posixpath.join(directory, f"test_{name}.py")
        # What the project deselects by itself must not deselect this one.
        self.variant = Variant(
            name="control",
            tree=tree.writing({self._path: statics.control(name)}),
            arguments=(*files, self._path, "-k", "", "-m", ""),
        )

    def own(self, run: Run) -> Run:
        """The run with only the control's own tests."""
        tests = tuple(test for test in run.tests if test.id.startswith(f"{self._path}::"))
        return dataclasses.replace(run, tests=tests)
