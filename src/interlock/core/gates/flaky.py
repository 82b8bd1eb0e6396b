"""Flaky is a verdict of its own: a test that two runs of the base differ in shows nothing."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.core.gates.kind import result
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["flaky"]


def flaky(spec: CheckSpec, tests: Sequence[str]) -> CheckResult:
    """Nothing stands in the way but tests that are known to be flaky; ``tests`` are their ids."""
    return result(
        spec,
        Outcome.UNDETERMINED,
        f"{tests[0]} is not green, and is flaky: two runs of the unchanged base differ in it",
        remedy="Request the transition again; for good, mend the test or take it out in a task of "
        "its own.",
        facts={"flaky": list(tests)},
    )
