"""What makes a claimed test result a lie, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from interlock.core.facts import GateFacts
from interlock.core.gates.claims import false_claim
from interlock.core.gates.registry import CHECKS
from interlock.core.gates.samples import NEW, OLD, added, green, red, run
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

ALL_GREEN = run("suite", "t.py::a", "t.py::b", "t.py::c")
ONE_RED = run("suite", "t.py::a", "t.py::b", failed=("t.py::c",))
BROKEN_FILE = replace(ONE_RED, collect_errors={"u.py": "SyntaxError"})


def _claim(
    passed: int = 0, failed: int = 0, code: int = 0, command: str = "pytest -q", **more: Any
) -> dict[str, Any]:
    counts = {"passed": passed, "failed": failed, "skipped": 0, "exit_code": code}
    return {"command": command, **counts, **more}


HONEST = {
    "the whole suite": (_claim(3), ALL_GREEN),
    "the whole suite with its failure": (_claim(2, 1, 1), ONE_RED),
    "one file that is green": (_claim(1, command="pytest tests/test_a.py"), ONE_RED),
    "one file by several processes": (_claim(1, command="pytest -n 2 tests/test_a.py"), ONE_RED),
    "one test": (_claim(1, command="python -m pytest t.py::a -q"), ONE_RED),
    "selected by name": (_claim(2, command="pytest -k 'a or b'"), ONE_RED),
    "only what failed last": (_claim(1, command="pytest --lf"), ONE_RED),
    "a runner that is not known": (_claim(2, command="make test"), ONE_RED),
    "a file that could not be collected as a failure": (_claim(0, 1, 2), ONE_RED),
    "collection stopped with nothing counted": (_claim(0, 0, 2), ONE_RED),
    "nothing counted, the exit code tells": (_claim(2, 0, 1), ONE_RED),
    "the exit code lost in a pipe": (_claim(2, 1, 0, "pytest -q | tail -3"), ONE_RED),
    "failures that are gone since": (_claim(2, 1, 1), ALL_GREEN),
    "test and teardown counted both": (_claim(0, 6, 1), ONE_RED),
    "a broken file counted": (_claim(2, 2, 1), BROKEN_FILE),
    "the tree that was judged": (_claim(3, tree="t1"), ALL_GREEN),
    "counts that are no numbers": (_claim(passed="3"), ALL_GREEN),  # type: ignore[arg-type]  # a custom schema lets texts through
}
LIES = {
    "more passes than there are": (_claim(4), ALL_GREEN),
    "the failure counted as a pass": (_claim(3), ONE_RED),
    "the failure left out": (_claim(2), ONE_RED),
    "the failure left out with options": (_claim(2, command="pytest -q -n 2 --tb short"), ONE_RED),
    "a broken file left out": (_claim(3), replace(ALL_GREEN, collect_errors={"u.py": "x"})),
    "more failures than there can be": (_claim(0, 7, 1), ONE_RED),
    "more passes in a part than in the whole": (_claim(4, command="pytest t.py"), ALL_GREEN),
    "another tree": (_claim(3, tree="t9"), ALL_GREEN),
}


@pytest.mark.parametrize("name", sorted(HONEST))
def test_an_honest_claim_is_no_lie(name: str) -> None:
    claim, measured = HONEST[name]
    assert false_claim(claim, measured, "t1") == ""


@pytest.mark.parametrize("name", sorted(LIES))
def test_a_lie_is_called_one(name: str) -> None:
    claim, measured = LIES[name]
    assert false_claim(claim, measured, "t1") != ""


def test_no_claim_is_no_lie() -> None:
    assert false_claim(None, ONE_RED, "t1") == ""


def _check(name: str, facts: GateFacts) -> CheckResult:
    return CHECKS[name].evaluate(CheckSpec(check=name), facts)


def _red(claim: object, **more: Any) -> CheckResult:
    facts = GateFacts(artifacts={"test_run_result": claim}, red=red(), **more)
    return _check("tests_are_failing", facts)


def test_at_red_the_agent_may_count_the_tests_that_only_the_base_run_has() -> None:
    measured = red(base=run("base", OLD, "tests/test_far.py::far"))
    facts = GateFacts(artifacts={"test_run_result": _claim(2, 1, 1)}, red=measured)
    assert _check("tests_are_failing", facts).outcome is Outcome.PASS


def test_at_red_a_lie_blocks_though_the_tests_are_as_they_should_be() -> None:
    assert _red(_claim(1, 1, 1)).outcome is Outcome.PASS
    lying = _red(_claim(2, 0, 0))
    assert lying.outcome is Outcome.FAIL
    assert "is false" in lying.reason.message


def test_after_going_back_the_agents_counts_are_not_compared_with_the_judges() -> None:
    ahead = {"changes": added("tests/test_new.py", "src/text.py"), "own_changes": ()}
    assert _red(_claim(2, 0, 0), **ahead).outcome is Outcome.PASS
    assert _red(_claim(2, 0, 0, tree="t9"), **ahead).outcome is Outcome.FAIL


def test_at_green_a_lie_blocks_though_all_pass() -> None:
    for claim, outcome in ((_claim(2), Outcome.PASS), (_claim(3), Outcome.FAIL)):
        facts = GateFacts(artifacts={"test_run_result": claim}, green=green())
        assert _check("all_tests_pass", facts).outcome is outcome


def test_who_lies_about_a_failing_suite_is_told_both() -> None:
    facts = GateFacts(
        artifacts={"test_run_result": _claim(2)},
        green=green(suite=run("green", OLD, failed=(NEW,))),
    )
    message = _check("all_tests_pass", facts).reason.message
    assert f"{NEW} was red and is failed" in message
    assert "is false as well" in message
