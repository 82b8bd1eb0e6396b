"""What the server measured. Nothing an agent says is in here except as a ``claim`` to be compared.

The judge fills ``Run``, ``RedFacts`` and ``GreenFacts``; the import fills ``TreeChange``; people
and review sessions fill ``Approval`` and ``ReviewVerdict``. Checks in ``core.gates`` are pure
functions over ``GateFacts``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = [
    "Answer",
    "Approval",
    "BaseFacts",
    "Cause",
    "ChangeKind",
    "Comment",
    "CoveredFile",
    "Fate",
    "Finding",
    "GateFacts",
    "GivenApproval",
    "GreenFacts",
    "JobFacts",
    "Mutant",
    "RedFacts",
    "ReviewIssue",
    "ReviewVerdict",
    "Run",
    "TestOutcome",
    "TestResult",
    "Trail",
    "TreeChange",
    "WorkFacts",
]


class TestOutcome(StrEnum):
    """What a runner says of one test, over setup, call and teardown together."""

    __test__ = False  # not a test class for pytest

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"


class Cause(StrEnum):
    """Why a test is not green.

    ``BEHAVIOUR`` is an exception that the code under test raised, a call whose arguments it does
    not take (yet), or an operation that what it gave back does not allow. An exception that the
    test itself raises is ``OTHER``, and so is a name that does not exist and is not planned.
    """

    NONE = "none"
    ASSERTION = "assertion"
    PLANNED_SYMBOL = "planned_symbol"
    BEHAVIOUR = "behaviour"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """One test of one run. ``id`` is the runner's own (``tests/test_x.py::test_a[1]``)."""

    __test__ = False

    id: str
    outcome: TestOutcome
    cause: Cause = Cause.NONE
    exception: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a test runner.

    A run can be whole although files could not be collected: look at ``collect_errors`` as well.

    Args:
        purpose: ``base``, ``red``, ``green``, ``revert``, ``twin``, ``perturbed``, ``neutral`` or
            ``control``.
        tree: oid of the tree that was checked out (variants are named by ``purpose``).
        whole: every collected test reported setup to teardown and the runner ended by itself.
        problem: why the run says nothing, empty if it is whole.
        tests: results by id, in order of collection.
        collect_errors: test file → the runner's message, for files that could not be collected.
        duration_s: wall time in seconds.
    """

    purpose: str
    tree: str
    whole: bool
    problem: str = ""
    tests: tuple[TestResult, ...] = ()
    collect_errors: Mapping[str, str] = field(default_factory=dict)
    duration_s: float = 0.0

    @property
    def ids(self) -> frozenset[str]:
        """Ids of all collected tests."""
        return frozenset(test.id for test in self.tests)

    def with_outcome(self, *outcomes: TestOutcome) -> frozenset[str]:
        """Ids of the tests that ended so."""
        return frozenset(test.id for test in self.tests if test.outcome in outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something noticed in a text without running it; ``kind`` such as ``runner_import``."""

    kind: str
    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFacts:
    """How the suite of a base does by itself, before anybody changed anything.

    Args:
        problem, remedy: as in ``RedFacts``.
        environment: digest of the environment it ran in.
        level: confinement level it ran at.
        run: the full suite, in the project's own order.
        again: the same once more, in a random order.
        seed: of that order.
        flaky: ids that did not end alike in both.
    """

    problem: str = ""
    remedy: str = ""
    environment: str = ""
    level: str = "none"
    run: Run | None = None
    again: Run | None = None
    seed: int = 0
    flaky: tuple[str, ...] = ()

    @property
    def failing(self) -> tuple[str, ...]:
        """Ids that fail in the project's own order, and files that cannot be collected."""
        if self.run is None:
            return ()
        bad = self.run.with_outcome(TestOutcome.FAILED, TestOutcome.ERROR)
        return (*self.run.collect_errors, *(test.id for test in self.run.tests if test.id in bad))


@dataclass(frozen=True, slots=True, kw_only=True)
class RedFacts:
    """The measurement behind RED: new tests on the phase's base, with planned symbols stubbed.

    Args:
        problem: why nothing could be measured (→ ``undetermined``), empty otherwise.
        remedy: what to do about the problem.
        environment: digest of the environment it ran in.
        level: confinement level it ran at.
        base: full suite on the base tree.
        red: the suite of the candidate tree (sources = base, stubs for planned symbols): at least
            all tests in changed test files; each new test ran.
        new_tests: ids in the candidate that the base does not have, or whose own body changed.
        guards: those of ``new_tests`` that pass, while the same function fails with other
            parameters or in another class: they say where the new behaviour ends. Likewise those
            that are skipped, as for another platform.
        stubbed: planned symbols that were replaced by raising stubs.
        not_stubbed: planned symbol → why no stub could be written.
        config: digest of the *meaning* of the test configuration in the candidate tree.
        meaningless: those of ``new_tests`` whose text shows that the code under test has no part in
            how they end → what is the matter.
        undiscovered: test files that the runner does not find by itself, as the project has set it
            up; ``None`` if that is not known.
        flaky: ids of which the base is known to give different results by itself.
    """

    problem: str = ""
    remedy: str = ""
    environment: str = ""
    level: str = "none"
    base: Run | None = None
    red: Run | None = None
    new_tests: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    stubbed: tuple[str, ...] = ()
    not_stubbed: Mapping[str, str] = field(default_factory=dict)
    config: str = ""
    meaningless: Mapping[str, str] = field(default_factory=dict)
    undiscovered: tuple[str, ...] | None = None
    flaky: tuple[str, ...] = ()


class Fate(StrEnum):
    """What became of a fault that was put into the code on purpose."""

    NOTICED = "noticed"
    SURVIVED = "survived"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A changed symbol with one small fault in it.

    Args:
        symbol: ``pkg/text.py::Class.method``.
        path: the file, ``line`` the place in the candidate.
        what: the fault in a few words.
        diff: the statement as it was and with the fault.
        noticed_by: tests that did not pass with it.
        problem: why the run did not end by itself, if it did not: that is noticed, too.
        planned: the symbol is a function that the plan names.
    """

    symbol: str
    path: str
    line: int
    what: str
    diff: str
    fate: Fate
    noticed_by: tuple[str, ...] = ()
    problem: str = ""
    planned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredFile:
    """What the suite ran of one changed source; statements are named by their first line.

    Args:
        statements: how many there are in the file.
        missed: those that did not run.
        changed: those that differ from the base.
    """

    path: str
    statements: int
    missed: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()

    @property
    def missed_changes(self) -> tuple[int, ...]:
        """Changed statements that did not run."""
        return tuple(line for line in self.changed if line in self.missed)


@dataclass(frozen=True, slots=True, kw_only=True)
class GreenFacts:
    """The measurement behind GREEN: the frozen tests on the candidate's sources, and what it
    takes to believe them.

    The runs after ``suite`` are only made if that is green; all but ``revert`` have the candidate's
    sources and the new tests, in other words each time.

    Args:
        problem, remedy: as in ``RedFacts``.
        suite: full suite, frozen tests, candidate sources.
        revert: the new tests with all sources back at the base: must be red.
        control: the new tests with a first line that fails, and tests of the judge's own that
            fail: green means the runner lies.
        not_sunk: new tests whose function was not found, which therefore are not in ``control``.
        twin: the new tests with every assertion inverted: each must go red.
        not_inverted: new tests without anything to invert (no oracle).
        perturbed: the new tests with other expected values: those in ``perturbed_tests`` must go
            red, the others expect no value that could be changed.
        unexpected: the same with those expectations inverted: what an expected value was compared
            with must not equal another one as well; measured if ``perturbed`` is not red.
        neutral: the new tests in other words only: must be green.
        neutral_again: the same once more, in other words and in the order of the files; measured
            if ``neutral`` is not green.
        mutants: changed functions that new tests call, and planned symbols, with one fault each.
        not_tried: changed symbols without one: no test calls them, or no fault was left.
        coverage: what the suite ran of each changed source.
        seed: what words, orders and faults were chosen by.
        red_tests: ids that were red at RED; each must now pass.
        base_green: ids that passed on the base; each must still pass.
        kind: kind of work that was measured without a RED; ``red_tests`` are then the old tests
            that reach what changed. Empty otherwise.
        frozen_changed: frozen test files or configuration whose meaning differs from RED.
        findings: static findings that are new against the base.
        commented: comment blocks that are code and new against the base, tests included; ``None``
            if nobody looked.
        flaky: as in ``RedFacts``.
    """

    problem: str = ""
    remedy: str = ""
    environment: str = ""
    level: str = "none"
    suite: Run | None = None
    revert: Run | None = None
    control: Run | None = None
    not_sunk: tuple[str, ...] = ()
    twin: Run | None = None
    not_inverted: tuple[str, ...] = ()
    perturbed: Run | None = None
    perturbed_tests: tuple[str, ...] = ()
    unexpected: Run | None = None
    neutral: Run | None = None
    neutral_again: Run | None = None
    mutants: tuple[Mutant, ...] = ()
    not_tried: tuple[str, ...] = ()
    coverage: tuple[CoveredFile, ...] = ()
    seed: str = ""
    red_tests: tuple[str, ...] = ()
    base_green: tuple[str, ...] = ()
    kind: str = ""
    frozen_changed: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    commented: tuple[Finding, ...] | None = None
    flaky: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What a job of the judge that a check asked for came to.

    Args:
        problem, remedy: as in ``RedFacts``; a command that did not end by itself in its time is
            one.
        environment, level: as in ``RedFacts``.
        exit_code: how a command ended.
        output: the end of what it printed.
        duration_s: wall time in seconds.
        findings: what a set of rules noticed in changed sources.
        looked_at: how many sources those rules read.
    """

    problem: str = ""
    remedy: str = ""
    environment: str = ""
    level: str = "none"
    exit_code: int | None = None
    output: str = ""
    duration_s: float = 0.0
    findings: tuple[Finding, ...] = ()
    looked_at: int = 0


class ChangeKind(StrEnum):
    """How a path differs between two trees."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeChange:
    """One path that differs from the base."""

    path: str
    kind: ChangeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFacts:
    """What kind of work a diff is, read from its paths and sources without running anything.

    Args:
        problem, remedy, environment: as in ``RedFacts``; nothing runs, so there is no environment.
        kind: a ``work.Kind``; empty if nothing was changed.
        why: what decided, as a sentence.
        notes: what a reviewer should know all the same, such as public names that are gone.
    """

    problem: str = ""
    remedy: str = ""
    environment: str = ""
    level: str = "none"
    kind: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewIssue:
    """One remark of a reviewer, by place."""

    file: str
    line: int
    severity: str
    blocking: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewVerdict:
    """A typed verdict of a review session on one tree."""

    role: str
    agent_id: str
    session_id: str
    tree: str
    verdict: str
    issues: tuple[ReviewIssue, ...] = ()


class Answer(StrEnum):
    """What a reviewer's comment was answered by."""

    NOBODY = ""
    DIFF = "diff"
    REVIEWER = "reviewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A remark of any review of the task, on the tree that it was made on."""

    role: str
    file: str
    line: int
    message: str
    tree: str
    answered_by: Answer = Answer.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a person says about a waiting gate, bound to exactly what they saw.

    Args:
        binding: digest over task, gate, tree oid, artifact digests, workflow digest, environment
            digest.
        strength: how they proved who they are, a ``model.Strength``.
    """

    id: str
    gate: str
    by: str
    binding: str
    strength: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenApproval:
    """A yes to a gate, and what it was given on.

    Args:
        by: the person, or ``orchestrator`` or ``review_agent``.
        strength: as in ``Approval``.
        epoch: of the task at that moment.
    """

    gate: str
    phase: str
    by: str
    tree: str
    strength: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """The past of a task as far as it counts, see ``core.trail``.

    Args:
        left: phase → tree that it was left with.
        fresh_since: phases after whose end the present session was started.
        approvals: yeses to gates of those phases.
    """

    left: Mapping[str, str] = field(default_factory=dict)
    fresh_since: frozenset[str] = frozenset()
    approvals: tuple[GivenApproval, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """Everything a gate may look at, for one task at one moment.

    Args:
        tree: oid that was imported and judged.
        base_tree: oid the task started from.
        artifacts: type → document; each is valid against its schema.
        changes: difference of ``tree`` to ``base_tree``.
        own_changes: those of ``changes`` that the phase may make. A phase that is entered again
            answers for what it did before.
        refused: path → reason, for what the import did not take over.
        authors: agent ids of everybody who ever held the task; ``verdicts`` by them do not count.
        comments: of all reviews so far, with what became of each.
        binding: what an approval would be bound to, see ``core.binding``.
        jobs, paths, texts, documents, differences, invalid: what checks asked for, see
            ``gates.jobs.Plan``. ``paths`` is ``None`` if nobody asked; a text is ``None`` if the
            tree has no such file, and a document that cannot be read is not among them.
        trail: what the task has behind it.
        work: what was measured of the kind of work, if it was.
        named: what conditions may ask about, by dotted name.
    """

    tree: str = ""
    base_tree: str = ""
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[TreeChange, ...] = ()
    own_changes: tuple[TreeChange, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    red: RedFacts | None = None
    green: GreenFacts | None = None
    verdicts: tuple[ReviewVerdict, ...] = ()
    authors: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    binding: str = ""
    jobs: Mapping[str, JobFacts] = field(default_factory=dict)
    paths: tuple[str, ...] | None = None
    texts: Mapping[str, str | None] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)
    differences: Mapping[str, tuple[TreeChange, ...]] = field(default_factory=dict)
    invalid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trail: Trail = Trail()
    work: WorkFacts | None = None
    named: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_foreign_changes(self) -> bool:
        """Whether the tree holds what only another phase may write, as after going back.

        Then the agent's own runs see sources that the judge of this phase leaves out.
        """
        return len(self.changes) > len(self.own_changes)
