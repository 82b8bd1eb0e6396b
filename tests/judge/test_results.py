"""What frames have to look like to be believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interlock.adapters.judge.results import Blame, RawRun, to_run
from interlock.core.facts import Cause, TestOutcome

COLLECT = {"k": "collect", "ids": ["a"]}
END = {"k": "end", "status": 0}


def report(when: str, outcome: str = "passed", test: str = "a", **more: Any) -> dict[str, Any]:
    frame = {"k": "report", "id": test, "when": when, "outcome": outcome}
    return {**frame, "expected": False, "text": "", "error": None, **more}


STEPS = [report("setup"), report("call"), report("teardown")]
FAILS = [report("setup"), report("call", "failed"), report("teardown")]
GOOD = [COLLECT, *STEPS, END]


def raw(frames: list[dict[str, Any]], status: int = 0, *, timed_out: bool = False) -> RawRun:
    data = b"".join(json.dumps(frame).encode() + b"\n" for frame in frames)
    return RawRun(status=status, timed_out=timed_out, frames=data, output="said", seconds=1.5)


def test_a_whole_run_is_read() -> None:
    run = to_run("green", "tree", raw(GOOD), Blame())
    assert run.whole
    assert [test.outcome for test in run.tests] == [TestOutcome.PASSED]


@pytest.mark.parametrize(
    "frames, status, says",
    [
        ([], 0, "ended early (status 0), before any test ran"),
        ([COLLECT, *STEPS], -9, "ended early (signal 9), after a"),
        ([COLLECT, *STEPS, END], 1, "reported status 0 and ended with 1"),
        ([{**END, "status": 4}], 4, "pytest ended with status 4: said"),
        ([COLLECT, COLLECT, *STEPS, END], 0, "more than once"),
        ([{"k": "collect", "ids": ["a", "a"]}, *STEPS, END], 0, "more than once"),
        ([*STEPS, END], 0, "more than once, or never"),
        ([COLLECT, *STEPS, report("setup", test="b"), END], 0, "did not collect"),
        ([COLLECT, *STEPS, END, END], 0, "did not collect"),
        ([COLLECT, report("setup"), END], 0, "from setup to teardown"),
        ([COLLECT, *STEPS, *STEPS, END], 0, "from setup to teardown"),
        ([COLLECT, report("call"), report("teardown"), END], 0, "from setup to teardown"),
        ([COLLECT, *FAILS, END], 0, "its tests do not bear out"),
        ([COLLECT, *STEPS, {**END, "status": 1}], 1, "its tests do not bear out"),
        ([{**COLLECT, "extra": 1}, *STEPS, END], 0, "cannot be read"),
        ([{"k": "unknown"}, END], 0, "cannot be read"),
    ],
)
def test_what_does_not_add_up_says_nothing(
    frames: list[dict[str, Any]], status: int, says: str
) -> None:
    run = to_run("green", "tree", raw(frames, status), Blame())
    assert not run.whole
    assert says in run.problem


def test_a_run_that_was_stopped_names_the_test_that_hung() -> None:
    frames = [{"k": "collect", "ids": ["a", "b"]}, *STEPS, report("setup", test="b")]
    assert "in b" in to_run("green", "t", raw(frames, -9, timed_out=True), Blame()).problem


@pytest.mark.parametrize(
    "steps, outcome",
    [
        ([report("setup", "failed"), report("teardown")], TestOutcome.ERROR),
        ([report("setup"), report("call"), report("teardown", "failed")], TestOutcome.ERROR),
        (
            [report("setup"), report("call", "failed"), report("call"), report("teardown")],
            TestOutcome.FAILED,
        ),
        ([report("setup", "skipped"), report("teardown")], TestOutcome.SKIPPED),
        (
            [report("setup"), report("call", "skipped", expected=True), report("teardown")],
            TestOutcome.XFAILED,
        ),
        ([report("setup"), report("call", expected=True), report("teardown")], TestOutcome.XPASSED),
        ([report("setup"), report("teardown")], TestOutcome.ERROR),
        ([report("setup"), report("call", "rerun"), report("teardown")], TestOutcome.ERROR),
    ],
)
def test_the_worst_step_decides(steps: list[dict[str, Any]], outcome: TestOutcome) -> None:
    run = to_run("green", "tree", raw([COLLECT, *steps, END]), Blame())
    assert run.tests[0].outcome is outcome


@pytest.mark.parametrize(
    "error, cause",
    [
        ({"assertion": True}, Cause.ASSERTION),
        ({"chain": ["x", "il-1 p.m:f"]}, Cause.PLANNED_SYMBOL),
        ({"names": ["p.m.f"]}, Cause.PLANNED_SYMBOL),
        ({"names": ["p.m.K.attribute"]}, Cause.PLANNED_SYMBOL),
        ({"names": ["*.f"]}, Cause.PLANNED_SYMBOL),
        ({"names": ["*.ff"]}, Cause.OTHER),
        ({"names": ["p.m"]}, Cause.OTHER),
        ({"names": ["p.m.ff"]}, Cause.OTHER),
        ({"place": "p/m.py"}, Cause.BEHAVIOUR),
        ({"place": "tests/t.py", "of_value": True}, Cause.BEHAVIOUR),
        ({"place": "tests/t.py"}, Cause.OTHER),
        ({"of_value": True}, Cause.OTHER),
        ({}, Cause.OTHER),
    ],
)
def test_each_failure_is_blamed_on_its_cause(error: dict[str, Any], cause: Cause) -> None:
    full = {"type": "E", "message": "m", "assertion": False, "chain": [], "names": []}
    full |= {"place": "", "of_value": False, **error}
    steps = [report("setup"), report("call", "failed", error=full), report("teardown")]
    blame = Blame("il-1", frozenset({"p.m.f", "p.m.K"}), is_source=lambda path: path == "p/m.py")
    run = to_run("red", "t", raw([COLLECT, *steps, {**END, "status": 1}], 1), blame)
    assert run.tests[0].cause is cause
