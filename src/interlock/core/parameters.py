"""Tests with parameters: runners put these into the id (``tests/test_a.py::test_b[1-x]``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from interlock.core.facts import Run, TestOutcome

__all__ = ["function", "replaced"]


def function(test: str) -> str:
    """An id without its parameters."""
    return test.partition("[")[0]


def replaced(wanted: Collection[str], run: Run) -> frozenset[str]:
    """Wanted ids that are not there while the same function passes with as many others.

    Its parameters may be the time of day or a temporary place: then no two runs have the same ids.
    """
    others = Counter(map(function, run.with_outcome(TestOutcome.PASSED) - set(wanted)))
    found: set[str] = set()
    for test in sorted(set(wanted) - run.ids):
        if function(test) != test and others[function(test)] > 0:
            others[function(test)] -= 1
            found.add(test)
    return frozenset(found)
