"""Frames of the runner become a ``Run``; whatever does not add up makes it say nothing.

Frames are untrusted: the code under test could have written them. They are read strictly, and a
run counts as whole only if every test that was collected reports one setup and one teardown, and
the runner ended by itself as its last frame says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from interlock.core.facts import Cause, Run, TestOutcome, TestResult

__all__ = ["Blame", "RawRun", "Watched", "collected", "to_run", "watched"]

_PASSED, _FAILED, _NO_TESTS = 0, 1, 5
_SHOWN = 500


class _Error(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    message: str
    assertion: bool
    chain: list[str]
    names: list[str]
    place: str
    of_value: bool
    attribute: str = ""


class _Collect(msgspec.Struct, tag="collect", tag_field="k", forbid_unknown_fields=True):
    ids: list[str]


class _Broken(msgspec.Struct, tag="broken", tag_field="k", forbid_unknown_fields=True):
    file: str
    text: str


class _Report(msgspec.Struct, tag="report", tag_field="k", forbid_unknown_fields=True):
    id: str
    when: str
    outcome: str
    expected: bool
    text: str
    error: _Error | None


class _Lines(msgspec.Struct, tag="lines", tag_field="k", forbid_unknown_fields=True):
    file: str
    hit: list[int]
    reached: list[tuple[int, list[str]]]


class _End(msgspec.Struct, tag="end", tag_field="k", forbid_unknown_fields=True):
    status: int


_Frame = _Collect | _Broken | _Report | _Lines | _End
_FRAME = msgspec.json.Decoder(_Frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRun:
    """What came out of the sandbox.

    Args:
        status: exit status of the runner's process, negative for a signal.
        timed_out: it was killed because its time was over.
        frames: JSON lines.
        output: end of what the run printed.
        seconds: wall time.
        problem: why the runner itself has nothing to say; the rest does not count then.
    """

    status: int
    timed_out: bool
    frames: bytes
    output: str
    seconds: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """What ran of one file.

    Args:
        lines: their numbers.
        reached: first line of a function → tests that called it: all that were minded, some others.
    """

    lines: frozenset[int]
    reached: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Blame:
    """How a failure by a planned symbol is recognised.

    Args:
        marker: text that only stubs raise with.
        names: dotted names that the plan says will be added.
        is_source: whether a path of the tree is code under test.
        is_attribute: whether the code under test has an attribute of that name anywhere. What looks
            for it where it is not expects another object; a misspelt one is nowhere.
    """

    marker: str = ""
    names: frozenset[str] = field(default_factory=frozenset)
    is_source: Callable[[str], bool] = field(default=lambda _path: False)
    is_attribute: Callable[[str], bool] = field(default=lambda _name: False)

    def cause(self, error: _Error | None) -> Cause:
        """Why a test is not green."""
        if error is None:
            return Cause.OTHER
        if error.assertion:
            return Cause.ASSERTION
        if self.marker and any(self.marker in text for text in error.chain):
            return Cause.PLANNED_SYMBOL
        if any(self._planned(name) for name in error.names):
            return Cause.PLANNED_SYMBOL
        if error.place and (error.of_value or self.is_source(error.place)):
            return Cause.BEHAVIOUR
        if error.attribute and self.is_attribute(error.attribute):
            return Cause.BEHAVIOUR
        return Cause.OTHER

    def readable(self, text: str) -> str:
        """A message without our marker."""
        return text.replace(self.marker, "not written yet:") if self.marker else text

    def _planned(self, name: str) -> bool:
        if name.startswith("*."):
            return any(planned.endswith(name[1:]) for planned in self.names)
        # ``Class.attribute`` of a class that is planned is planned, too.
        return any(name == planned or name.startswith(f"{planned}.") for planned in self.names)


def to_run(purpose: str, tree: str, raw: RawRun, blame: Blame) -> Run:
    """The run that the frames tell of; ``problem`` says why it is not whole."""
    frames, unreadable = _frames(raw.frames)
    ids = next((f.ids for f in frames if isinstance(f, _Collect)), [])
    reports: dict[str, list[_Report]] = {}
    for frame in frames:
        if isinstance(frame, _Report):
            reports.setdefault(frame.id, []).append(frame)
    problem = _problem(raw, frames, unreadable, ids, reports)
    tests = tuple(_result(i, reports[i], blame) for i in ids if i in reports)
    bad = any(t.outcome in (TestOutcome.FAILED, TestOutcome.ERROR) for t in tests)
    bad = bad or any(isinstance(frame, _Broken) for frame in frames)
    if not problem and bad is not (raw.status == _FAILED):
        problem = f"pytest ended with status {raw.status}, which its tests do not bear out"
    return Run(
        purpose=purpose,
        tree=tree,
        whole=not problem,
        problem=problem,
        tests=tests,
        collect_errors={
            frame.file: blame.readable(frame.text) for frame in frames if isinstance(frame, _Broken)
        },
        duration_s=round(raw.seconds, 3),
    )


def collected(raw: RawRun) -> frozenset[str] | None:
    """Ids that a run found, whether they ran or not; ``None`` if it did not get that far."""
    frames, _ = _frames(raw.frames)
    found = [frame.ids for frame in frames if isinstance(frame, _Collect)]
    is_over = bool(frames) and isinstance(frames[-1], _End)
    return frozenset(found[0]) if len(found) == 1 and is_over and not raw.problem else None


def watched(raw: RawRun) -> dict[str, Watched]:
    """Path → what ran of it, for the files that the run was to watch."""
    frames, _ = _frames(raw.frames)
    return {
        frame.file: Watched(
            lines=frozenset(frame.hit),
            reached={line: tuple(tests) for line, tests in frame.reached},
        )
        for frame in frames
        if isinstance(frame, _Lines)
    }


def _frames(data: bytes) -> tuple[list[_Frame], bool]:
    try:
        return _FRAME.decode_lines(data), False
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return [], True


def _problem(
    raw: RawRun,
    frames: list[_Frame],
    unreadable: bool,
    ids: list[str],
    reports: Mapping[str, list[_Report]],
) -> str:
    if raw.problem:
        return raw.problem
    last = next((f.id for f in reversed(frames) if isinstance(f, _Report)), "")
    place = f"after {last}" if last else "before any test ran"
    if raw.timed_out:
        return (
            f"the run was stopped after {raw.seconds:.0f} s, {_hanging(ids, reports) or place}; "
            "make the test end by itself, or raise the time limit"
        )
    if unreadable:
        return "the runner's report cannot be read: something else wrote to it"
    if not frames or not isinstance(frames[-1], _End):
        return (
            f"the runner ended early ({_status(raw.status)}), {place}; "
            f"code that ends the process has to go{_tail(raw)}"
        )
    if frames[-1].status != raw.status:
        return f"the runner reported status {frames[-1].status} and ended with {raw.status}"
    if raw.status not in (_PASSED, _FAILED, _NO_TESTS):
        return f"pytest ended with status {raw.status}{_tail(raw)}"
    if sum(isinstance(f, _Collect) for f in frames) != 1 or len(set(ids)) != len(ids):
        return "the runner named its tests more than once, or never"
    if sum(isinstance(f, _End) for f in frames) != 1 or reports.keys() - set(ids):
        return "the runner reported tests that it did not collect"
    for test in ids:
        steps = [report.when for report in reports.get(test, ())]
        if (
            steps[:1] != ["setup"]
            or steps[-1:] != ["teardown"]
            or len(steps) != len([s for s in steps if s == "call"]) + 2
        ):
            return f"{test} was collected and did not run from setup to teardown"
    return ""


def _hanging(ids: list[str], reports: Mapping[str, list[_Report]]) -> str:
    """The first test that started and did not come to its end."""
    for test in ids:
        if [r.when for r in reports.get(test, ())][-1:] != ["teardown"]:
            return f"in {test}"
    return ""


def _status(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def _tail(raw: RawRun) -> str:
    text = raw.output.strip()
    return f": {text[-_SHOWN:]}" if text else ""


def _result(test: str, reports: list[_Report], blame: Blame) -> TestResult:
    worst = next((r for r in reports if r.outcome == "failed"), None)
    skipped = next((r for r in reports if r.outcome == "skipped"), None)
    if worst is not None:
        outcome = TestOutcome.FAILED if worst.when == "call" else TestOutcome.ERROR
        error = worst.error
        return TestResult(
            id=test,
            outcome=outcome,
            cause=blame.cause(error),
            exception=error.type if error else "",
            message=blame.readable(error.message if error else worst.text)[:_SHOWN],
        )
    if skipped is not None:
        outcome = TestOutcome.XFAILED if skipped.expected else TestOutcome.SKIPPED
        return TestResult(id=test, outcome=outcome, message=skipped.text[:_SHOWN])
    if any(r.expected for r in reports):
        return TestResult(id=test, outcome=TestOutcome.XPASSED)
    if any(r.outcome != "passed" for r in reports) or len(reports) < 3:
        return TestResult(id=test, outcome=TestOutcome.ERROR, cause=Cause.OTHER)
    return TestResult(id=test, outcome=TestOutcome.PASSED)
