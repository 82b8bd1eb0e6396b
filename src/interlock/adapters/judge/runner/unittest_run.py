"""One run of unittest in a process of its own: no third party's code between tests and frames.

Tests are found by the names of their files, each file by itself, as a module of the nearest
directory that is no package; so an id is a file, a class and a method, whatever directory a project
starts its own discovery in.
"""

from __future__ import annotations

import importlib
import os
import random
import re
import sys
import traceback
import unittest
from collections.abc import Iterator
from typing import Any

from .errors import describe
from .frames import Frames
from .lines import Lines
from .paths import editable

__all__ = ["run"]

_TEST_FILE = re.compile(r"(?:test[^/]*|[^/]*_test)\.py")
_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})
_PASSED, _FAILED, _NO_TESTS = 0, 1, 5
_TEXT = 1000

Tests = list[tuple[unittest.TestCase, str]]
"""Tests with their ids: two may be equal, or one be there twice."""


def run(job: dict[str, Any], root: str, frames: int) -> int:
    """Run the tests and report to ``frames``; 0 if all passed, 1 if one did not, 5 without any."""
    project = os.path.join(root, job["directory"]).rstrip("/")
    os.chdir(project)
    sys.argv = ["unittest"]
    sys.path[:0] = [project, *(p for p in [os.path.join(project, "src")] if os.path.isdir(p))]
    sys.path += editable(root)
    out = Frames(frames, job["directory"])
    lines = Lines(root, job["watch"], job["minded"])
    lines.start()
    tests, broken = _collected(out, project, _files(job, root, project))
    keep, drop = job["keep"], frozenset(job["drop"])
    kept = [(t, i) for t, i in tests if i not in drop and (keep is None or i in keep)]
    if job["seed"] is not None:
        ranks = _Ranks(job["seed"])
        kept.sort(key=lambda pair: ranks.of(pair[1]))
    out.emit(k="collect", ids=[test_id for _, test_id in kept])
    result = _Result(out, kept, lines, root)
    # A suite of suites would forget which class it is in; one flat suite sets each up once.
    # What pytest says of itself while tests run, and stubs go by.
    os.environ["PYTEST_CURRENT_TEST"] = "unittest"
    unittest.TestSuite(test for test, _ in kept).run(result)
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    result.finish()
    lines.stop()
    sys.stdout.flush()
    out.emit_lines(lines)
    status = _FAILED if broken or result.is_bad else _PASSED if kept else _NO_TESTS
    out.emit(k="end", status=status)
    return status


def _files(job: dict[str, Any], root: str, project: str) -> Iterator[str]:
    """Test files, absolute, as they are to be run."""
    named = [argument for argument in job["arguments"] if argument.endswith(".py")]
    if named:
        yield from (os.path.join(root, path) for path in named)
        return
    for directory, names, files in os.walk(project):
        names[:] = sorted(n for n in names if n not in _SKIPPED and not n.startswith("."))
        yield from (os.path.join(directory, f) for f in sorted(files) if _TEST_FILE.fullmatch(f))


def _collected(out: Frames, project: str, files: Iterator[str]) -> tuple[Tests, bool]:
    """Tests with their ids, in order; and whether a file could not be loaded."""
    tests: Tests = []
    times: dict[str, int] = {}
    is_broken = False
    for file in files:
        path = os.path.relpath(file, project)
        try:
            module = _imported(file)
        except unittest.SkipTest:
            continue
        except BaseException:
            is_broken = True
            out.emit(k="broken", file=out.name(path), text=traceback.format_exc()[-4 * _TEXT :])
            continue
        loader = unittest.TestLoader()
        for test in _flat(loader.loadTestsFromModule(module)):
            test_id = out.name(f"{path}::{_name(test)}")
            times[test_id] = times.get(test_id, 0) + 1
            # `load_tests` may give one test several times.
            again = f"[{times[test_id]}]" if times[test_id] > 1 else ""
            tests.append((test, test_id + again))
        for text in loader.errors:
            is_broken = True
            out.emit(k="broken", file=out.name(path), text=str(text)[-4 * _TEXT :])
    return tests, is_broken


def _imported(file: str) -> Any:
    place, name = os.path.split(file.removesuffix(".py"))
    while os.path.exists(os.path.join(place, "__init__.py")):
        place, package = os.path.split(place)
        name = f"{package}.{name}"
    if place not in sys.path:
        sys.path.insert(0, place)
    module = importlib.import_module(name)
    if os.path.realpath(getattr(module, "__file__", None) or "") != os.path.realpath(file):
        raise ImportError(f"{name} is {getattr(module, '__file__', 'built in')}, not {file}")
    return module


def _flat(suite: Any) -> Iterator[unittest.TestCase]:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _flat(item)
        elif type(item).__module__ != "unittest.loader":
            # Of a test that could not be made the loader keeps an error beside it.
            yield item


def _name(test: unittest.TestCase) -> str:
    method = getattr(test, "_testMethodName", "")
    return f"{type(test).__name__}::{method if hasattr(type(test), method) else test.id()}"


class _Ranks:
    """A random order in which the tests of a file, and of a class, still follow each other."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 — no secret
        self._known: dict[str, float] = {}

    def of(self, test_id: str) -> list[float]:
        """What tests are sorted by."""
        parts = test_id.split("::")
        prefixes = ["::".join(parts[: length + 1]) for length in range(len(parts))]
        return [self._known.setdefault(prefix, self._chance.random()) for prefix in prefixes]


class _Result(unittest.TestResult):
    """Frames like those of pytest: a setup, one call or several, a teardown for each test.

    Args:
        out: takes them.
        tests: those that will run.
        lines: told which test runs.
        root: directory of the tree.
    """

    def __init__(self, out: Frames, tests: Tests, lines: Lines, root: str) -> None:
        super().__init__()
        self._root = root
        self._out, self._tests, self._lines = out, tests, lines
        self._waiting: dict[int, list[str]] = {}
        for test, test_id in tests:
            self._waiting.setdefault(id(test), []).append(test_id)
        self._current = ""
        self._calls = 0
        # What kept whole classes or modules from running: its description → frames to report.
        self._kept_out: dict[str, dict[str, Any]] = {}
        self.is_bad = False

    def _report(self, test_id: str, when: str, outcome: str, **more: Any) -> None:
        self.is_bad = self.is_bad or outcome == "failed"
        frame = {"expected": False, "text": "", "error": None, **more}
        self._out.emit(k="report", id=test_id, when=when, outcome=outcome, **frame)

    def _call(self, test: Any, outcome: str, **more: Any) -> None:
        if not self._current:
            self._of_many(str(test), outcome, more)
            return
        self._calls += 1
        self._report(self._current, "call", outcome, **more)

    def _of_many(self, description: str, outcome: str, more: dict[str, Any]) -> None:
        """Of a class's or module's own fixture: the tests that it is for may never begin."""
        if description.startswith("tearDown"):
            if outcome == "failed":
                self.is_bad = True
                self._out.emit(k="broken", file=description, text=str(more.get("text"))[-_TEXT:])
            return
        self._kept_out[description] = {"outcome": outcome, **more}

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self._current = self._lines.test = self._waiting[id(test)].pop(0)
        self._calls = 0
        self._report(self._current, "setup", "passed")

    def stopTest(self, test: Any) -> None:
        super().stopTest(test)
        if not self._calls:
            self._report(self._current, "call", "passed")
        self._report(self._current, "teardown", "passed")
        self._current = self._lines.test = ""

    def addSuccess(self, test: Any) -> None:
        self._call(test, "passed")

    def addError(self, test: Any, err: Any) -> None:
        self._call(test, "failed", **self._failure(err))

    def addFailure(self, test: Any, err: Any) -> None:
        self._call(test, "failed", **self._failure(err))

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self._call(test, "failed", **self._failure(err))

    def _failure(self, err: Any) -> dict[str, Any]:
        kind, error, trace = err
        text = "".join(traceback.format_exception(kind, error, trace))[-_TEXT:]
        return {"text": text, "error": describe(error, self._root)}

    def addSkip(self, test: Any, reason: str) -> None:
        self._call(test, "skipped", text=reason[:_TEXT])

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self._call(test, "skipped", expected=True)

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._call(test, "passed", expected=True)

    def addDuration(self, test: Any, elapsed: float) -> None:
        """Nobody asks for it."""

    def finish(self) -> None:
        """Report the tests that a fixture of their class or module kept from running."""
        for test, test_id in self._tests:
            if test_id not in self._waiting[id(test)]:
                continue
            why = next(
                (
                    found
                    for description, found in self._kept_out.items()
                    if _is_for(description, type(test))
                ),
                None,
            )
            if why is not None:
                self._report(test_id, "setup", **why)
                self._report(test_id, "teardown", "passed")


def _is_for(description: str, kind: type) -> bool:
    """Whether ``setUpClass (tests.test_a.A)`` or ``setUpModule (tests.test_a)`` is a class's."""
    name = description.partition("(")[2].rstrip(")")
    return name in (f"{kind.__module__}.{kind.__qualname__}", kind.__module__)
