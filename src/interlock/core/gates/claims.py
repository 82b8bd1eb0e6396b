"""What the agent says of its test run, held against what the judge measured. A false claim is a
blocker.

A claim is false only if no run of that command on that tree can have ended so. An agent may have
run a part of the suite, may count files that cannot be collected as failures, may have lost the
exit code in a pipe; none of this is a lie, and the gate does not rest on the claim anyway.
"""

from __future__ import annotations

from typing import Any

from interlock.core.facts import Run, TestOutcome
from interlock.core.gates.documents import number, text

__all__ = ["false_claim"]

_RUNNERS = ("pytest", "py.test", "unittest")
# What follows these is no test, so it selects none.
_WITH_VALUE = frozenset({"-n", "-p", "-o", "-c", "-W", "-r", "--tb", "--color", "--rootdir"})
_SELECTING = ("-k", "-m", "--lf", "--last-failed", "--sw", "--stepwise", "--nf", "--deselect")
_SELECTING_MORE = ("--ignore", "--testmon", "--pyargs", "--collect-only", "--co")


def false_claim(claim: Any, measured: Run, tree: str, *, is_same_tree: bool = True) -> str:
    """What is false in a ``test_run_result``; empty if nothing that the judge can contradict.

    Args:
        claim: the artifact as handed in, ``None`` if it was not.
        measured: the judge's run of the whole suite.
        tree: oid that was judged.
        is_same_tree: whether the agent's runs saw the sources that the judge measured; if not, the
            counts say nothing about each other.
    """
    if claim is None:
        return ""
    passed, failed = number(claim, "passed"), number(claim, "failed")
    bad = len(measured.with_outcome(TestOutcome.FAILED, TestOutcome.ERROR))
    bad += len(measured.collect_errors)
    good = len(measured.with_outcome(TestOutcome.PASSED))
    if (claimed := text(claim, "tree")) and claimed != tree:
        return f"the run is claimed for tree {claimed}, judged was {tree}"
    if not is_same_tree:
        return ""
    if passed > good:
        return f"{passed} passed tests are claimed, the judge measured {good}"
    # A test that fails and then breaks in its teardown is counted twice by pytest.
    if failed > (most := 2 * len(measured.tests) + len(measured.collect_errors)):
        return f"{failed} failures are claimed, the judge could count {most} at most"
    all_well = not failed and number(claim, "exit_code") == 0
    if bad and all_well and not _is_partial(text(claim, "command")):
        return f"no failure is claimed, the judge measured {bad}"
    return ""


def _is_partial(command: str) -> bool:
    """Whether a command may have run a part of the suite only; in doubt it may."""
    words = command.split()
    runner = next((n for n, w in enumerate(words) if w.rpartition("/")[2] in _RUNNERS), None)
    if runner is None:
        return True
    takes_value = False
    for word in words[runner + 1 :]:
        if takes_value:
            takes_value = False
        elif word in _WITH_VALUE:
            takes_value = True
        elif not word.startswith("-") or word.startswith((*_SELECTING, *_SELECTING_MORE)):
            return True
    return False
