"""Whether the project's test runner finds new tests by itself, with no file named to it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from fnmatch import fnmatch
from posixpath import basename, dirname

from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.results import collected
from interlock.adapters.judge.snapshot import Snapshot
from interlock.adapters.judge.variants import Variant, files_of, function_of
from interlock.adapters.judge.workbench import Workbench
from interlock.core.facts import Run
from interlock.ports.statics import Statics

__all__ = ["Discovery"]

_UNITTEST = "test*.py"
_STARTS = ("", "tests", "test")


class Discovery:
    """Test files of one candidate that discovery passes by.

    Args:
        bench: asks pytest.
        conditions: the runner, and where the project lies.
        statics: see there.
        base: run of the base; without a file named to it.
        frozen: the candidate's tests on the base's sources.
        is_test: whether a path is one of the tests.
    """

    def __init__(
        self,
        bench: Workbench,
        conditions: Conditions,
        statics: Statics,
        base: Run,
        frozen: Snapshot,
        is_test: Callable[[str], bool],
    ) -> None:
        self._bench = bench
        self._conditions = conditions
        self._statics = statics
        self._base = base
        self._frozen = frozen
        self._is_test = is_test

    def passed_by(
        self, base: Snapshot, variant: Variant, red: Run, new_tests: Collection[str]
    ) -> tuple[str, ...] | None:
        """Files that are not found as the project has set its runner up; ``None``: not known.

        Args:
            base: the base's tree.
            variant: the run of the new tests, and ``red`` what came of it.
        """
        wanted = {*files_of(new_tests), *self._left_out(base, red)}
        if self._conditions.spec.runner == "unittest":
            return tuple(sorted(path for path in wanted if not self._is_found(path)))
        ids: Collection[str] | None = red.ids
        if variant.arguments and wanted:
            asked = Variant(name="discovery", tree=variant.tree, arguments=("--collect-only",))
            ids = collected(self._bench.measure(asked).raw)
        return None if ids is None else tuple(sorted(wanted - {*files_of(ids)}))

    def _is_found(self, path: str) -> bool:
        """By ``python -m unittest``, started in the project's directory, in its ``tests`` or
        ``test``, or where tests of the base lie."""
        if not fnmatch(basename(path), _UNITTEST):
            return False
        prefix = self._conditions.prefix
        starts = {f"{prefix}{start}".rstrip("/") for start in _STARTS}
        starts |= {dirname(test) for test in files_of(self._base.ids)}
        place = dirname(path)
        while place not in starts:
            if not self._frozen.has(f"{place}/__init__.py"):
                return False
            place = dirname(place)
        return True

    def _left_out(self, base: Snapshot, red: Run) -> set[str]:
        """Changed files with tests of which none was collected, from there or by another file."""
        names = [(test.partition("::")[0], function_of(test)) for test in red.ids]
        tree = self._frozen
        written = self._statics.definitions(names, tree.paths, tree.read)
        collected_from = {where.rpartition(":")[0] for where in written.values()}
        known = {*files_of(red.ids), *red.collect_errors, *collected_from}
        return {
            path
            for path in tree.differing(base)
            if path in tree.paths and path.endswith(".py") and self._is_test(path)
            if path not in known and basename(path) != "conftest.py"
            if any(map(_is_test_name, self._new_names(base, path)))
        }

    def _new_names(self, base: Snapshot, path: str) -> Collection[str]:
        old = base.read(path) if path in base.paths else b""
        return self._statics.changed_symbols(old, self._frozen.read(path))


def _is_test_name(name: str) -> bool:
    *outer, last = name.split(".")
    return last.startswith("test_") and all(part.startswith("Test") for part in outer)
