"""The plugin that tells the parent what pytest collected and how each test ended."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable, Collection, Iterator
from types import ModuleType
from typing import Any

import pytest

from .lines import Lines
from .origin import is_of_a_value, place_of

__all__ = ["Reporter", "describe"]

_TEXT = 1000
_CANNOT_IMPORT = re.compile(r"cannot import name '(\w+)' from (?:partially [\w ]+)?'([\w.]+)'")
_CHAIN = 8


class Reporter:
    """Frames, one JSON line each: ``collect``, ``broken``, ``report``, ``lines``; ``end`` is the
    caller's.

    Args:
        fd: where the frames go.
        keep: ids to run; ``None`` means all.
        drop: ids that are not run.
        seed: of a random order; ``None`` leaves the order as it is.
        lines: told which test runs.
        root: directory of the tree.
        before_tree: called before anything of the tree is loaded.
    """

    def __init__(
        self,
        fd: int,
        *,
        keep: Collection[str] | None,
        drop: Collection[str],
        seed: int | None,
        lines: Lines,
        root: str,
        before_tree: Callable[[], None],
    ) -> None:
        self._fd = fd
        self._keep = None if keep is None else frozenset(keep)
        self._drop = frozenset(drop)
        self._seed = seed
        self._lines = lines
        self._root = root
        self._before_tree = before_tree
        self._process = os.getpid()
        self._errors: dict[tuple[str, str], dict[str, Any]] = {}

    def emit(self, **frame: Any) -> None:
        """Write one frame; a process that a test forked is not the one to report."""
        if os.getpid() != self._process:
            return
        rest = memoryview(json.dumps(frame).encode() + b"\n")
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        """Plugins of the environment are loaded by now, code of the tree is not."""
        self._before_tree()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave the tests of this job."""
        kept = [item for item in items if self._wanted(item.nodeid)]
        if len(kept) < len(items):
            gone = [item for item in items if not self._wanted(item.nodeid)]
            items[:] = kept
            config.hook.pytest_deselected(items=gone)
        if self._seed is not None:
            items.sort(key=_ranks(self._seed))

    def _wanted(self, test: str) -> bool:
        return test not in self._drop and (self._keep is None or test in self._keep)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Name a file that cannot be collected."""
        if report.failed:
            self.emit(k="broken", file=report.nodeid, text=str(report.longrepr)[-4 * _TEXT :])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Name the tests that are going to run."""
        self.emit(k="collect", ids=[item.nodeid for item in session.items])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """What runs from now on is this test's."""
        self._lines.test = nodeid

    def pytest_runtest_logfinish(self) -> None:
        """What runs from now on is no test's."""
        self._lines.test = ""

    def emit_lines(self) -> None:
        """Say what ran of the files that were watched."""
        for path, hit in self._lines.hit.items():
            reached = self._lines.reached[path]
            self.emit(
                k="lines",
                file=path,
                hit=sorted(hit),
                reached=[[line, sorted(tests)] for line, tests in sorted(reached.items())],
            )

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        """Remember the exception itself: reports only have its picture."""
        # What a `unittest.TestCase` raised is only put into the call while the report is made.
        yield
        if call.excinfo is not None:
            self._errors[item.nodeid, call.when] = describe(call.excinfo.value, self._root)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One frame for each of setup, call and teardown."""
        error = self._errors.pop((report.nodeid, str(report.when)), None)
        self.emit(
            k="report",
            id=report.nodeid,
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


def describe(error: BaseException, root: str) -> dict[str, Any]:
    """An exception as plain values.

    ``names`` are the dotted names that it says do not exist (``*.name`` if it does not say where),
    ``chain`` the messages of what it was raised from, ``place`` the file of the tree that raised
    it, or that has the function whose arguments were refused, ``of_value`` whether an operation on
    a value failed there.
    """
    return {
        "type": type(error).__name__,
        "message": _message(error),
        "assertion": _is_assertion(error),
        "chain": list(_chain(error)),
        "names": list(_missing(error)),
        "place": place_of(error, root),
        "of_value": is_of_a_value(error, root),
    }


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_TEXT]
    except Exception as broken:
        return f"<no message: {type(broken).__name__}>"


def _is_assertion(error: BaseException) -> bool:
    if isinstance(error, AssertionError | pytest.fail.Exception):
        return True
    return isinstance(error, BaseExceptionGroup) and all(map(_is_assertion, error.exceptions))


def _chain(error: BaseException) -> Iterator[str]:
    at: BaseException | None = error
    for _ in range(_CHAIN):
        if at is None:
            return
        yield _message(at)
        at = at.__cause__ or at.__context__


def _missing(error: BaseException) -> Iterator[str]:
    name = getattr(error, "name", None)
    match error:
        case ModuleNotFoundError():
            yield str(name)
        case ImportError() if found := _CANNOT_IMPORT.search(_message(error)):
            yield f"{found[2]}.{found[1]}"
        case AttributeError() if name:
            owner = getattr(error, "obj", None)
            if isinstance(owner, ModuleType):
                yield f"{owner.__name__}.{name}"
            else:
                kind = owner if isinstance(owner, type) else type(owner)
                for base in kind.__mro__:
                    yield f"{base.__module__}.{base.__qualname__}.{name}"
        case NameError() if name:
            yield f"*.{name}"


def _reason(report: pytest.TestReport) -> str:
    match report.longrepr:
        case (_, _, reason):
            return str(reason)[:_TEXT]
        case None:
            return ""
        case other:
            return str(other)[-_TEXT:] if report.outcome == "failed" else ""
