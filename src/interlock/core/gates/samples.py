"""Small facts that examples of checks are made of."""

from __future__ import annotations

from interlock.core.facts import (
    Cause,
    ChangeKind,
    Fate,
    GreenFacts,
    Mutant,
    RedFacts,
    Run,
    TestOutcome,
    TestResult,
    TreeChange,
)

__all__ = ["NEW", "OLD", "PLAN", "SCOPE", "added", "green", "red", "run"]

OLD = "tests/test_old.py::test_old"
NEW = "tests/test_new.py::test_new"

PLAN = {
    "acceptance_criteria": [
        {"id": "AC-1", "criterion": "slug('a b') is 'a-b'", "how_to_verify": "test_new asserts it"}
    ],
    "implementation_steps": ["write slug"],
    "open_questions": [],
}

SCOPE = {
    "in_scope": ["slug"],
    "out_of_scope": ["everything else"],
    "constraints": ["no new dependency"],
    "paths": ["src/**"],
}


def run(purpose: str, *passed: str, failed: tuple[str, ...] = ()) -> Run:
    """A whole run in which these tests passed and those failed by an assertion."""
    good = tuple(TestResult(id=test, outcome=TestOutcome.PASSED) for test in passed)
    bad = tuple(
        TestResult(id=test, outcome=TestOutcome.FAILED, cause=Cause.ASSERTION) for test in failed
    )
    return Run(purpose=purpose, tree="", whole=True, tests=good + bad)


def red(*, new: Run | None = None, base: Run | None = None) -> RedFacts:
    """RED as it should be: one old test passes, one new test fails."""
    candidate = run("red", OLD, failed=(NEW,)) if new is None else new
    return RedFacts(
        base=run("base", OLD) if base is None else base, red=candidate, new_tests=(NEW,)
    )


def green(*, suite: Run | None = None, twin: Run | None = None) -> GreenFacts:
    """GREEN as it should be: all pass, and red is red where it must be."""
    fault = Mutant(
        symbol="src/text.py::slug",
        path="src/text.py",
        line=2,
        what="return None",
        diff="- return text\n+ return None",
        fate=Fate.NOTICED,
        noticed_by=(NEW,),
    )
    return GreenFacts(
        suite=run("green", OLD, NEW) if suite is None else suite,
        revert=run("revert", failed=(NEW,)),
        twin=run("twin", failed=(NEW,)) if twin is None else twin,
        control=run("control", failed=(NEW, "tests/test_control.py::test_control")),
        perturbed=run("perturbed", failed=(NEW,)),
        perturbed_tests=(NEW,),
        neutral=run("neutral", NEW),
        mutants=(fault,),
        red_tests=(NEW,),
        base_green=(OLD,),
    )


def added(*paths: str) -> tuple[TreeChange, ...]:
    """Changes that add these paths."""
    return tuple(TreeChange(path=path, kind=ChangeKind.ADDED) for path in paths)
