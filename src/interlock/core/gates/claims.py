"""What the agent says of its test run, held against what the judge measured. A false claim is a
blocker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.core.facts import Run, TestOutcome

__all__ = ["false_claim"]

_BAD = (TestOutcome.FAILED, TestOutcome.ERROR)


def false_claim(claim: Mapping[str, Any] | None, measured: Run, tree: str) -> str:
    """What is false in a ``test_run_result``; empty if nothing the judge can contradict.

    An agent may have run a part of the suite, so fewer passes than measured are no lie; more are,
    and so is
    "nothing failed" where the judge saw a failure.

    Args:
        claim: the artifact as handed in.
        measured: the judge's run of the whole suite.
        tree: oid that was judged.
    """
    if claim is None:
        return ""
    passed, failed = int(claim.get("passed", 0)), int(claim.get("failed", 0))
    bad = len(measured.with_outcome(*_BAD))
    good = len(measured.with_outcome(TestOutcome.PASSED))
    if claim.get("tree") and claim["tree"] != tree:
        return f"the run is claimed for tree {claim['tree']}, judged was {tree}"
    if failed and claim.get("exit_code") == 0:
        return f"{failed} failures are claimed together with exit code 0"
    if bad and not failed:
        return f"no failure is claimed, the judge measured {bad}"
    if passed > good:
        return f"{passed} passed tests are claimed, the judge measured {good}"
    if failed > len(measured.tests):
        return f"{failed} failures are claimed, the judge ran {len(measured.tests)} tests"
    return ""
