"""The plugin that tells the parent what pytest collected and how each test ended."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from typing import Any

import pytest

from .errors import describe
from .frames import Frames
from .lines import Lines

__all__ = ["Reporter"]

_TEXT = 1000
_FAILED = (AssertionError, pytest.fail.Exception)


class Reporter:
    """Frames of a run: ``collect``, ``broken``, ``report``.

    Args:
        frames: takes them.
        keep: ids to run; ``None`` means all.
        drop: ids that are not run.
        seed: of a random order; ``None`` leaves the order as it is.
        lines: told which test runs.
        root: directory of the tree.
        before_tree: called before anything of the tree is loaded.
    """

    def __init__(
        self,
        frames: Frames,
        *,
        keep: Collection[str] | None,
        drop: Collection[str],
        seed: int | None,
        lines: Lines,
        root: str,
        before_tree: Callable[[], None],
    ) -> None:
        self._frames = frames
        self._keep = None if keep is None else frozenset(keep)
        self._drop = frozenset(drop)
        self._seed = seed
        self._lines = lines
        self._root = root
        self._before_tree = before_tree
        self._errors: dict[tuple[str, str], dict[str, Any]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        """Plugins of the environment are loaded by now, code of the tree is not."""
        self._before_tree()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave the tests of this job."""
        kept = [item for item in items if self._wanted(self._frames.name(item.nodeid))]
        if len(kept) < len(items):
            gone = [item for item in items if not self._wanted(self._frames.name(item.nodeid))]
            items[:] = kept
            config.hook.pytest_deselected(items=gone)
        if self._seed is not None:
            items.sort(key=_ranks(self._seed))

    def _wanted(self, test: str) -> bool:
        return test not in self._drop and (self._keep is None or test in self._keep)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Name a file that cannot be collected."""
        if report.failed:
            text = str(report.longrepr)[-4 * _TEXT :]
            self._frames.emit(k="broken", file=self._frames.name(report.nodeid), text=text)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Name the tests that are going to run."""
        ids = [self._frames.name(item.nodeid) for item in session.items]
        self._frames.emit(k="collect", ids=ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """What runs from now on is this test's."""
        self._lines.test = self._frames.name(nodeid)

    def pytest_runtest_logfinish(self) -> None:
        """What runs from now on is no test's."""
        self._lines.test = ""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        """Remember the exception itself: reports only have its picture."""
        # What a `unittest.TestCase` raised is only put into the call while the report is made.
        yield
        if call.excinfo is not None:
            self._errors[item.nodeid, call.when] = describe(
                call.excinfo.value, self._root, failed=_FAILED
            )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One frame for each of setup, call and teardown."""
        error = self._errors.pop((report.nodeid, str(report.when)), None)
        self._frames.emit(
            k="report",
            id=self._frames.name(report.nodeid),
            when=str(report.when),
            outcome=report.outcome,
            expected=hasattr(report, "wasxfail"),
            text=_reason(report),
            error=error if report.outcome == "failed" else None,
        )


def _ranks(seed: int) -> Callable[[pytest.Item], list[float]]:
    """A random order in which the tests of a file, and of a class, still follow each other: what
    they share is set up once, as ever."""
    chance, known = random.Random(seed), dict[tuple[str, ...], float]()  # noqa: S311 — no secret

    def rank(item: pytest.Item) -> list[float]:
        names = item.nodeid.split("::")
        prefixes = [tuple(names[: length + 1]) for length in range(len(names))]
        return [known.setdefault(prefix, chance.random()) for prefix in prefixes]

    return rank


def _reason(report: pytest.TestReport) -> str:
    match report.longrepr:
        case (_, _, reason):
            return str(reason)[:_TEXT]
        case None:
            return ""
        case other:
            return str(other)[-_TEXT:] if report.outcome == "failed" else ""
